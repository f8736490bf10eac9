"""Who asks for which metric."""

from __future__ import annotations

import numpy as np
import pytest
from history_server import HistoryServer, history_server

from monitor.clock import SystemClock
from monitor.history.metric_usage import CountedStore, MetricUsage, UsageKind
from monitor.model.label_frame import LabelFrame
from monitor.model.matchers import Matcher, MatchOp


@pytest.fixture
def server(tmp_path):
    with history_server(tmp_path) as running:
        source = running.store.open_source("target", 5_000)
        source.set_layout(LabelFrame.of([{"__name__": name, "i": str(i)} for name in "abc" for i in range(4)]))
        source.append_row(1_000, np.arange(12.0))
        yield running


def usage(server: HistoryServer, **parameters: str) -> dict[str, dict]:  # type: ignore[type-arg]
    data = server.api.get("status/metric_usage", **parameters).data
    return {each["name"]: each for each in data["usage"]}


def test_a_metric_that_nobody_asked_for_says_so(server: HistoryServer) -> None:
    server.api.get("query", query="b", time="1")
    data = server.api.get("status/metric_usage").data
    assert (data["metrics"], data["neverUsed"]) == (3, 2)
    assert [each["name"] for each in data["usage"]] == ["a", "c", "b"]
    assert data["usage"][0] == {
        "name": "a",
        "series": 4,
        "samplesPerSecond": 0.8,
        "lastUsed": None,
        "lastUsedBy": None,
        "uses": {"query": 0, "dashboard": 0, "rule": 0},
    }


def test_queries_dashboards_and_rules_are_told_apart(server: HistoryServer) -> None:
    server.api.get("query", query="b", time="1")
    path = "/api/v1/query_range?query=sum(rate({__name__=~%22b|c%22}[5m]))%2Bmissing&start=0&end=2&step=1"
    assert server.api.request("GET", path, headers={"X-Dashboard-Uid": "abc"}).status == 200
    assert usage(server)["b"]["uses"] == {"query": 1, "dashboard": 1, "rule": 0}
    assert usage(server)["b"]["lastUsed"].startswith("2033-05-18T03:33:20")
    assert usage(server)["c"]["lastUsedBy"] == "dashboard"
    assert "missing" not in usage(server)
    assert list(usage(server, limit="1")) == ["a"]


def test_what_rules_read_counts_as_rules(server: HistoryServer) -> None:
    counted = MetricUsage(SystemClock(), names_max=1)
    with CountedStore(server.store, counted, UsageKind.RULE).reader() as reader:
        for name in "ab":
            reader.select((Matcher("__name__", MatchOp.EQUAL, name),), 0, 2_000)
    assert {name: use.counts for name, use in counted.uses().items()} == {"a": {UsageKind.RULE: 1}}


def test_new_series_of_the_last_hour_are_counted(server: HistoryServer) -> None:
    data = server.api.get("status/tsdb").data
    assert data["createdSeriesLastHour"] == 12
    assert {"name": "a", "value": 4} in data["createdSeriesLastHourByMetricName"]
