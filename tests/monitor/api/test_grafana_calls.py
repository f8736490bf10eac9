"""The calls of Grafana's Prometheus data source, sent as Grafana sends them.

Its backend (a Go program) asks for gzip and posts forms; sources: grafana/grafana pkg/promlib/client/client.go and
packages/grafana-prometheus/src/resource_clients.ts.
"""

from __future__ import annotations

import gzip
from urllib.parse import urlencode

import orjson
import pytest
from api_server import FORM, Reply, serving
from api_story import END, START_MS

from alerts.api.rule_answers import RuleAnswers
from monitor.api.routes.rule_routes import RuleRoutes

HEADERS = {"User-Agent": "Grafana/12.1.0", "Accept-Encoding": "gzip", "X-Grafana-Org-Id": "1"}
START = START_MS // 1000


def data_of(reply: Reply):
    body = gzip.decompress(reply.body) if reply.headers.get("content-encoding") == "gzip" else reply.body
    assert reply.status == 200, body
    answer = orjson.loads(body)
    assert answer["status"] == "success"
    return answer["data"]


def post(api, path: str, **parameters):
    return data_of(api.request("POST", f"/api/v1/{path}", urlencode(parameters, doseq=True), {**HEADERS, **FORM}))


def get(api, path: str, **parameters):
    query = urlencode(parameters, doseq=True)
    return data_of(api.request("GET", f"/api/v1/{path}?{query}", headers=HEADERS))


@pytest.fixture(scope="module")
def grafana(context, api):
    del api  # the story is in the store
    with serving(context, endpoints=RuleRoutes(RuleAnswers(tuple)).endpoints()) as client:
        yield client


def test_save_and_test(grafana):
    assert post(grafana, "query", query="1+1", time="4") == {"resultType": "scalar", "result": [4, "2"]}


def test_a_panel(grafana):
    shown = post(
        grafana, "query_range", query='sum by (code) (rate(http_requests_total{job="api"}[1m]))',
        start=f"{START + 600}", end=f"{END}", step="15", timeout="60s",
    )  # fmt: skip
    assert shown["resultType"] == "matrix"
    assert [series["metric"] for series in shown["result"]] == [{"code": "200"}, {"code": "500"}]
    assert all(point[0] % 15 == (START + 600) % 15 for point in shown["result"][0]["values"])


def test_a_stat_panel_and_explores_table(grafana):
    shown = post(grafana, "query", query="up", time=f"{END}.000")
    assert {series["metric"]["job"]: series["value"][1] for series in shown["result"]} == {"api": "1", "db": "0"}


def test_the_exemplar_toggle(grafana):
    assert post(grafana, "query_exemplars", query="rate(http_requests_total[1m])", start=str(START), end=str(END)) == []


def test_autocompletion_of_label_names(grafana):
    names = post(grafana, "labels", start=str(START), end=str(END), limit="40000", **{"match[]": 'up{job="api"}'})
    assert names == ["__name__", "instance", "job"]


def test_the_list_of_metrics(grafana):
    names = get(grafana, "label/__name__/values", start=str(START), end=str(END), limit="40000")
    assert names == ["http_requests_total", "odd", "up"]


def test_a_variable(grafana):
    values = get(grafana, "label/instance/values", start=str(START), end=str(END), **{"match[]": 'up{job=~"api|db"}'})
    assert len(values) == 3
    assert get(grafana, "label/U__dotted_2e_name/values", limit="40000") == ['é<"\\\n']


def test_series_of_older_versions(grafana):
    found = post(grafana, "series", start=str(START), end=str(END), limit="2", **{"match[]": '{__name__!=""}'})
    assert len(found) == 2


def test_the_help_texts(grafana):
    assert get(grafana, "metadata", limit="40000") == {}


def test_the_version_gate(grafana):
    build = get(grafana, "status/buildinfo")
    assert tuple(map(int, build["version"].split("."))) >= (2, 24, 0)
    assert "features" not in build
    assert get(grafana, "status/flags")


def test_the_list_of_alerts(grafana):
    assert get(grafana, "rules", group_limit="40", exclude_alerts="true") == {"groups": []}
    assert get(grafana, "alerts") == {"alerts": []}


def test_the_ruler_probe_fails_as_that_of_prometheus_does(grafana):
    for path in ("/rules", "/rules/test/test", "/config/v1/rules"):
        reply = grafana.request("GET", path, headers=HEADERS)
        assert (reply.status, b"page not found" in reply.body) == (404, True)
