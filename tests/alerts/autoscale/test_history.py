"""Decisions in SQL: numbered, claimed once, finished or found interrupted, and bounded."""

from __future__ import annotations

import itertools
import threading

import pytest
from scaling_story import START_MS, reading, watched

from alerts.autoscale.decide import decide
from alerts.autoscale.decision import Change, Observation, Reading, ReplicasSource, State
from alerts.autoscale.history import (
    DecisionHistory,
    HistorySettings,
    NewDecision,
    Outcome,
    StoredDecision,
    needs_recording,
)
from alerts.autoscale.policy import ChangeLimit, ChangeUnit, Policy, ScalingRules
from alerts.autoscale.stored_form import to_json
from alerts.database import open_database

LIMITS = (ChangeLimit(ChangeUnit.REPLICAS, 99, 60_000),)
WEB = Policy(
    name="web", expression="load", target=100, max_replicas=100, up=ScalingRules(0, change_limits=LIMITS), dry_run=False
)
SETTINGS = HistorySettings(rows_max=5, age_max_ms=1_000_000, heartbeat_ms=600_000)


@pytest.fixture
def history(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/state.db")
    yield DecisionHistory(engine, SETTINGS)
    engine.dispose()


_ids = itertools.count()


def new_decision(load=4650.0, replicas=31, at_ms=START_MS, outcome=Outcome.PENDING, policy=WEB) -> NewDecision:
    state = watched(policy, at_ms)
    observation = Observation(reading(load), replicas=replicas, replicas_source=ReplicasSource.ACTUATOR)
    decision = decide(policy, state, observation, at_ms)
    return NewDecision(f"id-{next(_ids)}", policy, state, observation, decision, outcome, at_ms + 15_000)


def only(history: DecisionHistory) -> StoredDecision:
    (stored,) = history.page("web", 10)
    return stored


def test_decisions_of_a_policy_are_numbered_without_gaps(history):
    assert [history.record(new_decision()).seq for _ in range(3)] == [1, 2, 3]


def test_each_policy_has_its_own_numbers(history):
    history.record(new_decision())
    other = Policy(name="other", expression="load", target=1, max_replicas=9)
    assert history.record(new_decision(policy=other)).seq == 1


def test_what_is_read_back_is_what_was_stored(history):
    new = new_decision()
    stored = history.record(new)
    assert only(history) == stored
    assert (stored.policy, stored.state, stored.observation) == (new.policy, new.state, new.observation)
    assert stored.decision == new.decision


def test_a_stored_decision_replays_exactly(history):
    history.record(new_decision())
    assert to_json(only(history).replay()) == to_json(only(history).decision)


def test_a_stored_hold_on_nan_replays_exactly(history):
    observation = Observation(reading(float("nan")), replicas=3)
    decision = decide(WEB, State(), observation, START_MS)
    history.record(NewDecision("nan", WEB, State(), observation, decision, Outcome.RECORDED, START_MS))
    assert to_json(only(history).replay()) == to_json(decision)


def test_a_decision_is_claimed_once(history):
    seq = history.record(new_decision()).seq
    assert history.claim("web", seq, START_MS)
    assert not history.claim("web", seq, START_MS)
    assert only(history).outcome is Outcome.CLAIMED


def test_of_many_that_claim_at_the_same_time_one_gets_it(history):
    seq = history.record(new_decision()).seq
    barrier, results = threading.Barrier(8), []

    def claim() -> None:
        barrier.wait()
        results.append(history.claim("web", seq, START_MS))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]


def test_an_older_decision_cannot_be_claimed_after_a_newer_one(history):
    older, newer = history.record(new_decision()), history.record(new_decision())
    assert history.claim("web", newer.seq, START_MS)
    assert not history.claim("web", older.seq, START_MS)


def test_an_expired_decision_cannot_be_claimed(history):
    seq = history.record(new_decision()).seq
    assert not history.claim("web", seq, START_MS + 15_000)
    assert only(history).outcome is Outcome.PENDING


def test_a_refused_claim_does_not_block_a_later_one(history):
    expired = history.record(new_decision())
    history.claim("web", expired.seq, START_MS + 20_000)
    newer = history.record(new_decision(at_ms=START_MS + 20_000))
    assert history.claim("web", newer.seq, START_MS + 20_000)


def test_a_finished_decision_holds_its_receipt(history):
    seq = history.record(new_decision()).seq
    history.claim("web", seq, START_MS + 10)
    history.finish("web", seq, Outcome.APPLIED, START_MS + 20, replicas=47, detail="done")
    stored = only(history)
    assert (stored.outcome, stored.receipt_replicas, stored.receipt_detail) == (Outcome.APPLIED, 47, "done")
    assert (stored.claimed_at_ms, stored.finished_at_ms) == (START_MS + 10, START_MS + 20)


