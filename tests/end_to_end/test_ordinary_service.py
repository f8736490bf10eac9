"""`plimsoll serve` with a prometheus.yml that was written for Prometheus."""

from __future__ import annotations

import gzip

import orjson
import pytest
from ordinary_config import NOT_DONE
from service_process import ServiceProcess, running_service, wait_until

RULES = """\
groups:
- name: web
  rules:
  - {record: job:requests, expr: sum by (job) (requests_total)}
  - {alert: Down, expr: up == 0, for: 1m}
"""


@pytest.fixture(scope="module", autouse=True)
def scraped(service: ServiceProcess) -> None:
    wait_until(lambda: service.value("requests_total") == 7)


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready", "/docs", "/metrics", "/"])
def test_it_answers_at(service, path):
    reply = service.client.request("GET", path)
    assert reply.status == 200
    assert reply.body.strip()


@pytest.mark.parametrize(("path", "line"), NOT_DONE.items())
def test_what_it_does_not_do_is_said_in_one_line(service, path, line):
    places = f"{service.config_file}:{line}: {path}: ignored: "
    assert service.log().count(places) == 1
    assert service.log().count(f" {path}:") == 1


def test_no_secret_is_in_the_log_or_the_shown_configuration(service):
    shown = service.client.get("status/config").data["yaml"]
    assert "not-a-real-password" not in shown + service.log()


def test_its_own_metrics_tell_of_its_work(service):
    assert service.metric("plimsoll_scrapes_total") > 0
    assert service.metric("plimsoll_scrape_targets") == 1
    assert service.metric("plimsoll_config_last_reload_successful") == 1


def test_the_target_is_up_with_the_labels_of_the_configuration(service):
    target = service.targets()["web"]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert target["labels"]["env"] == "test"


def test_a_wrong_query_is_answered_with_the_position(service):
    reply = service.client.get("query", query="sum(rate(requests_total[5m])")
    assert (reply.status, reply.json["errorType"]) == (400, "bad_data")
    assert "1:29: parse error: unclosed left parenthesis" in reply.json["error"]


# Calls that tests/monitor/api/test_grafana_calls.py looks at in detail, here through the real program.
GRAFANA_CALLS = [
    ("POST", "query", {"query": "1+1", "time": "4"}),
    ("POST", "query_range", {"query": "up", "start": "1", "end": "2", "step": "1"}),
    ("POST", "query_exemplars", {"query": "up", "start": "1", "end": "2"}),
    ("POST", "labels", {"limit": "40000"}),
    ("GET", "label/__name__/values", {"limit": "40000"}),
    ("POST", "series", {"match[]": '{__name__!=""}', "limit": "1"}),
    ("GET", "metadata", {}),
    ("GET", "status/buildinfo", {}),
    ("GET", "status/flags", {}),
    ("GET", "rules", {"group_limit": "40"}),
    ("GET", "alerts", {}),
]


@pytest.mark.parametrize(("method", "path", "parameters"), GRAFANA_CALLS, ids=[call[1] for call in GRAFANA_CALLS])
def test_a_call_of_grafana_succeeds(service, method, path, parameters):
    ask = service.client.post if method == "POST" else service.client.get
    assert ask(path, **parameters).json["status"] == "success"


def test_a_large_answer_is_compressed_for_who_asks(service):
    reply = service.client.request("GET", "/api/v1/status/config", headers={"Accept-Encoding": "gzip"})
    assert orjson.loads(gzip.decompress(reply.body))["status"] == "success"


def test_rule_files_are_evaluated_and_shown(tmp_path, target):
    (tmp_path / "rules.yml").write_text(RULES)
    scrape = f"{{job_name: web, static_configs: [{{targets: ['127.0.0.1:{target.port}']}}]}}"
    intervals = "{scrape_interval: 200ms, evaluation_interval: 200ms}"
    config = f"global: {intervals}\nrule_files: [rules.yml]\nscrape_configs: [{scrape}]\n"
    with running_service(tmp_path, config) as service:
        wait_until(lambda: service.value("job:requests") == 7)
        (group,) = service.client.get("rules").data["groups"]
        assert [(rule["name"], rule["health"]) for rule in group["rules"]] == [("job:requests", "ok"), ("Down", "ok")]
        assert service.stop() == 0
