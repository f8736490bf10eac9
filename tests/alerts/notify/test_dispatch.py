from __future__ import annotations

import itertools
import json
from dataclasses import dataclass

import pytest

from alerts.database import open_database, write_transaction
from alerts.notify.dispatch import DispatchSettings, GroupDispatcher
from alerts.notify.integration import integrations_of
from alerts.notify.notice import Notice
from alerts.notify.outbox import Outbox
from alerts.notify.route import SingleRoute
from monitor.config.alerting_config import Receiver, WebhookConfig
from monitor.config.scrape_config import Secret
from monitor.model.labels import Labels

MINUTE = 60_000
URL = Secret("http://receiver/")


@dataclass(frozen=True, slots=True)
class Told:
    """What a notification says."""

    reason: str
    firing: list[str]
    resolved: list[str]


class Desk:
    """A dispatcher and what it put into the outbox."""

    def __init__(self, directory, *webhooks: WebhookConfig, relabel=lambda labels: labels, **settings) -> None:
        self.engine = open_database(f"sqlite:///{directory / 'alerts.db'}")
        self.outbox = Outbox(self.engine)
        ids = itertools.count(1)
        receiver = Receiver("team", webhooks or (WebhookConfig(URL),))
        self.dispatcher = GroupDispatcher(
            self.engine,
            self.outbox,
            SingleRoute("team"),
            integrations_of((receiver,)),
            settings=DispatchSettings(external_url="http://us", **settings),
            new_id=lambda: f"msg_{next(ids)}",
            relabel=relabel,
        )

    def dispatch(self, now_ms: int, *notices: Notice) -> bool:
        with write_transaction(self.engine) as connection:
            return self.dispatcher.dispatch(connection, notices, now_ms)

    def told(self, integration: str = "team/webhook[0]") -> list[Told]:
        """In order."""
        entries = [entry for entry in reversed(self.outbox.entries()) if entry.message.integration == integration]
        return [told(json.loads(entry.message.body)) for entry in entries]

    def bodies(self) -> list[dict]:
        return [json.loads(entry.message.body) for entry in reversed(self.outbox.entries())]


def told(body: dict) -> Told:
    names = {"firing": [], "resolved": []}
    for alert in body["alerts"]:
        names[alert["status"]].append(alert["labels"]["instance"])
    return Told(body["notification_reason"], names["firing"], names["resolved"])


def firing(instance: str, *, until_ms: int = 4 * MINUTE, alertname: str = "A", **labels: str) -> Notice:
    return Notice(Labels({"alertname": alertname, "instance": instance, **labels}), {"s": "t"}, 0, until_ms, "http://g")


def resolved(instance: str, at_ms: int) -> Notice:
    return firing(instance, until_ms=at_ms)


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


def test_the_alerts_of_one_evaluation_are_one_notification(desk):
    assert desk.dispatch(0, firing("b"), firing("a")) is True

    assert desk.told() == [Told("first notification", ["a", "b"], [])]


def test_what_is_sent_again_is_no_news(desk):
    desk.dispatch(0, firing("a"))

    assert desk.dispatch(MINUTE, firing("a", until_ms=5 * MINUTE)) is False
    assert len(desk.told()) == 1


def test_new_and_resolved_alerts_are_told_with_the_whole_group(desk):
    desk.dispatch(0, firing("a"))
    desk.dispatch(MINUTE, firing("b"))
    desk.dispatch(2 * MINUTE, resolved("a", 2 * MINUTE))
    desk.dispatch(3 * MINUTE, resolved("b", 3 * MINUTE))

    assert desk.told() == [
        Told("first notification", ["a"], []),
        Told("new alerts added", ["a", "b"], []),
        Told("some alerts resolved", ["b"], ["a"]),
        Told("all alerts resolved", [], ["a", "b"]),
    ]


def test_alerts_of_different_names_are_different_groups(desk):
    desk.dispatch(0, firing("a"), firing("a", alertname="B"))

    assert [body["groupKey"] for body in desk.bodies()] == ['{}:{alertname="A"}', '{}:{alertname="B"}']


def test_a_resolve_of_an_alert_that_nobody_heard_of_is_not_told(desk):
    desk.dispatch(0, resolved("a", 0))
    desk.dispatch(1, firing("b"), resolved("a", 0))

    assert desk.told() == [Told("first notification", ["b"], [])]


def test_a_reminder_comes_after_the_repeat_interval(desk):
    desk.dispatch(0, firing("a"))
    desk.dispatch(240 * MINUTE, firing("a", until_ms=300 * MINUTE))
    desk.dispatch(241 * MINUTE, firing("a", until_ms=300 * MINUTE))

    assert [each.reason for each in desk.told()] == ["first notification", "repeat interval elapsed"]


