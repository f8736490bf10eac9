"""What the service says of itself below /api/v1/status."""

from __future__ import annotations

import threading

from api_server import serving

from monitor.config.config import Config
from monitor.config.scrape_config import ScrapeConfig


def test_the_version_is_one_that_clients_know(api):
    data = api.get("status/buildinfo").data
    assert data["version"] == "3.5.0"
    assert data["revision"] == "plimsoll-0.1.0"
    assert set(data) == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}


def test_nothing_makes_grafana_take_us_for_mimir(api):
    assert "features" not in api.get("status/buildinfo").data


def test_the_configuration_in_force_is_shown(context):
    with serving(context, config=lambda: Config(scrape_configs=(ScrapeConfig("shown", 15_000, 10_000),))) as api:
        assert "job_name: shown" in api.get("status/config").data["yaml"]


def test_flags_are_shown(api):
    assert api.get("status/flags").data == {"config.file": "plimsoll.yml"}


def test_the_state_of_the_process(api):
    data = api.get("status/runtimeinfo").data
    assert data["startTime"] == "2023-11-14T22:13:20Z"
    assert (data["reloadConfigSuccess"], data["lastConfigTime"]) == (True, "2023-11-14T22:13:21Z")
    assert (data["storageRetention"], data["corruptionCount"], data["CWD"]) == ("15d", 0, "/srv")
    assert 1 <= data["goroutineCount"] <= threading.active_count() + 10


def test_where_the_series_come_from(api):
    data = api.get("status/tsdb").data
    assert data["headStats"]["numSeries"] == 8
    assert data["headStats"]["numLabelPairs"] == 3 + 2 + 1 + 3 + 2
    assert data["seriesCountByMetricName"] == [
        {"name": "http_requests_total", "value": 4},
        {"name": "up", "value": 3},
        {"name": "odd", "value": 1},
    ]
    assert data["seriesCountByLabelValuePair"][0] == {"name": "job=api", "value": 7}
    assert data["labelValueCountByLabelName"][0] == {"name": "__name__", "value": 3}
    assert {"name": "job", "value": 7 * 8 + 7} in data["memoryInBytesByLabelName"]


def test_the_lists_are_as_long_as_asked(api):
    assert len(api.get("status/tsdb", limit="1").data["labelValueCountByLabelName"]) == 1
    assert len(api.get("status/tsdb", limit="999999999").data["labelValueCountByLabelName"]) == 5
