"""Remarks about a query that are no failures: warnings and infos, worded and placed as Prometheus does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.errors import Span
from monitor.model.durations import rfc3339
from monitor.model.labels import quote
from monitor.promql.functions.go_format import format_general

_MONOTONICITY = (
    "input to histogram_quantile needed to be fixed for monotonicity"
    " (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


@dataclass(frozen=True, slots=True)
class Repair:
    """What it took to make classic buckets monotonic, over `count` of histogram samples."""

    start_ms: int
    end_ms: int
    bucket_min: float
    bucket_max: float
    difference_max: float
    count: int

    def merged(self, other: Repair) -> Repair:
        return Repair(
            min(self.start_ms, other.start_ms),
            max(self.end_ms, other.end_ms),
            min(self.bucket_min, other.bucket_min),
            max(self.bucket_max, other.bucket_max),
            max(self.difference_max, other.difference_max),
            self.count + other.count,
        )

    def __str__(self) -> str:
        buckets = f"from buckets {format_general(self.bucket_min)} to {format_general(self.bucket_max)}"
        times = f"from {_whole_seconds(self.start_ms)} to {_whole_seconds(self.end_ms)}"
        return f"{buckets}, with a max diff of {self.difference_max:.2g}, over {self.count} samples {times}"


def _whole_seconds(timestamp_ms: int) -> str:
    return rfc3339(timestamp_ms // 1000 * 1000)


@dataclass(slots=True)
class Annotations:
    """Collects the remarks about one query. The same text counts once, at the place that it came from last."""

    expression: str
    _warnings: dict[str, Span] = field(default_factory=dict)
    _infos: dict[str, Span] = field(default_factory=dict)
    _repairs: dict[str, tuple[Repair, Span]] = field(default_factory=dict)
    _storage_warnings: dict[str, None] = field(default_factory=dict)

    def warn_of_storage(self, messages: Iterable[str]) -> None:
        """What the store says of the data that it gave; it has no place in the expression."""
        self._storage_warnings |= dict.fromkeys(messages)

    def warn(self, message: str, span: Span) -> None:
        self._warnings[message] = span

    def inform(self, message: str, span: Span) -> None:
        self._infos[message] = span

    def inform_of_repair(self, metric_name: str, span: Span, repair: Repair) -> None:
        """Repairs of one metric are told as one."""
        known = self._repairs.get(metric_name)
        self._repairs[metric_name] = (known[0].merged(repair) if known else repair, span)

    @property
    def warnings(self) -> tuple[str, ...]:
        warnings = (f"PromQL warning: {message} ({self._place(span)})" for message, span in self._warnings.items())
        return (*warnings, *self._storage_warnings)

    @property
    def infos(self) -> tuple[str, ...]:
        infos = (f"PromQL info: {message} ({self._place(span)})" for message, span in self._infos.items())
        repairs = (
            f"PromQL info: {_MONOTONICITY}{for_metric(name)}, {repair} ({self._place(span)})"
            for name, (repair, span) in self._repairs.items()
        )
        return (*infos, *repairs)

    def _place(self, span: Span) -> str:
        """Line and column from 1; columns count UTF-8 bytes, as upstream's do."""
        before = self.expression[: span.start]
        line_start = before.rfind("\n") + 1
        return f"{before.count(chr(10)) + 1}:{len(before[line_start:].encode('utf-8', 'surrogateescape')) + 1}"


def for_metric(name: str) -> str:
    """The ending of a message that is about one metric; nothing if its name is not known."""
    return f" for metric name {quote(name)}" if name else ""
