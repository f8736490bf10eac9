"""Readings of /debug/vars as metric families."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    UnknownMetricFamily,
)

from exporters.duration_histogram import NANOSECONDS_PER_SECOND, BucketBounds, DurationHistogram, cumulated
from exporters.expvar.memory_statistics import MemoryStatistics
from exporters.expvar.variables import Variables
from exporters.python_gc import PAUSE_BUCKETS_SECONDS

PAUSE_BOUNDS = BucketBounds(PAUSE_BUCKETS_SECONDS)

# runtime.MemStats → the name client_golang gives it. Alloc is left out: it is HeapAlloc under another name, and
# OpenMetrics has no room for go_memstats_alloc_bytes beside go_memstats_alloc_bytes_total.
_GAUGES = {
    "Sys": "sys_bytes",
    "HeapAlloc": "heap_alloc_bytes",
    "HeapSys": "heap_sys_bytes",
    "HeapIdle": "heap_idle_bytes",
    "HeapInuse": "heap_inuse_bytes",
    "HeapReleased": "heap_released_bytes",
    "HeapObjects": "heap_objects",
    "StackInuse": "stack_inuse_bytes",
    "StackSys": "stack_sys_bytes",
    "MSpanInuse": "mspan_inuse_bytes",
    "MSpanSys": "mspan_sys_bytes",
    "MCacheInuse": "mcache_inuse_bytes",
    "MCacheSys": "mcache_sys_bytes",
    "BuckHashSys": "buck_hash_sys_bytes",
    "GCSys": "gc_sys_bytes",
    "OtherSys": "other_sys_bytes",
    "NextGC": "next_gc_bytes",
}
_COUNTERS = {
    "TotalAlloc": "go_memstats_alloc_bytes",
    "Mallocs": "go_memstats_mallocs",
    "Frees": "go_memstats_frees",
    "NumGC": "go_gc_cycles_total_gc_cycles",
    "NumForcedGC": "go_gc_cycles_forced_gc_cycles",
}


@dataclass(frozen=True, slots=True)
class PageReading:
    """One URL now: what this scrape read of it, None if nothing, and what is added up since the exporter's start.

    `pauses` is None as long as no memory statistics were ever read there.
    """

    url: str
    statistics: MemoryStatistics | None
    variables: Variables | None
    pauses: DurationHistogram | None
    lost_pauses: int
    lost_pause_ns: int
    restarts: int


def expvar_families(readings: Iterable[PageReading]) -> list[Metric]:
    """A page that could not be read has its totals only; without readings the families are empty but there."""
    readings = tuple(readings)
    return [*_totals(readings), *_state(readings), *_memory(readings), *_variables(readings)]


def _totals(readings: Iterable[PageReading]) -> list[Metric]:
    pauses = HistogramMetricFamily(
        "runtime_gc_pause_seconds",
        "Time the runtime was stopped by a garbage collection.",
        labels=["url", "runtime", "kind"],
    )
    lost = CounterMetricFamily(
        "plimsoll_exporter_lost_gc_pauses", "Pauses that left the ring before they were read.", labels=["url"]
    )
    lost_seconds = CounterMetricFamily(
        "plimsoll_exporter_lost_gc_pause_seconds", "The sum of the lost pauses.", labels=["url"]
    )
    restarts = CounterMetricFamily(
        "plimsoll_exporter_process_restarts", "Times another process was found at the URL.", labels=["url"]
    )
    for reading in readings:
        if reading.pauses is None:
            continue
        buckets = cumulated(PAUSE_BOUNDS.texts, reading.pauses.counts)
        pauses.add_metric([reading.url, "go", "other"], buckets, reading.pauses.sum_seconds)
        lost.add_metric([reading.url], reading.lost_pauses)
        lost_seconds.add_metric([reading.url], reading.lost_pause_ns / NANOSECONDS_PER_SECOND)
        restarts.add_metric([reading.url], reading.restarts)
    return [pauses, lost, lost_seconds, restarts]


def _state(readings: Iterable[PageReading]) -> list[Metric]:
    readable = GaugeMetricFamily(
        "plimsoll_exporter_expvar_up", "1 if the page could be read for this scrape, else 0.", labels=["url"]
    )
    dropped = GaugeMetricFamily(
        "plimsoll_exporter_expvar_dropped", "Variables left out by the limit or for their name.", labels=["url"]
    )
    for reading in readings:
        readable.add_metric([reading.url], reading.variables is not None)
        if reading.variables is not None:
            dropped.add_metric([reading.url], reading.variables.dropped)
    return [readable, dropped]


def _memory(readings: Iterable[PageReading]) -> list[Metric]:
    read = [(reading.url, reading.statistics.values) for reading in readings if reading.statistics]
    families: list[Metric] = []
    for field, name in _GAUGES.items():
        gauge = GaugeMetricFamily(f"go_memstats_{name}", f"{field} of runtime.MemStats.", labels=["url"])
        for url, values in read:
            if field in values:
                gauge.add_metric([url], values[field])
        families.append(gauge)
    for field, name in _COUNTERS.items():
        counter = CounterMetricFamily(name, f"{field} of runtime.MemStats.", labels=["url"])
        for url, values in read:
            if field in values:
                counter.add_metric([url], values[field])
        families.append(counter)
    ratio = GaugeMetricFamily(
        "runtime_gc_cpu_ratio",
        "Share of garbage collection in the CPU time since the start.",
        labels=["url", "runtime"],
    )
    for url, values in read:
        if "GCCPUFraction" in values:
            ratio.add_metric([url, "go"], values["GCCPUFraction"])
    return [*families, ratio]


def _variables(readings: Iterable[PageReading]) -> list[Metric]:
    families: dict[str, UnknownMetricFamily] = {}
    for reading in readings:
        for variable in reading.variables.kept if reading.variables else ():
            family = families.get(variable.name)
            if family is None:
                family = UnknownMetricFamily(variable.name, "Published with package expvar.", labels=["url", "key"])
                families[variable.name] = family
            family.add_metric([reading.url, variable.key], variable.value)
    return list(families.values())
