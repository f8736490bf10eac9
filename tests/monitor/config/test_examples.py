"""Files as people have them load unchanged, and promtool has nothing to say against them either."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from config_problems import load_text
from peers import find_peer

from monitor.config.config import Config
from monitor.config.load import load_config
from monitor.config.render import render_yaml

EXAMPLES = Path(__file__).parent / "examples"


def load_example(name: str) -> Config:
    return load_config(EXAMPLES / name, environment={"POD_NAME": "p-0"})


@pytest.mark.parametrize("name", ["kubernetes.yml", "bare_metal.yml"])
def test_promtool_accepts_the_examples(name):
    command = [find_peer("PROMTOOL"), "check", "config", "--syntax-only", str(EXAMPLES / name)]

    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", ["kubernetes.yml", "bare_metal.yml"])
def test_an_example_renders_to_what_loads_again(name):
    config = load_example(name)

    again = load_text(render_yaml(config))

    assert [job.relabel_configs for job in again.scrape_configs] == [
        job.relabel_configs for job in config.scrape_configs
    ]
    assert again.global_config == config.global_config


def test_a_bare_metal_configuration_is_done_in_full():
    config = load_example("bare_metal.yml")

    assert config.warnings == ()
    assert [job.job_name for job in config.scrape_configs] == [
        "self", "node", "node-slow", "blackbox", "federate", "old-names",
    ]  # fmt: skip
    assert config.scrape_configs[2].file_sd_configs == config.scrape_configs[1].file_sd_configs
    assert config.scrape_configs[2].scrape_interval_ms == 3_600_000


def test_a_kubernetes_configuration_loads_with_a_warning_for_each_key_that_is_ignored():
    config = load_example("kubernetes.yml")

    assert [warning.path for warning in config.warnings] == [
        "global.scrape_failure_log_file",
        "runtime",
        "alerting",
        "scrape_configs[0].kubernetes_sd_configs",
        "scrape_configs[1].kubernetes_sd_configs",
        "scrape_configs[2].kubernetes_sd_configs",
        "remote_write",
        "remote_read",
        "otlp",
        "storage.exemplars",
        "tracing",
    ]
    assert dict(config.global_config.external_labels) == {"cluster": "blue", "replica": "$(POD_NAME)", "pod": "p-0"}


def test_no_secret_of_an_example_shows_in_what_is_printed():
    config = load_example("kubernetes.yml")

    assert "not-a-real" not in render_yaml(config) + repr(config)
