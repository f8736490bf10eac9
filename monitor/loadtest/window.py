"""The differences between two ends of a load test: exactly what happened between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.errors import LoadTestError
from monitor.loadtest.exposed_figures import HistogramTotals
from monitor.loadtest.figures import Between
from monitor.loadtest.read_target import Reading


@dataclass(frozen=True, slots=True)
class Window:
    """None is what the server does not show. Counters are increases; memory is that at the end. What is of `/proc` is
    what the kernel's figure can have been when the server took its own. `reader_connections`, among the accepted, were
    opened by our reading of /metrics."""

    runtime: str
    durations: HistogramTotals
    by_status: Mapping[str, int]
    sent_bytes: int | None
    accepted: int | None
    resident_bytes: float | None
    cpu_seconds: float | None
    gc_pauses: HistogramTotals | None
    stalls: HistogramTotals | None
    proc_cpu_seconds: Between | None
    proc_resident_bytes: Between | None
    reader_connections: int = 0

    @property
    def requests(self) -> int:
        return round(self.durations.count)


@dataclass(frozen=True, slots=True)
class WindowEnd:
    """One end. `stored` is a scrape as the service has stored it, None without a service, and `stored_ms` when it was;
    `first` was read from the server itself before that, `last` after. Without a service both are the same reading."""

    first: Reading
    stored: Reading | None
    last: Reading
    stored_ms: int = 0


@dataclass(frozen=True, slots=True)
class Windows:
    """What has happened in a run: as the service has stored it, and as the server itself has shown it.

    Counters only grow, so what is stored is at least what lies between the readings inside of the two scrapes (`inner`)
    and at most what lies between those around them (`outer`). Of an idle server both are the same.
    """

    stored: Window | None
    inner: Window
    outer: Window


def windows_between(before: WindowEnd, after: WindowEnd) -> Windows:
    """Raises LoadTestError as `window_between` does."""
    inner, outer = window_between(before.last, after.first), window_between(before.first, after.last)
    if before.stored is None or after.stored is None:
        return Windows(None, inner, outer)
    if after.stored.exposed.durations is None:
        raise LoadTestError(
            "the service has stored no histogram of requests: its job needs `vocabulary: true` (docs/vocabulary.md)"
        )
    return Windows(window_between(before.stored, after.stored), inner, outer)


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
        proc_cpu_seconds=_cpu_range(before, after),
        proc_resident_bytes=_resident_range(after),
        reader_connections=after.reader_connections - before.reader_connections,
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


def _cpu_range(before: Reading, after: Reading) -> Between | None:
    starts, ends = ([look.cpu_seconds for look in reading.proc] for reading in (before, after))
    return Between(min(ends) - max(starts), max(ends) - min(starts)) if starts and ends else None


def _resident_range(reading: Reading) -> Between | None:
    values = [float(value) for look in reading.proc for value in look.resident_bytes]
    return Between(min(values), max(values)) if values else None
