"""Garbage collection pauses of the Python process it is installed in, as a histogram.

    uninstall = install(registry)

CPython stops every Python thread while it collects. prometheus_client counts collections but not their time.
`kind` is `minor` for generations 0 and 1 and `major` for 2, the full collection.
"""

from __future__ import annotations

import gc
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

PAUSE_BUCKETS_SECONDS = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

_KINDS = ("minor", "minor", "major")


class GcPauses(Collector):
    """Measures the pauses, as a callback of `gc`, and gives them, as a collector.

    A collection can start in any thread at nearly any instruction, also inside prometheus_client while that thread
    holds the lock of a metric: a Histogram observed here could wait for its own thread for ever. So the callback
    takes no lock and touches nothing but lists of its own. It needs none, because a process runs one collection at a
    time. It also makes no object that the collector tracks, so it cannot bring on a collection itself. It takes
    0.8 µs for a collection (CPython 3.11). A scrape during a collection may miss that one in the sum only.
    """

    def __init__(self, monotonic_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self._monotonic_ns = monotonic_ns
        self._start_ns = 0
        self._bounds_ns = [round(bound * 1e9) for bound in PAUSE_BUCKETS_SECONDS]
        # Pauses in each bucket, the last one for all that are longer; then their sum in ns.
        self._pauses = {kind: [0] * (len(self._bounds_ns) + 2) for kind in _KINDS}
        self._by_generation = [self._pauses[kind] for kind in _KINDS]

    def on_collection(self, phase: str, info: Mapping[str, int]) -> None:
        """To be put into `gc.callbacks`."""
        if phase == "start":
            self._start_ns = self._monotonic_ns()
            return
        if self._start_ns == 0:  # installed in the middle of a collection
            return
        pause_ns = self._monotonic_ns() - self._start_ns
        self._start_ns = 0
        pauses = self._by_generation[info["generation"]]
        pauses[bisect_left(self._bounds_ns, pause_ns)] += 1
        pauses[-1] += pause_ns

    def describe(self) -> Iterable[Metric]:
        return [_family()]

    def collect(self) -> Iterable[Metric]:
        family = _family()
        for kind, pauses in self._pauses.items():
            *counts, sum_ns = pauses[:]
            family.add_metric(["cpython", kind], _cumulated(counts), sum_ns / 1e9)
        return [family]


def install(registry: CollectorRegistry) -> Callable[[], None]:
    """Measures collections from now on into `registry`; the function it returns undoes that, once."""
    pauses = GcPauses()
    registry.register(pauses)
    gc.callbacks.append(pauses.on_collection)

    def uninstall() -> None:
        gc.callbacks.remove(pauses.on_collection)
        registry.unregister(pauses)

    return uninstall


def _family() -> HistogramMetricFamily:
    return HistogramMetricFamily(
        "runtime_gc_pause_seconds", "Time the runtime was stopped by a garbage collection.", labels=["runtime", "kind"]
    )


def _cumulated(counts: list[int]) -> list[tuple[str, float]]:
    """Counts per bucket, one more than bounds, as (upper bound, count up to it)."""
    total, buckets = 0, []
    for bound, count in zip((*map(str, PAUSE_BUCKETS_SECONDS), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets
