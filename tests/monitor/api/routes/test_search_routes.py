"""Finding a metric by what one remembers of its name."""

from __future__ import annotations

import pytest
from api_server import open_context, serving

from monitor.config.scrape_config import ScrapeConfig
from monitor.model.labels import Labels
from monitor.scrape.exposition.exposition_grammar import MetricType
from monitor.scrape.exposition.parse_exposition import FamilyMetadata
from monitor.scrape.target import Target
from monitor.scrape.target_status import JobTargets, TargetStatus


def job_of(*metadata: FamilyMetadata) -> JobTargets:
    labels, config = Labels({"job": "api"}), ScrapeConfig("api", 15_000, 10_000)
    target = Target("a:80", "http://a:80/metrics", labels, labels, 15_000, 10_000, config)
    return JobTargets("api", (TargetStatus(target, metadata=metadata),), (), 0)


@pytest.fixture
def server(tmp_path):
    with open_context(tmp_path) as context:
        jobs = [job_of(FamilyMetadata("http_requests", MetricType.COUNTER, "All requests.", "requests"))]
        with serving(context, targets=lambda: jobs) as client:
            series = [({"__name__": "http_requests_total", "i": f"{i}"}, {1000: 1.0}) for i in range(3)]
            client.write([*series, ({"__name__": "up"}, {1000: 1.0})])
            yield client


def test_a_name_comes_with_what_is_known_of_it(server):
    assert server.get("search/metrics", q="httpreq").data == [
        {
            "name": "http_requests_total",
            "type": "counter",
            "unit": "requests",
            "help": "All requests.",
            "series": 3,
        }
    ]


def test_of_a_pushed_metric_only_its_series_are_known(server):
    assert server.get("search/metrics", q="up").data == [
        {"name": "up", "type": "unknown", "unit": "", "help": "", "series": 1}
    ]


def test_the_list_has_a_length(server):
    assert [row["name"] for row in server.get("search/metrics", limit="1").data] == ["http_requests_total"]
    assert server.get("search/metrics", limit="x").status == 400


def test_nothing_fits_and_nothing_comes(server):
    assert server.get("search/metrics", q="zzz" * 1000).data == []