def test_a_claim_that_nobody_finished_is_found_interrupted_and_not_repeated(history):
    """The process ended between claim and act."""
    seq = history.record(new_decision()).seq
    history.claim("web", seq, START_MS)
    assert history.end_expired(START_MS + 14_999) == 0
    assert history.end_expired(START_MS + 15_000) == 1
    assert only(history).outcome is Outcome.INTERRUPTED
    assert not history.claim("web", seq, START_MS)


def test_a_decision_that_nobody_claimed_is_found_expired(history):
    history.record(new_decision())
    history.end_expired(START_MS + 15_000)
    assert only(history).outcome is Outcome.EXPIRED


def test_a_result_that_comes_after_all_replaces_interrupted(history):
    seq = history.record(new_decision()).seq
    history.claim("web", seq, START_MS)
    history.end_expired(START_MS + 15_000)
    history.finish("web", seq, Outcome.APPLIED, START_MS + 15_001, replicas=47, detail="late")
    assert only(history).outcome is Outcome.APPLIED


def test_a_restart_remembers_counts_and_recent_changes_but_no_watch(history):
    seq = history.record(new_decision()).seq
    history.claim("web", seq, START_MS)
    history.finish("web", seq, Outcome.APPLIED, START_MS, replicas=40, detail="")
    remembered = history.restore(WEB, START_MS + 30_000)
    assert remembered.state == State(last_desired=47, changes=(Change(START_MS, 31, 47),))
    assert (remembered.asked_replicas, remembered.reported_replicas) == (47, 40)


def test_a_restart_forgets_changes_that_are_too_old_to_limit_anything(history):
    seq = history.record(new_decision()).seq
    history.claim("web", seq, START_MS)
    history.finish("web", seq, Outcome.APPLIED, START_MS, replicas=40, detail="")
    assert history.restore(WEB, START_MS + 60_000).state.changes == ()


def test_a_failed_order_is_remembered_as_desired_but_not_as_asked(history):
    seq = history.record(new_decision()).seq
    history.claim("web", seq, START_MS)
    history.finish("web", seq, Outcome.FAILED, START_MS, replicas=None, detail="")
    remembered = history.restore(WEB, START_MS)
    assert (remembered.state.last_desired, remembered.asked_replicas) == (47, None)


def test_what_a_dry_run_wanted_is_not_remembered_when_it_gets_serious(history):
    trial = Policy(name="web", expression="load", target=100, max_replicas=100, dry_run=True)
    history.record(new_decision(policy=trial, outcome=Outcome.DRY_RUN))
    assert history.restore(WEB, START_MS).state == State()
    assert history.restore(trial, START_MS).asked_replicas == 47


def test_pages_go_back_in_time(history):
    for _ in range(5):
        history.record(new_decision())
    assert [stored.seq for stored in history.page("web", 2)] == [5, 4]
    assert [stored.seq for stored in history.page("web", 2, before=4)] == [3, 2]
    assert history.page("nobody", 10) == []


def test_only_so_many_rows_are_kept(history):
    for _ in range(8):
        history.record(new_decision())
    assert history.prune(START_MS) == 3
    assert [stored.seq for stored in history.page("web", 10)] == [8, 7, 6, 5, 4]


def test_old_rows_go_but_the_newest_stays(history):
    history.record(new_decision())
    history.record(new_decision())
    assert history.prune(START_MS + 1_000_001) == 1
    assert only(history).seq == 2


def test_numbers_go_on_after_rows_were_deleted(history):
    for _ in range(8):
        history.record(new_decision())
    history.prune(START_MS)
    assert history.record(new_decision()).seq == 9


def decision_at(at_ms: int, load: float = 3100.0, dry_run: bool = False):
    policy = Policy(name="web", expression="load", target=100, max_replicas=100, dry_run=dry_run)
    return new_decision(load, at_ms=at_ms, policy=policy).decision


def blind_at(at_ms: int):
    return decide(WEB, State(last_desired=31), Observation(Reading(), replicas=31), at_ms)


@pytest.mark.parametrize(
    ("last", "decision", "is_recorded"),
    [
        (None, decision_at(0), True),
        (decision_at(0), decision_at(15_000), False),
        (decision_at(0), decision_at(599_999), False),
        (decision_at(0), decision_at(600_000), True),
        (decision_at(0), decision_at(15_000, load=4650), True),
        (decision_at(0), blind_at(15_000), True),
        (blind_at(0), blind_at(15_000), False),
        (decision_at(0, load=4650), decision_at(15_000, load=4650), True),
        (decision_at(0, load=4650, dry_run=True), decision_at(15_000, load=4650, dry_run=True), False),
    ],
    ids=[
        "the first",
        "the same again",
        "the same before the heartbeat",
        "the same at the heartbeat",
        "another count",
        "the data went away",
        "the data are still away",
        "a change that is still to be carried out",
        "a change that a dry run will not carry out",
    ],
)
def test_only_news_and_heartbeats_are_recorded(last, decision, is_recorded):
    assert needs_recording(SETTINGS, last, decision) is is_recorded
