"""A fleet's history, from remote write through queries and compaction to restarts: one trial, chosen parts of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager

from comparison.bench import Bench, HistorySize
from comparison.figures import Detail, Figure, Measured
from comparison.systems import System, started
from comparison.write_requests import WrittenHistory, write_history
from workloads import compaction, querying, remote_write, start_up

REMOTE_WRITE, QUERIES, DISK, START_UP = "remote-write", "queries", "disk", "start-up"
PARTS = (REMOTE_WRITE, QUERIES, DISK, START_UP)
QUERY_LIMIT = 0.3
SMALL_INSTANCES_LIMIT = 0.5
COLD_LIMIT = 1.0


def measure_history(bench: Bench, parts: Set[str]) -> Measured:
    """`parts` of PARTS. The history is written in any case."""
    with _Trial.begun(bench, bench.sizes.history) as trial:
        trial.load(is_shown=REMOTE_WRITE in parts)
        if QUERIES in parts:
            trial.ask_first(QUERY_LIMIT)
        if DISK in parts:
            trial.compact(with_queries=QUERIES in parts)
        if START_UP in parts:
            trial.restart(with_queries=QUERIES in parts)
        return trial.measured


def measure_large_start(bench: Bench) -> Measured:
    with _Trial.begun(bench, bench.sizes.large_start) as trial:
        trial.load(is_shown=False)
        trial.restart(with_queries=False)
        return trial.measured


def measure_agent_writes(bench: Bench) -> Measured:
    with _Trial.begun(bench, bench.sizes.agent_writes) as trial:
        trial.load(is_shown=True)
        return trial.measured


def measure_small_instances(bench: Bench) -> Measured:
    with _Trial.begun(bench, bench.sizes.small_instances) as trial:
        trial.load(is_shown=True)
        trial.ask_first(SMALL_INSTANCES_LIMIT)
        return trial.measured


class _Trial:
    """All systems at once with the same history, and what was found so far."""

    def __init__(self, bench: Bench, size: HistorySize, systems: list[System], history: WrittenHistory) -> None:
        self._bench = bench
        self._size = size
        self._systems = systems
        self._history = history
        self._first: querying.Pass | None = None
        self._figures: list[Figure] = []
        self._details: list[Detail] = []

    @classmethod
    @contextmanager
    def begun(cls, bench: Bench, size: HistorySize) -> Iterator[_Trial]:
        """The history ends with the current minute."""
        folder = bench.folder / "history"
        try:
            bench.say(f"preparing {size.text}")
            end = int(time.time()) // 60 * 60
            history = write_history(folder / "bodies", size.shape, size.hours, size.step_seconds, end, size.request)
            with started(bench.systems, folder) as systems:
                yield cls(bench, size, systems, history)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def measured(self) -> Measured:
        return Measured(tuple(self._figures), tuple(self._details))

    def load(self, *, is_shown: bool) -> None:
        figures = remote_write.load(self._bench, self._systems, self._history, f"remote write: {self._size.text}")
        self._figures += figures if is_shown else ()

    def ask_first(self, limit: float) -> None:
        workload = f"queries: {self._size.text}"
        done = self._first = self._ask("queries", self._size.rounds)
        self._figures += querying.figures_of(done, workload, limit)
        self._figures.append(querying.throughput_figure(done, workload))
        self._figures.append(
            querying.instant_figure(self._bench, self._systems, self._history.end, self._size.instants, workload)
        )
        differing = querying.differing_figure(done, workload)
        self._figures += [differing] if differing else []
        self._details.append(querying.detail_of(done, self._systems, f"Queries: {self._size.text}"))

    def compact(self, *, with_queries: bool) -> None:
        compaction.compact(self._bench, self._systems, self._size.compaction_seconds)
        self._figures += compaction.disk_figures(self._systems, self._history, "disk")
        if with_queries:
            done = self._ask("queries of compacted history", self._size.rounds)
            self._compare(done, "queries after compaction", QUERY_LIMIT)
            self._details.append(querying.detail_of(done, self._systems, "Queries after compaction"))

    def restart(self, *, with_queries: bool) -> None:
        for after in (start_up.CLEAN, start_up.KILLED):
            self._figures.append(
                start_up.restart(
                    self._bench,
                    self._systems,
                    self._history,
                    after,
                    self._size.restarts,
                    f"start-up: {self._size.text}",
                )
            )
            if with_queries:
                done = self._ask(f"first queries after {after}", 1, is_cold=True)
                self._compare(done, f"queries, cold after {after}", COLD_LIMIT)

    def _ask(self, what: str, rounds: int, *, is_cold: bool = False) -> querying.Pass:
        return querying.ask_all(self._bench, self._systems, self._history.end, rounds, what, is_cold=is_cold)

    def _compare(self, done: querying.Pass, workload: str, limit: float) -> None:
        assert self._first is not None, "BUG: got no first answers to compare with"
        mean, _ = querying.figures_of(done, workload, limit)
        self._figures += [mean, querying.changed_figure(self._first, done, workload)]
