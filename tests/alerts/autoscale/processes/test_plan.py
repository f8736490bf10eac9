"""What to start and what to drain."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.autoscale.processes.plan import COMING_OR_SERVING, Phase, Plan, ReplicaView, plan

READY, STARTING, WAITING = Phase.READY, Phase.STARTING, Phase.WAITING
DRAINING, STOPPING = Phase.DRAINING, Phase.STOPPING


def replicas(*phases: Phase, generation: int = 0, first: int = 1) -> list[ReplicaView]:
    return [ReplicaView(number, phase, generation) for number, phase in enumerate(phases, first)]


@pytest.mark.parametrize(
    ("desired", "present", "free_ports", "expected"),
    [
        (3, [], 9, Plan(start=3)),
        (3, replicas(READY, STARTING), 9, Plan(start=1)),
        (3, replicas(READY, WAITING), 9, Plan(start=1)),
        (2, replicas(READY, READY), 9, Plan()),
        (1, replicas(READY, READY, READY), 9, Plan(drain=(3, 2))),
        (1, replicas(READY, STARTING, WAITING), 9, Plan(drain=(3, 2))),
        (0, replicas(READY), 9, Plan(drain=(1,))),
        (2, replicas(READY, DRAINING), 9, Plan(revive=(2,))),
        (3, replicas(READY, DRAINING), 9, Plan(start=1, revive=(2,))),
        (2, replicas(READY, STOPPING), 9, Plan(start=1)),
        (5, replicas(READY), 2, Plan(start=2)),
        (5, replicas(READY), 0, Plan()),
    ],
)
def test_the_next_step_towards_the_desired_count(desired, present, free_ports, expected):
    assert plan(desired, 0, present, free_ports) == expected


def test_the_replica_with_the_fewest_connections_goes_first():
    present = [ReplicaView(1, READY, 0, 5), ReplicaView(2, READY, 0, 9), ReplicaView(3, READY, 0, 7)]
    assert plan(1, 0, present, 9).drain == (1, 3)


def test_new_settings_start_new_replicas_before_old_ones_go():
    old = replicas(READY, READY)
    assert plan(2, 1, old, 9) == Plan(start=2)
    assert plan(2, 1, old + replicas(STARTING, STARTING, generation=1, first=3), 9) == Plan()
    assert plan(2, 1, old + replicas(READY, STARTING, generation=1, first=3), 9) == Plan(drain=(2,))
    assert plan(2, 1, old + replicas(READY, READY, generation=1, first=3), 9) == Plan(drain=(2, 1))


def test_without_a_free_port_one_old_replica_goes_first():
    old = replicas(READY, READY)
    assert plan(2, 1, old, 0) == Plan(drain=(2,))
    assert plan(2, 1, replicas(READY, DRAINING), 0) == Plan()


def test_a_draining_replica_of_old_settings_is_not_taken_back():
    assert plan(1, 1, replicas(DRAINING), 9) == Plan(start=1)


def carried_out(step: Plan, present: list[ReplicaView], generation: int) -> list[ReplicaView]:
    """The world after a step, one phase further for each replica."""
    further = {STARTING: READY, WAITING: STARTING, DRAINING: STOPPING, READY: READY, STOPPING: Phase.ENDED}
    after = []
    for replica in present:
        phase = further[replica.phase]
        if replica.number in step.drain:
            phase = DRAINING
        if replica.number in step.revive:
            phase = READY
        if phase is not Phase.ENDED:
            after.append(ReplicaView(replica.number, phase, replica.generation))
    first = max([replica.number for replica in after], default=0) + 1
    return after + replicas(*[STARTING] * step.start, generation=generation, first=first)


views = st.builds(
    ReplicaView,
    st.just(0),
    st.sampled_from([READY, STARTING, WAITING, DRAINING, STOPPING]),
    st.integers(0, 1),
    st.integers(0, 9),
)


@settings(deadline=None)
@given(st.integers(0, 6), st.lists(views, max_size=8), st.integers(8, 12))
def test_every_beginning_leads_to_the_desired_replicas_and_stays_there(desired, found, ports):
    present = [ReplicaView(n, v.phase, v.generation, v.connections) for n, v in enumerate(found, 1)]
    for _ in range(40):
        step = plan(desired, 1, present, ports - len(present))
        present = carried_out(step, present, 1)
        assert len(present) <= ports
    assert [(r.phase, r.generation) for r in present] == [(READY, 1)] * desired
    assert plan(desired, 1, present, ports - len(present)) == Plan()


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(6, 12))
def test_a_change_of_settings_never_loses_more_than_one_ready_replica(desired, ports):
    present = replicas(*[READY] * desired)
    for _ in range(40):
        present = carried_out(plan(desired, 1, present, ports - len(present)), present, 1)
        assert sum(r.phase in COMING_OR_SERVING and r.phase is READY for r in present) >= desired - 1
    assert {r.generation for r in present} == {1}
