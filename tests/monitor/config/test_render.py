from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import yaml
from config_problems import load_text

from monitor.config.config import Config
from monitor.config.load import load_config
from monitor.config.render import render_yaml

EVERYTHING = Path(__file__).parent / "examples" / "everything.yml"


def without_places(config: Config) -> Config:
    return replace(config, warnings=(), files=())


def test_what_is_rendered_loads_as_the_same_configuration():
    config = load_config(EVERYTHING)

    again = load_text(render_yaml(config))

    assert without_places(again) == without_places(config)
    assert render_yaml(again) == render_yaml(config)


def test_the_defaults_are_rendered_too():
    rendered = yaml.safe_load(render_yaml(load_text("scrape_configs: [{job_name: a}]")))

    assert rendered["global"]["scrape_interval"] == "1m"
    assert rendered["scrape_configs"][0]["metrics_path"] == "/metrics"
    assert rendered["storage"]["tsdb"]["retention"] == {"time": "15d"}
    assert rendered["limits"]["query_steps"] == 11_000


def test_no_secret_is_rendered():
    text = render_yaml(
        load_text("""
        scrape_configs:
        - job_name: a
          basic_auth: {username: me, password: hunter2}
          tls_config: {cert: c, key: hunter2}
          http_headers: {X-Token: {secrets: [hunter2], values: [hunter2]}}
          proxy_url: http://me:hunter2@proxy:3128
        - {job_name: b, authorization: {credentials: hunter2}}
        route: {receiver: r}
        receivers:
        - name: r
          webhook_configs:
          - {url: http://x/hunter2, signing_secret: whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg==}
        scaling_policies:
        - {name: a, expr: x, target_value: 1, max_replicas: 1, actuator: {webhook: {url: http://hunter2}}}
        alerts_database: postgresql://me:hunter2@db/x
    """)
    )

    assert "hunter2" not in text
    assert "whsec" not in text
    assert text.count("<secret>") == 9
    assert "http://me:xxxxx@proxy:3128" in text
