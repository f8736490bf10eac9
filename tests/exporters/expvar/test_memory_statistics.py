from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.expvar.memory_statistics import MemoryStatistics, memory_statistics, new_pauses, pauses_since

RECORDED = json.loads(Path(__file__).with_name("recorded").joinpath("go_1.26.json").read_text())["memstats"]


class Process:
    """A Go process as far as its ring of pauses goes."""

    def __init__(self, start_ns: int = 0) -> None:
        self.pauses: list[int] = []
        self.ends = [0] * 256
        self.ring = [0] * 256
        self.start_ns = start_ns

    def collect(self, *pauses_ns: int) -> None:
        for pause_ns in pauses_ns:
            place = len(self.pauses) % 256
            self.pauses.append(pause_ns)
            self.ring[place] = pause_ns
            self.ends[place] = self.start_ns + len(self.pauses)

    def statistics(self) -> MemoryStatistics:
        total = sum(self.pauses)
        values = {"NumGC": len(self.pauses), "PauseTotalNs": total, "TotalAlloc": len(self.pauses)}
        return MemoryStatistics(len(self.pauses), total, tuple(self.ring), tuple(self.ends), values)


def test_a_recorded_page_is_read() -> None:
    statistics = memory_statistics(RECORDED)

    assert statistics is not None
    assert (statistics.collections, statistics.pause_total_ns) == (RECORDED["NumGC"], RECORDED["PauseTotalNs"])
    pauses = new_pauses(None, statistics)
    assert (len(pauses.pauses_ns), sum(pauses.pauses_ns)) == (RECORDED["NumGC"], RECORDED["PauseTotalNs"])


def test_only_what_is_new_is_given() -> None:
    process = Process()
    process.collect(*range(1, 251))
    last = process.statistics()
    process.collect(1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008)

    new = new_pauses(last, process.statistics())
    assert sorted(new.pauses_ns) == list(range(1001, 1009))
    assert (new.lost, new.lost_ns, new.is_new_process) == (0, 0, False)


@pytest.mark.parametrize(("collections", "since_ns", "counted"), [(9, 6, 4), (9, 1, 9), (9, 10, 0), (300, 299, 2)])
def test_of_a_first_reading_only_what_ended_since_is_given(collections: int, since_ns: int, counted: int) -> None:
    process = Process()
    process.collect(*[7] * collections)

    assert pauses_since(process.statistics(), since_ns).pauses_ns == (7,) * counted


def test_more_than_the_ring_holds_is_lost_and_told() -> None:
    process = Process()
    process.collect(5)
    last = process.statistics()
    process.collect(*[7] * 300)

    new = new_pauses(last, process.statistics())
    assert (len(new.pauses_ns), new.lost, new.lost_ns) == (256, 44, 44 * 7)


@pytest.mark.parametrize("collections", [3, 10, 200])
def test_a_restart_counts_from_the_start_of_the_new_process(collections: int) -> None:
    before, after = Process(), Process(start_ns=1_000_000)
    before.collect(*[9] * 10)
    after.collect(*[11] * collections)

    new = new_pauses(before.statistics(), after.statistics())
    assert (new.is_new_process, new.pauses_ns, new.lost) == (True, (11,) * collections, 0)


@given(st.lists(st.lists(st.integers(0, 10**9), max_size=400), max_size=8))
def test_counted_and_lost_make_up_all_there_were(rounds: list[list[int]]) -> None:
    process, last, count, sum_ns, lost, lost_ns = Process(), None, 0, 0, 0, 0
    for pauses_ns in rounds:
        process.collect(*pauses_ns)
        new = new_pauses(last, process.statistics())
        last = process.statistics()
        count, sum_ns = count + len(new.pauses_ns), sum_ns + sum(new.pauses_ns)
        lost, lost_ns = lost + new.lost, lost_ns + new.lost_ns

    assert (count + lost, sum_ns + lost_ns) == (len(process.pauses), sum(process.pauses))


@pytest.mark.parametrize(
    "changed",
    [
        {"NumGC": -1},
        {"NumGC": "3"},
        {"PauseNs": [0] * 255},
        {"PauseEnd": None},
        {"PauseNs": [0.5] * 256},
        {"TotalAlloc": True},
    ],
)
def test_another_shape_is_none(changed: dict[str, Any]) -> None:
    assert memory_statistics({**RECORDED, **changed}) is None


def test_a_ring_that_was_written_over_is_still_the_same_process() -> None:
    process = Process()
    process.collect(*[1] * 256)
    last = process.statistics()
    process.collect(*[2] * 256)

    assert not new_pauses(last, process.statistics()).is_new_process


@pytest.mark.parametrize("name", ["NumGC", "PauseTotalNs", "TotalAlloc", "Mallocs", "Frees", "NumForcedGC"])
def test_a_total_that_fell_is_of_another_process(name: str) -> None:
    process = Process()
    process.collect(*[1] * 20)
    last, now = (replace(process.statistics(), values={name: value}) for value in (21, 20))

    assert new_pauses(last, now).is_new_process and not new_pauses(last, last).is_new_process


def test_a_ring_of_more_than_the_pauses_grew_by_is_of_another_process() -> None:
    before, after = Process(), Process(start_ns=1_000_000)
    before.collect(*[90] * 10)
    after.collect(*[9] * 300)

    new = new_pauses(before.statistics(), after.statistics())
    assert (new.is_new_process, len(new.pauses_ns), new.lost, new.lost_ns) == (True, 256, 44, 44 * 9)