def test_without_send_resolved_a_receiver_hears_of_firing_alerts_only(tmp_path):
    desk = Desk(tmp_path, WebhookConfig(URL, send_resolved=False), WebhookConfig(URL))

    desk.dispatch(0, firing("a"), firing("b"))
    desk.dispatch(1, resolved("a", 1))
    desk.dispatch(2, firing("c"))
    desk.dispatch(3, resolved("b", 3), resolved("c", 3))

    assert desk.told() == [
        Told("first notification", ["a", "b"], []), Told("new alerts added", ["b", "c"], []),
    ]  # fmt: skip
    assert len(desk.told("team/webhook[1]")) == 4


def test_after_all_are_resolved_the_next_one_is_a_first_notification(tmp_path):
    desk = Desk(tmp_path, WebhookConfig(URL, send_resolved=False))

    desk.dispatch(0, firing("a"))
    desk.dispatch(1, resolved("a", 1))
    desk.dispatch(2, firing("a"))

    assert [each.reason for each in desk.told()] == ["first notification"] * 2


def test_an_alert_that_nobody_renews_runs_out(desk):
    desk.dispatch(0, firing("a", until_ms=4 * MINUTE))

    assert desk.dispatcher.sweep(4 * MINUTE - 1) is False
    assert desk.dispatcher.sweep(4 * MINUTE) is True
    assert desk.dispatcher.sweep(5 * MINUTE) is False
    assert desk.told()[1:] == [Told("all alerts resolved", [], ["a"])]


def test_an_alert_does_not_run_out_only_because_we_were_away(desk):
    desk.dispatch(0, firing("a", until_ms=4 * MINUTE))

    desk.dispatcher.resume(60 * MINUTE)

    assert desk.dispatcher.sweep(69 * MINUTE) is False
    assert desk.dispatcher.sweep(70 * MINUTE) is True


def test_resolved_alerts_are_part_of_the_group_for_15_minutes(desk):
    desk.dispatch(0, firing("a"), firing("b", until_ms=100 * MINUTE))
    desk.dispatch(MINUTE, resolved("a", MINUTE))
    desk.dispatcher.sweep(16 * MINUTE)
    desk.dispatch(16 * MINUTE, firing("c", until_ms=100 * MINUTE))
    desk.dispatcher.sweep(16 * MINUTE + 1)
    desk.dispatch(17 * MINUTE, firing("d", until_ms=100 * MINUTE))

    assert [each.resolved for each in desk.told()] == [[], ["a"], ["a"], []]


def test_a_group_without_alerts_is_forgotten(desk):
    desk.dispatch(0, firing("a"))
    desk.dispatch(1, resolved("a", 1))

    desk.dispatcher.sweep(60 * MINUTE)

    with desk.engine.connect() as connection:
        for table in ("notification_members", "notification_groups"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0


def test_external_labels_are_added_where_there_is_no_such_label(tmp_path):
    desk = Desk(tmp_path, external_labels=Labels({"region": "eu", "instance": "x"}))

    desk.dispatch(0, firing("a"))

    assert desk.bodies()[0]["alerts"][0]["labels"] == {"alertname": "A", "instance": "a", "region": "eu"}


def test_relabelling_changes_and_drops_alerts(tmp_path):
    def relabel(labels: Labels) -> Labels | None:
        return None if labels["instance"] == "secret" else labels.merged({"extra": "1"})

    desk = Desk(tmp_path, relabel=relabel)

    desk.dispatch(0, firing("a"), firing("secret"))

    assert [alert["labels"]["extra"] for body in desk.bodies() for alert in body["alerts"]] == ["1"]


def test_a_body_keeps_to_its_limits(tmp_path):
    desk = Desk(tmp_path, WebhookConfig(URL, max_alerts=3), WebhookConfig(URL), body_limit_bytes=2_000)

    desk.dispatch(0, *(firing(str(number)) for number in range(50)))

    shown = [(len(body["alerts"]), body["truncatedAlerts"]) for body in desk.bodies()]
    assert shown[0] == (3, 47)
    assert sum(shown[1]) == 50
    assert all(len(json.dumps(body, separators=(",", ":"))) <= 2_000 for body in desk.bodies())


def test_a_receiver_without_integrations_swallows_what_is_routed_to_it(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'alerts.db'}")
    dispatcher = GroupDispatcher(
        engine, Outbox(engine), SingleRoute("nobody"), {}, settings=DispatchSettings(), new_id=lambda: "1"
    )

    with write_transaction(engine) as connection:
        assert dispatcher.dispatch(connection, [firing("a")], 0) is False
