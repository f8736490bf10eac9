"""The differences between two readings of a server: exactly what happened between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.errors import LoadTestError
from monitor.loadtest.exposed_figures import HistogramTotals
from monitor.loadtest.read_target import ProcessFigures, Reading


@dataclass(frozen=True, slots=True)
class ProcValues:
    """What /proc has said right before and right after a server's own figure was read. At least one value."""

    values: tuple[float, ...]

    def nearest(self, own: float) -> float:
        """The one that the server's own figure is to be compared with."""
        return min(self.values, key=lambda value: abs(value - own))


@dataclass(frozen=True, slots=True)
class Window:
    """None is what the server does not show. Counters are increases; memory is that at the end."""

    runtime: str
    durations: HistogramTotals
    by_status: Mapping[str, int]
    sent_bytes: int | None
    accepted: int | None
    resident_bytes: float | None
    cpu_seconds: float | None
    gc_pauses: HistogramTotals | None
    stalls: HistogramTotals | None
    proc_cpu_seconds: ProcValues | None
    proc_resident_bytes: ProcValues | None

    @property
    def requests(self) -> int:
        return round(self.durations.count)


def window_between(before: Reading, after: Reading) -> Window:
    """Raises LoadTestError if the server shows no requests, or has started again in between."""
    first, last = before.exposed, after.exposed
    if last.durations is None:
        raise LoadTestError("the server's metrics have no histogram of its requests that we know (docs/vocabulary.md)")
    return Window(
        runtime=last.runtime,
        durations=_grown(first.durations, last.durations),
        by_status={
            status: round(_increase(f"requests with status {status}", first.by_status.get(status, 0.0), count))
            for status, count in last.by_status.items()
        },
        sent_bytes=_whole("bytes sent", first.sent_bytes, last.sent_bytes),
        accepted=_whole("accepted connections", first.accepted, last.accepted),
        resident_bytes=last.resident_bytes,
        cpu_seconds=_optional("CPU time", first.cpu_seconds, last.cpu_seconds),
        gc_pauses=_grown(first.gc_pauses, last.gc_pauses) if last.gc_pauses else None,
        stalls=_grown(first.stalls, last.stalls) if last.stalls else None,
        proc_cpu_seconds=_cpu_values(before, after),
        proc_resident_bytes=_resident_values(after.proc_before, after.proc_after),
    )


def _increase(what: str, first: float, last: float) -> float:
    if last < first:
        raise LoadTestError(f"{what}: got {last:g} after the run and {first:g} before: the server has started again")
    return last - first


def _optional(what: str, first: float | None, last: float | None) -> float | None:
    return None if last is None else _increase(what, first or 0.0, last)


def _whole(what: str, first: float | None, last: float | None) -> int | None:
    increase = _optional(what, first, last)
    return None if increase is None else round(increase)


def _grown(first: HistogramTotals | None, last: HistogramTotals) -> HistogramTotals:
    first = first or HistogramTotals(0.0, 0.0, {})
    buckets = {bound: count - first.buckets.get(bound, 0.0) for bound, count in last.buckets.items()}
    return HistogramTotals(_increase("requests", first.count, last.count), last.sum - first.sum, buckets)


def _cpu_values(before: Reading, after: Reading) -> ProcValues | None:
    starts = [look.cpu_seconds for look in (before.proc_before, before.proc_after) if look]
    ends = [look.cpu_seconds for look in (after.proc_before, after.proc_after) if look]
    values = tuple(end - start for start in starts for end in ends)
    return ProcValues(values) if values else None


def _resident_values(*looks: ProcessFigures | None) -> ProcValues | None:
    values = tuple(float(value) for look in looks if look for value in look.resident_bytes)
    return ProcValues(values) if values else None
