from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.config.scrape_config import RelabelAction, RelabelRule, ScrapeConfig, ScrapeLimits, StaticGroup
from monitor.model.labels import Labels
from monitor.scrape.discovery.build_targets import build_targets

JOB = ScrapeConfig("web", 15_000, 10_000)
DROP_B = RelabelRule(RelabelAction.DROP, ("__address__",), regex="b.*")


def group(*addresses: str, **labels: str) -> StaticGroup:
    return StaticGroup(addresses, Labels(labels), "static/0")


def test_a_target_has_a_url_labels_and_what_was_known_before():
    config = replace(JOB, params={"q": ("1",)})

    target = build_targets(config, [group("h:80", zone="eu")]).targets[0]

    assert target.url == "http://h:80/metrics?q=1"
    assert target.labels == Labels({"job": "web", "instance": "h:80", "zone": "eu"})
    assert dict(target.discovered_labels) == {
        "__address__": "h:80", "__metrics_path__": "/metrics", "__param_q": "1", "__scheme__": "http",
        "__scrape_interval__": "15s", "__scrape_timeout__": "10s", "job": "web", "zone": "eu",
    }  # fmt: skip
    assert (target.scrape_interval_ms, target.scrape_timeout_ms, target.config) == (15_000, 10_000, config)


def test_labels_of_a_group_win_over_those_of_the_job():
    labels = {
        "job": "other", "instance": "me", "__scheme__": "https", "__metrics_path__": "/m",
        "__scrape_interval__": "200ms", "__scrape_timeout__": "100ms", "__param_q": "2",
    }  # fmt: skip

    target = build_targets(replace(JOB, params={"q": ("1",)}), [group("h", **labels)]).targets[0]

    assert target.url == "https://h/m?q=2"
    assert target.labels == Labels({"job": "other", "instance": "me"})
    assert (target.scrape_interval_ms, target.scrape_timeout_ms) == (200, 100)


def test_meta_labels_serve_relabelling_and_are_gone_after_it():
    rule = RelabelRule(RelabelAction.REPLACE, ("__meta_name",), target_label="name")

    target = build_targets(replace(JOB, relabel_configs=(rule,)), [group("h:1", __meta_name="x")]).targets[0]

    assert target.labels == Labels({"job": "web", "instance": "h:1", "name": "x"})
    assert target.key == build_targets(JOB, [group("h:1", name="x", __meta_other="y")]).targets[0].key


def test_dropped_targets_are_counted_and_some_are_kept():
    config = replace(JOB, relabel_configs=(DROP_B,), keep_dropped_targets=1)

    found = build_targets(config, [group("a", "b1", "b2")])

    assert [target.url for target in found.targets] == ["http://a/metrics"]
    assert ([dropped.discovered_labels["__address__"] for dropped in found.dropped], found.dropped_total) == (["b1"], 2)


def test_all_dropped_targets_are_kept_without_a_limit():
    found = build_targets(replace(JOB, relabel_configs=(DROP_B,)), [group("b1", "b2")])

    assert (len(found.dropped), found.dropped_total) == (2, 2)


def test_a_target_found_twice_is_one():
    assert len(build_targets(JOB, [group("a", "a"), group("a", __meta_x="y")]).targets) == 1


def test_a_default_port_is_not_added():
    assert build_targets(JOB, [group("h")]).targets[0].labels["instance"] == "h"


@pytest.mark.parametrize(
    ("address", "labels", "failure"),
    [
        ("", {}, "no address"),
        ("http://a/", {}, '"http://a/" is not a valid hostname'),
        ("a", {"__scheme__": "ftp"}, 'invalid scheme: "ftp"'),
        ("a", {"__scrape_interval__": "x"}, 'error parsing scrape interval: not a valid duration string: "x"'),
        ("a", {"__scrape_interval__": "0s"}, "scrape interval cannot be 0"),
        ("a", {"__scrape_timeout__": "5"}, 'error parsing scrape timeout: not a valid duration string: "5"'),
        ("a", {"__scrape_timeout__": "0"}, "scrape timeout cannot be 0"),
        (
            "a",
            {"__scrape_timeout__": "1m"},
            'scrape timeout cannot be greater than scrape interval ("1m" > "15s")',
        ),
        ("a", {"x": "\ud800"}, 'invalid label value for "x": "\\ud800"'),
    ],
)
def test_a_target_that_makes_no_sense_is_a_failure_in_upstreams_words(address, labels, failure):
    found = build_targets(JOB, [group("ok"), group("fine", address, **labels)])

    assert f"instance 1 in group static/0: {failure}" in found.failures
    assert "http://ok/metrics" in [target.url for target in found.targets]


def test_more_targets_than_the_limit_are_not_to_be_scraped():
    config = replace(JOB, limits=ScrapeLimits(targets=2))

    assert build_targets(config, [group("a", "b", "b")]).limit_error == ""
    assert build_targets(config, [group("a", "b", "c")]).limit_error == (
        "target_limit exceeded (number of targets: 3, limit: 2)"
    )
