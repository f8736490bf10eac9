"""GC totals of logs as metric families."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from exporters.duration_histogram import NANOSECONDS_PER_SECOND, cumulated
from exporters.gc_logs.totals import PAUSE_BOUNDS, GcTotals


@dataclass(frozen=True, slots=True)
class LabelledTotals:
    log: str
    runtime: str
    totals: GcTotals


def gc_families(logs: Iterable[LabelledTotals]) -> list[Metric]:
    """What a log does not say is absent, never 0; without logs the families are empty but there."""
    logs = tuple(logs)
    return [_pauses(logs), _stalls(logs), *_heap(logs), *_cpu(logs), *_incremental(logs), _missed(logs)]


def _pauses(logs: Iterable[LabelledTotals]) -> Metric:
    family = HistogramMetricFamily(
        "runtime_gc_pause_seconds",
        "Time the runtime was stopped by a garbage collection.",
        labels=["log", "runtime", "kind", "phase", "cause"],
    )
    for log in logs:
        for key, histogram in log.totals.pauses.items():
            buckets = cumulated(PAUSE_BOUNDS.texts, histogram.counts)
            family.add_metric([log.log, log.runtime, *key], buckets, histogram.sum_seconds)
    return family


def _stalls(logs: Iterable[LabelledTotals]) -> Metric:
    family = HistogramMetricFamily(
        "runtime_stall_seconds",
        "Time the program could not go on, garbage collection included.",
        labels=["log", "runtime", "source", "operation"],
    )
    for log in logs:
        for key, histogram in log.totals.stalls.items():
            buckets = cumulated(PAUSE_BOUNDS.texts, histogram.counts)
            family.add_metric([log.log, log.runtime, *key], buckets, histogram.sum_seconds)
    return family


def _heap(logs: Iterable[LabelledTotals]) -> list[Metric]:
    used = GaugeMetricFamily(
        "runtime_gc_heap_used_bytes",
        "Used heap before and after the last collection.",
        labels=["log", "runtime", "when"],
    )
    size = GaugeMetricFamily(
        "runtime_gc_heap_size_bytes",
        "Size of the heap after the last collection; of Go, the size it may grow to until the next one.",
        labels=["log", "runtime"],
    )
    for log in logs:
        heap = log.totals.heap
        if heap is None:
            continue
        used.add_metric([log.log, log.runtime, "before"], heap.before_bytes)
        used.add_metric([log.log, log.runtime, "after"], heap.after_bytes)
        if heap.size_bytes is not None:
            size.add_metric([log.log, log.runtime], heap.size_bytes)
    return [used, size]


def _cpu(logs: Iterable[LabelledTotals]) -> list[Metric]:
    seconds = CounterMetricFamily(
        "runtime_gc_cpu_seconds", "CPU time of garbage collection.", labels=["log", "runtime"]
    )
    ratio = GaugeMetricFamily(
        "runtime_gc_cpu_ratio",
        "Share of garbage collection in the CPU time since the start.",
        labels=["log", "runtime"],
    )
    for log in logs:
        totals = log.totals
        if totals.cpu_nanoseconds is not None:
            seconds.add_metric([log.log, log.runtime], totals.cpu_nanoseconds / NANOSECONDS_PER_SECOND)
        if totals.cpu_ratio is not None:
            ratio.add_metric([log.log, log.runtime], totals.cpu_ratio)
    return [seconds, ratio]


def _incremental(logs: Iterable[LabelledTotals]) -> list[Metric]:
    steps = CounterMetricFamily(
        "runtime_gc_incremental_steps", "Steps of incremental marking, besides the pauses.", labels=["log", "runtime"]
    )
    seconds = CounterMetricFamily(
        "runtime_gc_incremental_seconds",
        "Time the runtime was stopped by steps of incremental marking, besides the pauses.",
        labels=["log", "runtime"],
    )
    for log in logs:
        if log.runtime != "node":
            continue
        steps.add_metric([log.log, log.runtime], log.totals.incremental_steps)
        seconds.add_metric([log.log, log.runtime], log.totals.incremental_nanoseconds / NANOSECONDS_PER_SECOND)
    return [steps, seconds]


def _missed(logs: Iterable[LabelledTotals]) -> Metric:
    family = CounterMetricFamily(
        "plimsoll_exporter_gc_log_missed_collections",
        "Collections that the log's numbering tells of and no line that could be read.",
        labels=["log"],
    )
    for log in logs:
        if log.runtime == "go":
            family.add_metric([log.log], log.totals.missed_collections)
    return family
