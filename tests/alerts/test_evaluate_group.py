"""Rules of one group together: what one writes the next one sees, and what happens when they fail or go."""

from __future__ import annotations

import pytest
from alert_timeline import START_MS, AlertTimeline
from native_histograms import parse_histogram

from alerts.group_state import RuleHealth
from monitor.errors import StorageFull

MINUTE = 60_000


def group(rules: str, options: str = "") -> str:
    return f"groups:\n- name: g\n  interval: 1m\n  {options}\n  rules:\n{rules}"


def record(name: str, expression: str, labels: str = "{}") -> str:
    return f"  - {{record: {name}, expr: '{expression}', labels: {labels}}}\n"


def alert(name: str, expression: str) -> str:
    return f"  - {{alert: {name}, expr: '{expression}'}}\n"


def test_a_rule_sees_what_an_earlier_rule_wrote_in_the_same_evaluation(tmp_path):
    story = AlertTimeline(
        group(record("double", "x * 2") + record("more", "double + 1") + alert("A", "more > 10")), tmp_path
    )

    story.at("1m").push("x", 5)

    story.expect_firing('{alertname="A"}')
    assert story.series("more") == {"more": 11}


def test_a_rule_sees_the_alerts_of_an_earlier_rule(tmp_path):
    rules = alert("Cause", "x > 0") + alert("Effect", 'ALERTS{{alertname="Cause", alertstate="firing"}}'.format())
    story = AlertTimeline(group(rules), tmp_path)

    story.at("1m").push("x", 1)

    story.expect_firing('{alertname="Cause"}', '{alertname="Effect", alertstate="firing"}')


def test_a_recording_rule_replaces_and_removes_labels(tmp_path):
    story = AlertTimeline(
        group(record("y", "x", "{team: db, instance: ''}"), "labels: {team: web, region: eu}"), tmp_path
    )

    story.at("1m").push('x{job="a", instance="i", team="z"}', 5)

    assert story.series("y") == {'y{job="a", region="eu", team="db"}': 5}


def test_a_scalar_is_recorded_as_one_series_without_labels(tmp_path):
    story = AlertTimeline(group(record("y", "scalar(x) + 1")), tmp_path)

    story.at("1m").push("x", 5)

    assert story.series("y") == {"y": 6}


def test_a_string_is_an_error(tmp_path):
    story = AlertTimeline(group("  - {record: y, expr: '\"text\"'}\n"), tmp_path)

    story.at("1m").expect_error(0, "rule result is not a vector or scalar")


def test_a_recorded_series_that_vanishes_ends_with_a_stale_marker(tmp_path):
    story = AlertTimeline(group(record("y", "x")), tmp_path)

    story.at("1m").push('x{job="a"}', 5).push('x{job="b"}', 6)
    story.at("2m").drop('x{job="a"}')

    assert story.series("y") == {'y{job="b"}': 6}


def test_a_recorded_histogram_is_a_histogram_again(tmp_path):
    story = AlertTimeline(group(record("doubled", "sum by (job) (h) * 2")), tmp_path)
    for job in "ab":
        samples = {START_MS + MINUTE: parse_histogram("{{count:3 sum:4 z_bucket:1 z_bucket_w:0.5 buckets:[0 2]}}")}
        story.memory.add_histograms({"__name__": "h", "job": job}, samples)

    story.at("1m")

    expected = {'{job="a"}': 6, '{job="b"}': 6}
    assert story.series("histogram_count(doubled)") == expected
    assert story.series("histogram_fraction(1, 2, doubled) * 6") == dict.fromkeys(expected, 4)


def test_recorded_series_that_become_equal_are_an_error(tmp_path):
    story = AlertTimeline(group(record("y", "x", "{job: all}")), tmp_path)

    story.at("1m").push('x{job="a"}', 5).push('x{job="b"}', 6)

    story.expect_error(0, "vector contains metrics with the same labelset after applying rule labels")
    assert story.series("y") == {}


def test_a_recording_rule_beyond_the_limit_is_an_error(tmp_path):
    story = AlertTimeline(group(record("y", "x"), "limit: 1"), tmp_path)

    story.at("1m").push('x{job="a"}', 5).push('x{job="b"}', 6)

    story.expect_error(0, "exceeded limit of 1 with 2 series")


