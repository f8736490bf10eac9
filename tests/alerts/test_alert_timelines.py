"""The life of alerts, told as timelines: pushed samples in, states out. What is expected is what Prometheus does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_timeline import START_MS, AlertTimeline, labels_of

from alerts.alert_state import AlertState
from alerts.evaluate_group import EvaluationSettings
from alerts.group_state import RuleHealth
from alerts.restore import RestorePolicy
from monitor.errors import StorageFull

MINUTE = 60_000
FIRE = '{alertname="Errors", job="a"}'
OTHER = '{alertname="Errors", job="b"}'


def rules(*lines: str, group: str = "", expr: str = "errors > 0") -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"groups:\n- name: g\n  interval: 1m\n  {group}\n  rules:\n  - alert: Errors\n    expr: {expr}\n{body}\n"


@pytest.fixture
def timeline(tmp_path):
    def start(*lines: str, **options: str) -> AlertTimeline:
        return AlertTimeline(rules(*lines, **options), tmp_path)

    return start


def test_an_alert_without_for_fires_at_once(timeline):
    story = timeline()

    story.at("2m").push('errors{job="a"}', 5).expect_firing(FIRE)

    alert = story.alerts(AlertState.FIRING)[labels_of(FIRE)]
    assert (alert.active_at_ms, alert.fired_at_ms, alert.value) == (START_MS + 2 * MINUTE, START_MS + 2 * MINUTE, 5)


def test_an_alert_is_pending_until_for_has_passed(timeline):
    story = timeline("for: 5m")

    story.at("1m").push('errors{job="a"}', 5).expect_pending(FIRE)
    story.at("5m").expect_pending(FIRE).expect_firing()
    story.at("6m").expect_pending().expect_firing(FIRE)

    alert = story.alerts(AlertState.FIRING)[labels_of(FIRE)]
    assert (alert.active_at_ms, alert.fired_at_ms) == (START_MS + MINUTE, START_MS + 6 * MINUTE)


def test_a_for_below_the_interval_fires_at_the_next_evaluation(timeline):
    story = timeline("for: 15s")

    story.at("1m").push('errors{job="a"}', 5).expect_pending(FIRE)
    story.at("2m").expect_firing(FIRE)


def test_a_pending_alert_that_is_gone_leaves_nothing_and_starts_anew(timeline):
    story = timeline("for: 3m")

    story.at("1m").push('errors{job="a"}', 5)
    story.at("3m").push('errors{job="a"}', 0).expect_pending().expect_resolved()
    story.at("4m").push('errors{job="a"}', 5)
    story.at("6m").expect_pending(FIRE)
    story.at("7m").expect_firing(FIRE)


def test_a_firing_alert_that_is_gone_is_resolved_and_remembered_for_15_minutes(timeline):
    story = timeline()

    story.at("1m").push('errors{job="a"}', 5)
    story.at("3m").push('errors{job="a"}', 0).expect_firing().expect_resolved(FIRE)
    story.at("18m").expect_resolved(FIRE)
    story.at("19m").expect_resolved()


def test_a_resolved_alert_that_returns_is_a_new_alert(timeline):
    story = timeline("for: 2m")

    story.at("0m").push('errors{job="a"}', 5)
    story.at("3m").push('errors{job="a"}', 0).expect_resolved(FIRE)
    story.at("5m").push('errors{job="a"}', 7).expect_resolved().expect_pending(FIRE)

    assert story.alerts(AlertState.PENDING)[labels_of(FIRE)].active_at_ms == START_MS + 5 * MINUTE


def test_value_and_annotations_follow_each_evaluation(timeline):
    story = timeline("annotations: {summary: 'at {{ $value }}'}")

    story.at("1m").push('errors{job="a"}', 5).expect_firing(FIRE)
    story.at("2m").push('errors{job="a"}', 6)

    alert = story.alerts(AlertState.FIRING)[labels_of(FIRE)]
    assert (alert.value, alert.annotations, alert.active_at_ms) == (6, {"summary": "at 6"}, START_MS + MINUTE)


def test_keep_firing_for_bridges_a_gap(timeline):
    story = timeline("keep_firing_for: 3m")

    story.at("1m").push('errors{job="a"}', 5)
    story.at("2m").push('errors{job="a"}', 0).expect_firing(FIRE)
    assert story.alerts(AlertState.FIRING)[labels_of(FIRE)].keep_firing_since_ms == START_MS + 2 * MINUTE
    story.at("4m").expect_firing(FIRE)
    story.at("5m").expect_firing().expect_resolved(FIRE)


def test_an_alert_that_returns_while_it_is_kept_starts_its_gap_anew(timeline):
    story = timeline("keep_firing_for: 3m")

    story.at("1m").push('errors{job="a"}', 5)
    story.at("2m").push('errors{job="a"}', 0)
    story.at("4m").push('errors{job="a"}', 5)
    story.at("5m").push('errors{job="a"}', 0).expect_firing(FIRE)
    story.at("7m").expect_firing(FIRE)
    story.at("8m").expect_resolved(FIRE)


def test_a_raised_for_returns_a_firing_alert_to_pending(timeline):
    story = timeline("for: 1m")

    story.at("0m").push('errors{job="a"}', 5)
    story.at("2m").expect_firing(FIRE).reload(rules("for: 5m"))
    story.at("3m").expect_firing().expect_pending(FIRE)
    assert story.alerts(AlertState.PENDING)[labels_of(FIRE)].fired_at_ms is None
    story.at("5m").expect_firing(FIRE)


def test_two_elements_with_the_same_labels_are_an_error_and_change_nothing(timeline):
    story = timeline("labels: {instance: one}")

    story.at("1m").push('errors{job="a", instance="x"}', 5).expect_firing(
        '{alertname="Errors", instance="one", job="a"}'
    )
    story.at("2m").push('errors{job="a", instance="y"}', 5)

    story.expect_error(0, "vector contains metrics with the same labelset after applying alert labels")
    story.expect_firing('{alertname="Errors", instance="one", job="a"}')
    assert story.state.rules[0].status.health is RuleHealth.ERROR
    assert len(story.sent()) == 1


def test_more_alerts_than_the_limit_clear_all_of_the_rule(timeline):
    story = timeline(group="limit: 1")

    story.at("1m").push('errors{job="a"}', 5).expect_firing(FIRE)
    story.at("2m").push('errors{job="b"}', 5).expect_firing().expect_resolved()
    story.expect_error(0, "exceeded limit of 1 with 2 alerts")
    story.at("3m").drop('errors{job="b"}').expect_firing(FIRE).expect_error(0, "")


def test_a_rule_whose_query_fails_keeps_its_alerts(timeline):
    story = timeline(expr="errors * on() hits > 0")

    story.at("1m").push('errors{job="a"}', 5).push('hits{job="z"}', 1)
    story.expect_firing('{alertname="Errors"}')
    story.at("2m").push('hits{job="y"}', 1).expect_firing('{alertname="Errors"}')

    assert "many-to-many" in story.state.rules[0].status.last_error


def test_alerts_series_show_state_and_start(timeline):
    story = timeline("for: 2m", "labels: {severity: page}")

    story.at("1m").push('errors{job="a"}', 5)

    labels = 'alertname="Errors", alertstate="{}", job="a", severity="page"'
    assert story.series("ALERTS") == {f"ALERTS{{{labels.format('pending')}}}": 1}
    story.at("4m")
    assert story.series("ALERTS") == {f"ALERTS{{{labels.format('firing')}}}": 1}
    assert list(story.series("ALERTS_FOR_STATE").values()) == [(START_MS + MINUTE) // 1000]
    story.at("5m").push('errors{job="a"}', 0)
    assert story.series("ALERTS or ALERTS_FOR_STATE") == {}


def test_alerts_are_sent_when_they_fire_and_again_after_the_resend_delay(timeline):
    story = timeline("for: 1m")

    story.at("0m").push('errors{job="a"}', 5)
    story.at("3m").push('errors{job="a"}', 0)
    story.at("6m")

    assert story.sent() == [
        (1, FIRE, "firing"),
        # A minute later is not after the delay of one minute yet: the next evaluation is.
        (3, FIRE, "resolved"),
        (5, FIRE, "resolved"),
    ]


def test_a_firing_alert_is_valid_for_four_intervals(timeline):
    story = timeline()

    story.at("1m").push('errors{job="a"}', 5).expect_firing(FIRE)

    at_ms, notice = story.dispatcher.sent[0]
    assert (notice.starts_at_ms, notice.ends_at_ms) == (START_MS + MINUTE, at_ms + 4 * MINUTE)
    assert notice.generator_url == "http://plimsoll/graph?g0.expr=errors+%3E+0&g0.tab=1"


def test_a_resolved_alert_is_sent_for_15_minutes(timeline):
    story = timeline()

    story.at("0m").push('errors{job="a"}', 5)
    story.at("2m").push('errors{job="a"}', 0)
    story.at("30m")

    resolved = [minute for minute, _, state in story.sent() if state == "resolved"]
    assert resolved == [2, 4, 6, 8, 10, 12, 14, 16]


def test_what_could_not_be_stored_did_not_happen(timeline):
    story = timeline()
    story.dispatcher.fails = StorageFull("no space left")

    story.at("1m").push('errors{job="a"}', 5).expect_firing().expect_error(0, "no space left")
    story.dispatcher.fails = None
    story.at("2m").expect_firing(FIRE)

    assert story.alerts(AlertState.FIRING)[labels_of(FIRE)].fired_at_ms == START_MS + 2 * MINUTE


def test_a_query_offset_looks_at_the_past_and_writes_there(timeline):
    story = timeline(group="query_offset: 1m")

    story.at("1m").push('errors{job="a"}', 5).expect_firing()
    story.at("2m").expect_firing(FIRE)

    assert story.alerts(AlertState.FIRING)[labels_of(FIRE)].active_at_ms == START_MS + 2 * MINUTE
    (series,) = [series for series in story.memory.all_series() if series.labels.get("__name__") == "ALERTS"]
    assert list(series.samples) == [START_MS + MINUTE]


def test_a_failing_template_is_text_and_the_alert_still_fires(timeline):
    story = timeline("annotations: {summary: '{{ first (query \"nothing\") }}'}")

    story.at("1m").push('errors{job="a"}', 5)

    (alert,) = story.alerts(AlertState.FIRING).values()
    assert alert.annotations["summary"].startswith("<error expanding template: error executing template __alert_Errors")


def test_templates_can_query_the_store(timeline):
    story = timeline("""annotations: {s: '{{ with query "hits" }}{{ . | first | value }}{{ end }}'}""")

    story.at("1m").push('errors{job="a"}', 5).push("hits", 42)

    (alert,) = story.alerts(AlertState.FIRING).values()
    assert alert.annotations == {"s": "42"}


def test_a_limit_of_our_own_holds_where_the_group_has_none(tmp_path):
    story = AlertTimeline(rules(), tmp_path, settings=EvaluationSettings(alerts_per_rule=1))

    story.at("1m").push('errors{job="a"}', 5).push('errors{job="b"}', 5)

    story.expect_error(0, "exceeded limit of 1 with 2 alerts")


# Restarts and outages


def test_a_restart_keeps_every_time(timeline):
    story = timeline("for: 5m", "keep_firing_for: 10m")
    story.at("0m").push('errors{job="a"}', 5)
    story.at("6m").push('errors{job="b"}', 5).push('errors{job="a"}', 0)
    before = {**story.alerts(AlertState.FIRING), **story.alerts(AlertState.PENDING)}

    story.restart_at("7m")

    restored = {labels: alert for rule in story.state.rules for labels, alert in rule.alerts.items()}
    assert restored == before
    assert before[labels_of(FIRE)].keep_firing_since_ms == START_MS + 6 * MINUTE
    story.at("11m").expect_firing(FIRE, OTHER)
    story.at("16m").expect_firing(OTHER)


def test_a_restart_remembers_resolved_alerts_and_when_they_were_sent(timeline):
    story = timeline()
    story.at("0m").push('errors{job="a"}', 5)
    story.at("2m").push('errors{job="a"}', 0).expect_resolved(FIRE)

    story.restart_at("3m").expect_resolved(FIRE)
    story.at("4m")

    assert [(minute, state) for minute, _, state in story.sent()] == [(0, "firing"), (2, "resolved"), (4, "resolved")]


def test_after_an_outage_the_time_away_does_not_count_as_pending(timeline):
    story = timeline("for: 30m")
    story.at("0m").push('errors{job="a"}', 5)

    story.at("10m").restart_at("20m").expect_pending(FIRE)

    # Pending for 10 of 30 minutes before the outage: 20 are left after it.
    story.at("39m").expect_pending(FIRE)
    story.at("40m").expect_firing(FIRE)


def test_with_little_time_left_an_alert_fires_after_the_grace_period(timeline):
    story = timeline("for: 30m")
    story.at("0m").push('errors{job="a"}', 5)

    story.at("28m").restart_at("40m").expect_pending(FIRE)

    story.at("49m").expect_pending(FIRE)
    story.at("50m").expect_firing(FIRE)


def test_a_for_below_the_grace_period_is_restored_as_well(timeline):
    story = timeline("for: 5m")
    story.at("0m").push('errors{job="a"}', 5)

    story.at("4m").restart_at("20m").expect_pending(FIRE)

    story.at("21m").expect_firing(FIRE)


def test_beyond_the_outage_tolerance_a_pending_alert_starts_anew(timeline):
    story = timeline("for: 30m")
    story.policy = RestorePolicy(for_outage_tolerance_ms=3_600_000)
    story.at("0m").push('errors{job="a"}', 5)

    story.at("20m").restart_at("90m")

    story.at("119m").expect_pending(FIRE)
    story.at("120m").expect_firing(FIRE)


def test_a_firing_alert_outlives_any_outage(timeline):
    story = timeline("for: 30m")
    story.at("0m").push('errors{job="a"}', 5)

    story.at("30m").restart_at("300m").expect_firing(FIRE)

    assert story.alerts(AlertState.FIRING)[labels_of(FIRE)].fired_at_ms == START_MS + 30 * MINUTE


def test_after_an_outage_nothing_is_over_before_the_second_evaluation(timeline):
    story = timeline()
    story.at("0m").push('errors{job="a"}', 5)
    story.at("5m").drop('errors{job="a"}').push('errors{job="a"}', 5).restart_at("60m")
    story.drop('errors{job="a"}')

    story.at("60m").expect_firing(FIRE)
    story.at("61m").expect_firing().expect_resolved(FIRE)


def test_a_short_gap_is_a_restart_even_if_evaluations_were_missed(timeline):
    story = timeline("for: 5m")
    story.policy = replace(story.policy, restart_tolerance_ms=3 * MINUTE)
    story.at("0m").push('errors{job="a"}', 5)

    story.at("2m").restart_at("5m").expect_firing(FIRE)
