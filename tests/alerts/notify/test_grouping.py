from __future__ import annotations

import pytest

from alerts.notify.grouping import (
    NotificationReason,
    NotifiedGroup,
    alert_order,
    common_pairs,
    notification_reason,
)
from alerts.notify.route import SingleRoute
from monitor.model.labels import Labels

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("told_firing", "told_resolved", "firing", "resolved", "reason"),
    [
        (None, None, "a", "", NotificationReason.FIRST_NOTIFICATION),
        (None, None, "", "a", None),
        ("a", "", "a", "", None),
        ("a", "", "ab", "", NotificationReason.NEW_ALERTS),
        ("", "a", "b", "a", NotificationReason.FIRST_NOTIFICATION),
        ("ab", "", "a", "b", NotificationReason.SOME_RESOLVED),
        ("ab", "b", "a", "b", None),
        ("ab", "", "", "ab", NotificationReason.ALL_RESOLVED),
        ("", "ab", "", "ab", None),
        ("", "a", "", "ab", None),
        ("a", "", "b", "a", NotificationReason.NEW_ALERTS),
    ],
)
def test_a_receiver_is_told_what_it_does_not_know(told_firing, told_resolved, firing, resolved, reason):
    last = None if told_firing is None else NotifiedGroup(frozenset(told_firing), frozenset(told_resolved), 0)

    told = notification_reason(
        last, frozenset(firing), frozenset(resolved), HOUR, send_resolved=True, repeat_interval_ms=4 * HOUR
    )

    assert told is reason


@pytest.mark.parametrize(
    ("now_ms", "reason"),
    [(4 * HOUR, None), (4 * HOUR + 1, NotificationReason.REPEAT_INTERVAL_ELAPSED)],
)
def test_it_is_reminded_after_the_repeat_interval(now_ms, reason):
    last = NotifiedGroup(frozenset("a"), frozenset(), 0)

    told = notification_reason(
        last, frozenset("a"), frozenset(), now_ms, send_resolved=True, repeat_interval_ms=4 * HOUR
    )

    assert told is reason


def test_without_send_resolved_some_that_are_resolved_are_no_news():
    last = NotifiedGroup(frozenset("ab"), frozenset(), 0)

    told = notification_reason(
        last, frozenset("a"), frozenset("b"), 1, send_resolved=False, repeat_interval_ms=4 * HOUR
    )

    assert told is None


def test_alerts_are_sorted_by_job_then_instance_then_labels():
    sets = [
        Labels({"a": "1"}),
        Labels({"job": "b", "instance": "1"}),
        Labels({"job": "a"}),
        Labels({"job": "a", "instance": "2"}),
        Labels({"job": "a", "instance": "1", "z": "2"}),
        Labels({"job": "a", "instance": "1", "z": "1"}),
    ]

    assert sorted(sets, key=alert_order) == [sets[5], sets[4], sets[3], sets[2], sets[1], sets[0]]


def test_common_pairs_are_those_that_all_have():
    assert common_pairs([{"a": "1", "b": "2"}, {"a": "1", "b": "3"}]) == {"a": "1"}
    assert common_pairs([]) == {}


@pytest.mark.parametrize(
    ("group_by", "key"),
    [(("alertname",), '{}:{alertname="A"}'), ((), "{}:{}"), (("nope",), "{}:{}"),
     (("job", "alertname"), '{}:{alertname="A", job="b"}')],
)  # fmt: skip
def test_a_group_key_is_that_of_alertmanager(group_by, key):
    (group,) = SingleRoute("team", group_by).routes(Labels({"alertname": "A", "job": "b"}))

    assert (group.receiver, group.group_key) == ("team", key)