def test_a_rule_that_fails_does_not_stop_the_next(tmp_path):
    story = AlertTimeline(group(record("bad", "x + on() group_left() y") + record("good", "y")), tmp_path)

    story.at("1m").push("x", 1).push('y{a="1"}', 1).push('y{a="2"}', 2)

    assert len(story.series("good")) == 2
    assert [rule.status.health for rule in story.state.rules] == [RuleHealth.ERROR, RuleHealth.OK]


def test_series_that_cannot_be_written_fail_the_rule_and_are_written_next_time(tmp_path):
    story = AlertTimeline(group(record("y", "x")), tmp_path)
    story.appender.fails = StorageFull("no space left")

    story.at("1m").push("x", 5).expect_error(0, "no space left")
    story.appender.fails = None

    story.at("2m").expect_error(0, "")
    assert story.series("y") == {"y": 5}


def test_unchanged_series_are_written_under_the_same_layout_object(tmp_path):
    story = AlertTimeline(group(record("y", "x")), tmp_path)

    story.at("1m").push('x{job="a"}', 5).push('x{job="b"}', 6)
    story.at("4m").series("y")

    assert len({id(frame) for frame in story.appender.frames}) == 1
    assert set(story.appender.sources) == {"rules/rules.yml;g/RecordingRule:y{}"}


def test_the_series_of_a_rule_that_was_dropped_end(tmp_path):
    story = AlertTimeline(group(record("y", "x") + record("z", "x")), tmp_path)
    story.at("1m").push("x", 5).series("y")

    story.reload(group(record("z", "x")))
    story.at("2m")

    assert story.series('{__name__=~"y|z"}') == {"z": 5}


def test_a_series_that_another_rule_goes_on_with_does_not_end(tmp_path):
    story = AlertTimeline(group(record("y", "x")), tmp_path)
    story.at("1m").push("x", 5).series("y")

    story.reload(group(record("y", "x + 1", "{}") + record("y", "x", "{a: b}")))
    story.reload(group(record("y", "x", "{a: b}") + alert("Y", "y")))
    story.at("2m")

    assert story.series("y") == {'y{a="b"}': 5}


def test_alerts_survive_an_edit_of_everything_but_name_and_labels(tmp_path):
    story = AlertTimeline(group(alert("A", "x > 0")), tmp_path)
    story.at("1m").push("x", 5).expect_firing('{alertname="A"}')

    story.reload(group(alert("New", "x > 1") + alert("A", "x > 2")))

    story.at("2m").expect_firing('{alertname="A"}', '{alertname="New"}')
    assert [at_ms for at_ms, notice in story.dispatcher.sent if notice.labels["alertname"] == "A"] == [
        START_MS + MINUTE
    ]


def test_alerts_series_from_before_a_restart_end_if_the_alert_does(tmp_path):
    story = AlertTimeline(group(alert("A", "x > 0")), tmp_path)
    story.at("1m").push("x", 5).expect_firing('{alertname="A"}').restart_at("2m")

    story.push("x", 0)

    assert story.series("ALERTS") == {}


def test_a_stopped_group_evaluates_no_further_rule(tmp_path):
    story = AlertTimeline(group(record("y", "x")), tmp_path)
    story.state.is_stopped = True

    assert story.at("1m").push("x", 5).series("y") == {}
    assert story.state.status.last_evaluated_ms is None


def test_status_tells_how_the_last_evaluation_went(tmp_path):
    story = AlertTimeline(group(record("y", "x") + alert("A", "x")), tmp_path)

    story.at("1m").push("x", 5).expect_firing('{alertname="A"}')

    status = story.state.status
    assert status.last_evaluated_ms == story.clock.now_ms()
    assert [rule.last_evaluated_ms for rule in status.rules] == [story.clock.now_ms()] * 2
    assert [alert.value for alert in status.rules[1].alerts] == [5]


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_values_that_are_no_numbers_survive_a_restart(tmp_path, value):
    story = AlertTimeline(group(alert("A", "x")), tmp_path)
    story.at("1m").push("x", value).expect_firing('{alertname="A"}')

    story.restart_at("2m")

    (restored,) = story.state.rules[0].alerts.values()
    assert repr(restored.value) == repr(value)
