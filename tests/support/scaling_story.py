"""A scaling policy's life as a story: `story.at("30s").load(500)` decides, and the replicas follow."""

from __future__ import annotations

from dataclasses import replace

from alerts.autoscale.decide import decide
from alerts.autoscale.decision import Change, Decision, Observation, Reading, ReplicasSource, State
from alerts.autoscale.memory import advance, with_change
from alerts.autoscale.policy import Policy
from monitor.model.durations import parse_duration_ms

START_MS = 1_700_000_000_000


def reading(value: float, timestamp_ms: int | None = None) -> Reading:
    return Reading(value, timestamp_ms, elements=1)


def watched(policy: Policy, now_ms: int = START_MS, **state: object) -> State:
    """A state that has watched for long enough to scale down."""
    since_ms = now_ms - policy.down.stabilization_window_ms
    return State(watched_since_ms=since_ms, watched_at_ms=now_ms, **state)  # type: ignore[arg-type]


class Story:
    """`replicas` are what runs now; None is a world that does not tell."""

    def __init__(self, policy: Policy, replicas: int | None, *, has_watched: bool = True) -> None:
        self.policy = policy
        self.replicas = replicas
        self.now_ms = START_MS
        self.state = watched(policy) if has_watched else State()

    def at(self, moment: str) -> Story:
        """Goes to `moment` after the start."""
        self.now_ms = START_MS + parse_duration_ms(moment)
        return self

    def load(self, value: float, *, burst: float | None = None) -> Decision:
        """Decides on this value of the expression, just sampled."""
        burst_reading = None if burst is None else reading(burst, self.now_ms)
        return self.see(Observation(reading(value, self.now_ms), burst_reading))

    def blind(self, answer: Reading | None = None) -> Decision:
        """Decides on an answer that is no usable value; without one, on an empty answer."""
        return self.see(Observation(answer or Reading()))

    def see(self, observation: Observation) -> Decision:
        source = ReplicasSource.UNKNOWN if self.replicas is None else ReplicasSource.ACTUATOR
        observation = replace(observation, replicas=self.replicas, replicas_source=source)
        decision = decide(self.policy, self.state, observation, self.now_ms)
        self.state = advance(self.policy, self.state, decision)
        self._follow(decision)
        return decision

    def _follow(self, decision: Decision) -> None:
        if not decision.wants_change or decision.desired is None:
            return
        if self.replicas is not None:
            change = Change(self.now_ms, self.replicas, decision.desired)
            self.state = with_change(self.policy, self.state, change)
        self.replicas = decision.desired
