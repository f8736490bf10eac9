from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from exporters.python_gc import PAUSE_BUCKETS_SECONDS, GcPauses, install

NAME = "runtime_gc_pause_seconds"


class Ticks:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.nanoseconds = 1

    def __call__(self) -> int:
        return self.nanoseconds


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    registry = CollectorRegistry()
    uninstall = install(registry)
    yield registry
    uninstall()


def value(registry: CollectorRegistry, suffix: str, kind: str, **labels: str) -> Any:
    return registry.get_sample_value(NAME + suffix, {"runtime": "cpython", "kind": kind, **labels})


def both_counts(registry: CollectorRegistry) -> tuple[tuple[int, int], tuple[float, float]]:
    """Minor and major collections of this process so far: as CPython counts them, and as exported."""
    gc.disable()  # no collection of its own between the two
    try:
        young, middle, old = (generation["collections"] for generation in gc.get_stats())
        return (young + middle, old), (value(registry, "_count", "minor"), value(registry, "_count", "major"))
    finally:
        gc.enable()


def make_garbage(cycles: int) -> None:
    for _ in range(cycles):
        ring: list[Any] = []
        ring.append(ring)


def collect(pauses: GcPauses, ticks: Ticks, generation: int, nanoseconds: int) -> None:
    info = {"generation": generation, "collected": 0, "uncollectable": 0}
    pauses.on_collection("start", info)
    ticks.nanoseconds += nanoseconds
    pauses.on_collection("stop", info)


def test_every_collection_is_counted_by_its_kind(registry: CollectorRegistry) -> None:
    before, counted_before = both_counts(registry)
    make_garbage(20_000)
    for generation in (0, 1, 1, 2, 2, 2):
        gc.collect(generation)
    after, counted_after = both_counts(registry)

    minor, major = after[0] - before[0], after[1] - before[1]
    assert (minor > 20, major >= 3) == (True, True)  # the garbage brought collections of its own
    assert (counted_after[0] - counted_before[0], counted_after[1] - counted_before[1]) == (minor, major)


@pytest.mark.parametrize(("generation", "kind"), [(0, "minor"), (1, "minor"), (2, "major")])
def test_the_kind_follows_from_the_generation(generation: int, kind: str) -> None:
    ticks, registry = Ticks(), CollectorRegistry()
    pauses = GcPauses(ticks)
    registry.register(pauses)

    collect(pauses, ticks, generation, 3_000_000)

    assert {each: value(registry, "_count", each) for each in ("minor", "major")} == {"minor": 0, "major": 0, kind: 1}
    assert value(registry, "_sum", kind) == 0.003


def test_a_pause_falls_into_the_bucket_that_ends_at_it_or_later() -> None:
    ticks, registry = Ticks(), CollectorRegistry()
    pauses = GcPauses(ticks)
    registry.register(pauses)

    for nanoseconds in (99_999, 100_000, 100_001, 2_500_000_000, 2_500_000_001):
        collect(pauses, ticks, 2, nanoseconds)

    bounds = ("0.0001", "0.0005", "1.0", "2.5", "+Inf")
    assert [value(registry, "_bucket", "major", le=bound) for bound in bounds] == [2, 3, 3, 4, 5]


def test_the_buckets_are_those_of_every_runtime() -> None:
    registry = CollectorRegistry()
    registry.register(GcPauses())

    [family] = registry.collect()
    bounds = [
        sample.labels["le"]
        for sample in family.samples
        if sample.labels.get("kind") == "major" and "le" in sample.labels
    ]
    assert [float(bound) for bound in bounds] == [*PAUSE_BUCKETS_SECONDS, float("inf")]


def test_a_collection_under_way_at_the_start_is_not_counted() -> None:
    registry = CollectorRegistry()
    pauses = GcPauses()
    registry.register(pauses)

    pauses.on_collection("stop", {"generation": 2, "collected": 0, "uncollectable": 0})

    assert value(registry, "_count", "major") == 0


def test_after_uninstall_nothing_is_measured_or_exported() -> None:
    registry = CollectorRegistry()
    callbacks = len(gc.callbacks)

    install(registry)()

    assert len(gc.callbacks) == callbacks
    assert list(registry.collect()) == []


def test_a_callback_makes_no_object_the_collector_tracks() -> None:
    ticks = Ticks()
    pauses, info = GcPauses(ticks), {"generation": 0, "collected": 0, "uncollectable": 0}
    gc.disable()
    try:
        before = gc.get_count()[0]
        for _ in range(1000):
            pauses.on_collection("start", info)
            pauses.on_collection("stop", info)
        made = gc.get_count()[0] - before
    finally:
        gc.enable()

    assert made <= 1


def test_collections_in_many_threads_and_scrapes_between_them_are_all_counted(registry: CollectorRegistry) -> None:
    threshold = gc.get_threshold()
    before, counted_before = both_counts(registry)

    def work() -> None:
        for _ in range(10):
            make_garbage(50)
            gc.collect()
            registry.get_sample_value(NAME + "_count", {"runtime": "cpython", "kind": "minor"})

    gc.set_threshold(1, 1, 1)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    finally:
        gc.set_threshold(*threshold)

    assert not any(thread.is_alive() for thread in threads)
    after, counted_after = both_counts(registry)
    assert counted_after[1] - counted_before[1] == after[1] - before[1] >= 10
