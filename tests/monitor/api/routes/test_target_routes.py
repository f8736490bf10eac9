"""Targets, their metadata, and relabelling step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest
from api_server import serving

from monitor.api.shapes.metadata_json import metric_metadata, target_metadata
from monitor.api.shapes.target_json import global_url
from monitor.config.config import Config
from monitor.config.scrape_config import RelabelAction, RelabelRule, ScrapeConfig
from monitor.model.labels import Labels
from monitor.scrape.exposition.exposition_grammar import MetricType
from monitor.scrape.exposition.parse_exposition import FamilyMetadata
from monitor.scrape.target import DroppedTarget, Target
from monitor.scrape.target_status import JobTargets, TargetHealth, TargetStatus

RULES = (
    RelabelRule(RelabelAction.REPLACE, source_labels=("__address__",), target_label="host"),
    RelabelRule(RelabelAction.DROP, source_labels=("host",), regex="a:80"),
)
CONFIG = ScrapeConfig("api", 15_000, 10_000, relabel_configs=RULES)
REQUESTS = FamilyMetadata("requests_total", MetricType.COUNTER, "Requests.", "")
BYTES = FamilyMetadata("size_bytes", MetricType.GAUGE, "Size.", "bytes")
OTHER_BYTES = replace(BYTES, help="Another size.")


def target(job: str, instance: str, *metadata: FamilyMetadata, **status) -> TargetStatus:
    labels = Labels({"job": job, "instance": instance})
    discovered = Labels({"__address__": instance, "job": job})
    scraped = Target(instance, f"http://{instance}/metrics", labels, discovered, 15_000, 10_000, CONFIG)
    return TargetStatus(scraped, metadata=metadata, **status)


UP = target(
    "api", "localhost:80", REQUESTS, BYTES,
    health=TargetHealth.UP, last_scrape_ms=1_700_000_000_250, last_duration_seconds=0.004, last_samples=7,
)  # fmt: skip
DOWN = target("api", "b:80", OTHER_BYTES, health=TargetHealth.DOWN, last_error="connection refused")
NEW = target("db", "c:80")
JOBS = (
    JobTargets("db", (NEW,), (), 0),
    JobTargets("api", (UP, DOWN), (DroppedTarget(Labels({"__address__": "d:80"}), CONFIG),), 3),
)


@pytest.fixture(scope="module")
def targets(context):
    with serving(context, targets=lambda: JOBS, config=lambda: Config(scrape_configs=(CONFIG,))) as client:
        yield client


def test_an_active_target_in_full(targets):
    data = targets.get("targets", state="active", scrapePool="api").data
    assert data["activeTargets"][0] == {
        "discoveredLabels": {"__address__": "localhost:80", "job": "api"},
        "labels": {"instance": "localhost:80", "job": "api"},
        "scrapePool": "api",
        "scrapeUrl": "http://localhost:80/metrics",
        "globalUrl": "http://plimsoll.example:80/metrics",
        "lastError": "",
        "lastScrape": "2023-11-14T22:13:20.25Z",
        "lastScrapeDuration": 0.004,
        "health": "up",
        "scrapeInterval": "15s",
        "scrapeTimeout": "10s",
    }


def test_all_targets_are_sorted_by_job(targets):
    data = targets.get("targets").data
    shown = [(each["scrapePool"], each["health"], each["lastError"]) for each in data["activeTargets"]]
    assert shown == [("api", "up", ""), ("api", "down", "connection refused"), ("db", "unknown", "")]
    assert data["droppedTargets"] == [{"discoveredLabels": {"__address__": "d:80"}, "scrapePool": "api"}]
    assert data["droppedTargetCounts"] == {"api": 3, "db": 0}
    assert data["activeTargets"][2]["lastScrape"] == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("parameters", "active", "dropped", "counts"),
    [
        ({"state": "ANY"}, 3, 1, {"api": 3, "db": 0}),
        ({"state": "active"}, 3, 0, None),
        ({"state": "dropped"}, 0, 1, {"api": 3, "db": 0}),
        ({"state": "dropped", "scrapePool": "db"}, 0, 0, {"api": 3, "db": 0}),
        ({"scrapePool": "db"}, 1, 0, {"api": 3, "db": 0}),
        ({"scrapePool": "nope"}, 0, 0, {"api": 3, "db": 0}),
        ({"state": "other"}, 0, 0, None),
    ],
)
def test_targets_by_state_and_job(targets, parameters, active, dropped, counts):
    data = targets.get("targets", **parameters).data
    assert (len(data["activeTargets"]), len(data["droppedTargets"])) == (active, dropped)
    assert data["droppedTargetCounts"] == counts


@pytest.mark.parametrize(
    ("url", "external", "shown"),
    [
        ("http://a:80/m", "http://x:9090", "http://a:80/m"),
        ("http://localhost:80/m", "https://x:9090/p", "http://x:80/m"),
        ("http://127.0.0.1:9090/m?a=b", "https://x:9090", "https://x:9090/m?a=b"),
        ("http://[::1]/m", "http://x:9090", "http://x/m"),
        ("http://localhost:80/m", "http://[fe80::1]:9090", "http://[fe80::1]:80/m"),
        ("http://localhost:80/m", "", "http://localhost:80/m"),
    ],
)
def test_a_local_address_is_shown_as_others_reach_it(url, external, shown):
    assert global_url(url, external) == shown


def test_names_of_the_jobs(targets):
    assert targets.get("scrape_pools").data == {"scrapePools": ["api", "db"]}


def test_metadata_is_gathered_over_the_targets(targets):
    assert targets.get("metadata").data == {
        "requests_total": [{"type": "counter", "unit": "", "help": "Requests."}],
        "size_bytes": [
            {"type": "gauge", "unit": "bytes", "help": "Size."},
            {"type": "gauge", "unit": "bytes", "help": "Another size."},
        ],
    }


@pytest.mark.parametrize(
    ("parameters", "entries"),
    [
        ({"limit": "1"}, {"requests_total": 1}),
        ({"limit": "0"}, {}),
        ({"limit": "-1"}, {"requests_total": 1, "size_bytes": 2}),
        ({"limit_per_metric": "1"}, {"requests_total": 1, "size_bytes": 1}),
        ({"metric": "size_bytes"}, {"size_bytes": 2}),
        ({"metric": "nope"}, {}),
    ],
)
def test_metadata_is_limited_as_asked(targets, parameters, entries):
    data = targets.get("metadata", **parameters).data
    assert {family: len(found) for family, found in data.items()} == entries


def test_what_a_hundred_targets_say_alike_is_said_once():
    jobs = [JobTargets("api", tuple(target("api", f"{i}:80", REQUESTS) for i in range(100)), (), 0)]
    assert [len(entries) for entries in metric_metadata(jobs, "", None, 0).values()] == [1]


def test_metadata_by_target(targets):
    entry = {"target": {"instance": "b:80", "job": "api"}, "type": "gauge", "unit": "bytes", "help": "Another size."}
    selected = {"match_target": '{instance="b:80"}'}
    assert targets.get("targets/metadata", **selected).data == [{**entry, "metric": "size_bytes"}]
    assert targets.get("targets/metadata", metric="size_bytes", **selected).data == [entry]
    assert targets.get("targets/metadata", match_target='{job="db"}').data == []


def test_a_limit_of_metadata_ends_after_a_whole_target():
    assert len(target_metadata(JOBS, "", (), -1)) == 3
    assert len(target_metadata(JOBS, "", (), 1)) == 2
    assert target_metadata(JOBS, "", (), 0) == []


def test_relabelling_is_shown_step_by_step(targets):
    data = targets.get("targets/relabel_steps", scrapePool="api", labels='{"__address__":"a:80"}').data
    replaced, dropped = data["steps"]
    assert replaced["rule"] == {
        "action": "replace", "separator": ";", "regex": "(.*)",
        "sourceLabels": ["__address__"], "targetLabel": "host", "replacement": "$1",
    }  # fmt: skip
    assert (replaced["output"], replaced["keep"]) == ({"__address__": "a:80", "host": "a:80"}, True)
    assert (dropped["rule"]["action"], dropped["output"], dropped["keep"]) == ("drop", {}, False)
