"""SIGKILL between every two steps from an alert's change to its recorded delivery: nothing is lost, nothing is doubled
but under the same webhook-id, and a resolve never comes before its firing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from crashing_service import Scenario, ServiceLab, service_lab
from http_sink import HttpSink, Posted, http_sink

CHECKPOINTS = (
    "before_state_commit",
    "after_state_commit",
    "after_claim",
    "after_send",
    "before_record",
    "after_record",
)
SENT_TWICE = frozenset({"after_send", "before_record"})
KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def lab() -> Iterator[ServiceLab]:
    with service_lab() as lab:
        yield lab


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with http_sink() as sink:
        yield sink


def scenario(directory: Path, sink: HttpSink, start_ms: int, *seconds: int, **options) -> Scenario:
    """The condition holds for the first minute."""
    times = tuple(start_ms + each * 1000 for each in seconds)
    return Scenario(f"sqlite:///{directory / 'alerts.db'}", sink.url, times, start_ms + 60_000, **options)


def story(posted: list[Posted]) -> list[tuple[str, str]]:
    """Status and webhook-id of what arrived, each id once; the same id must always say the same."""
    by_id: dict[str, Posted] = {}
    for each in posted:
        first = by_id.setdefault(each.headers["webhook-id"], each)
        assert each.body == first.body
    return [(each.body["status"], webhook_id) for webhook_id, each in by_id.items()]


def test_a_life_without_a_crash(lab, sink, tmp_path):
    assert lab.run(scenario(tmp_path, sink, two_minutes_ago_ms(), 0, 60)) == 0

    posted = sink.all_posted()
    assert [status for status, _ in story(posted)] == ["firing", "resolved"]
    assert len(posted) == 2


@pytest.mark.parametrize("kill_at", CHECKPOINTS)
def test_killed_while_an_alert_fires(lab, sink, tmp_path, kill_at):
    start_ms = two_minutes_ago_ms()

    assert lab.run(scenario(tmp_path, sink, start_ms, 0, 60, kill_at=kill_at)) == KILLED
    assert lab.run(scenario(tmp_path, sink, start_ms, 30, 60)) == 0

    posted = sink.all_posted()
    assert [status for status, _ in story(posted)] == ["firing", "resolved"]
    assert len(posted) == (3 if kill_at in SENT_TWICE else 2)


@pytest.mark.parametrize("kill_at", CHECKPOINTS)
def test_killed_while_an_alert_is_resolved(lab, sink, tmp_path, kill_at):
    start_ms = two_minutes_ago_ms()

    assert lab.run(scenario(tmp_path, sink, start_ms, 0, 60, kill_at=kill_at, kill_count=2)) == KILLED
    assert lab.run(scenario(tmp_path, sink, start_ms, 90, 120)) == 0

    posted = sink.all_posted()
    assert [status for status, _ in story(posted)] == ["firing", "resolved"]
    assert len(posted) == (3 if kill_at in SENT_TWICE else 2)


def test_killed_while_the_receiver_is_answering(lab, sink, tmp_path):
    start_ms = two_minutes_ago_ms()
    sink.before_answer = lambda: os.kill(lab.running_pid, signal.SIGKILL)

    assert lab.run(scenario(tmp_path, sink, start_ms, 0, 60)) == KILLED
    sink.before_answer = lambda: None
    assert lab.run(scenario(tmp_path, sink, start_ms, 30, 60)) == 0

    posted = sink.all_posted()
    assert [status for status, _ in story(posted)] == ["firing", "resolved"]
    assert len(posted) == 3


def two_minutes_ago_ms() -> int:
    """So that all evaluations of a story are in the past: what is due in the future is not delivered yet."""
    return time.time_ns() // 1_000_000 - 120_000
