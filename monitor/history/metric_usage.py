"""Which metrics are asked for, by whom, and when last: what nobody asks for need not be scraped."""

from __future__ import annotations

import enum
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from monitor.clock import Clock
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import METRIC_NAME
from monitor.model.matchers import MatchOp
from monitor.storage.interfaces import Queryable, Reader, Selection, SelectionSize, Selector

NAMES_MAX = 100_000
"""Metric names remembered; what is asked for beyond them counts as not asked for."""


class UsageKind(enum.Enum):
    """Who asked."""

    QUERY = "query"
    DASHBOARD = "dashboard"
    RULE = "rule"


@dataclass(slots=True)
class MetricUse:
    """How often one metric was asked for since the start, by whom, and when and by whom last."""

    last_ms: int = 0
    last_kind: UsageKind = UsageKind.QUERY
    counts: dict[UsageKind, int] = field(default_factory=dict)


class MetricUsage:
    """Safe for several threads."""

    def __init__(self, clock: Clock, names_max: int = NAMES_MAX) -> None:
        self.since_ms = clock.now_ms()
        self._clock = clock
        self._names_max = names_max
        self._uses: dict[str, MetricUse] = {}
        self._lock = threading.Lock()

    def note(self, kind: UsageKind, names: Iterable[str]) -> None:
        now_ms = self._clock.now_ms()
        with self._lock:
            for name in names:
                if name not in self._uses and len(self._uses) >= self._names_max:
                    continue
                use = self._uses.setdefault(name, MetricUse())
                use.last_ms, use.last_kind = now_ms, kind
                use.counts[kind] = use.counts.get(kind, 0) + 1

    def uses(self) -> dict[str, MetricUse]:
        """By metric name; only those that were asked for."""
        with self._lock:
            return {name: MetricUse(use.last_ms, use.last_kind, dict(use.counts)) for name, use in self._uses.items()}


class CountedReader:
    """A Reader that notes what it is asked for."""

    def __init__(self, reader: Reader, usage: MetricUsage, kind: UsageKind) -> None:
        self._reader = reader
        self._usage = usage
        self._kind = kind

    def select(self, selector: Selector, start_ms: int, end_ms: int) -> Selection:
        selection = self._reader.select(selector, start_ms, end_ms)
        if selection.labels.size:
            self._usage.note(self._kind, selected_names(selector, selection.labels))
        return selection

    def size(self, selector: Selector, start_ms: int, end_ms: int, roughly_below: int = 0) -> SelectionSize:
        return self._reader.size(selector, start_ms, end_ms, roughly_below)

    def series(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> LabelFrame:
        return self._reader.series(selectors, start_ms, end_ms)


class CountedStore:
    """A Queryable whose readers note what they are asked for."""

    def __init__(self, store: Queryable, usage: MetricUsage, kind: UsageKind) -> None:
        self._store = store
        self._usage = usage
        self._kind = kind

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        with self._store.reader() as reader:
            yield CountedReader(reader, self._usage, self._kind)


def selected_names(selector: Selector, labels: LabelFrame) -> list[str]:
    """The metric names that a selector found."""
    for matcher in selector:
        if matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL:
            return [matcher.value]
    column = labels.column(METRIC_NAME)
    return [column.values[code] for code in column.used().tolist() if code]
