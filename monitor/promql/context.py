"""What the evaluation of one query carries along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from monitor.errors import NotSmall
from monitor.model.label_frame import LabelFrame
from monitor.promql.annotations import Annotations
from monitor.promql.features import Features
from monitor.promql.limits import SMALL_SAMPLES_MAX, Guard, QueryLimits
from monitor.promql.plan import Plan
from monitor.promql.steps import Steps
from monitor.promql.watch import QueryWatch
from monitor.storage.interfaces import Reader, Selection, Selector

Derived = TypeVar("Derived")


@dataclass(slots=True)
class QueryContext:
    """One query while it runs; used by one thread."""

    plan: Plan
    reader: Reader
    limits: QueryLimits
    features: Features
    guard: Guard
    steps: Steps
    """Of the query as a whole; within a subquery the steps are others."""
    is_range_query: bool
    lookback_ms: int
    annotations: Annotations
    end_ms: int
    """The end asked for, at or after the last step: what `end()` stands for."""
    watch: QueryWatch = field(default_factory=QueryWatch)
    is_small: bool = False
    """Taken for small by the caller: ended by NotSmall before many samples are read."""
    _selections: dict[tuple[Selector, int, int], Selection] = field(default_factory=dict)

    @property
    def step_seconds(self) -> float:
        """What `step()` stands for: 0 in an instant query."""
        return self.steps.step_ms / 1000 if self.is_range_query else 0.0

    @property
    def range_seconds(self) -> float:
        """What `range()` stands for."""
        return (self.end_ms - self.steps.start_ms) / 1000

    def select(self, selector: Selector, start_ms: int, end_ms: int) -> Selection:
        """Both times are inclusive. The same request is answered once."""
        key = (selector, start_ms, end_ms)
        selection = self._selections.get(key)
        if selection is None:
            self.guard.check()
            selection = self.reader.select(selector, start_ms, end_ms)
            self.watch.samples += selection.samples
            self.limits.check_samples(self.watch.samples)
            if self.is_small and self.watch.samples > SMALL_SAMPLES_MAX:
                raise NotSmall(f"got {self.watch.samples} samples, want at most {SMALL_SAMPLES_MAX}")
            self.annotations.warn_of_storage(selection.warnings)
            self._selections[key] = selection
        return selection

    def begun_anew(self) -> QueryContext:
        """For another evaluation of the same query, with nothing remembered of this one."""
        self.watch.forget()
        return replace(self, annotations=Annotations(self.plan.text), _selections={})

    def derive(
        self, node: object, purpose: str, inputs: tuple[LabelFrame, ...], derivation: Callable[[], Derived]
    ) -> Derived:
        """What `derivation` makes of `inputs`, remembered for this node and these very label frames."""
        return self.plan.memo.derive((id(node), purpose), inputs, derivation)
