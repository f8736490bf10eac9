"""Which workloads a run consists of."""

from __future__ import annotations

import os

from comparison.process_usage import usage_of
from comparison.systems import HOW_TO_INSTALL, Prometheus, VictoriaMetrics, version_in
from run import LONG, NAMES, chosen_workloads, notes_about


def test_a_run_has_everything_but_what_takes_long() -> None:
    first, later = ["many-series", "many-targets", "history"], ["small-instances", "scrape-rate", "dead-series"]
    assert list(chosen_workloads([], is_long=False)) == [*first, "agent-writes", *later]


def test_a_long_run_has_everything() -> None:
    assert list(chosen_workloads([], is_long=True)) == [*chosen_workloads([], is_long=False), *LONG]


def test_parts_of_a_history_are_one_workload() -> None:
    assert list(chosen_workloads(["disk", "queries"], is_long=False)) == ["history"]


def test_each_name_can_be_chosen_alone() -> None:
    assert [len(chosen_workloads([name], is_long=False)) for name in NAMES] == [1] * len(NAMES)


def test_missing_peers_are_named_with_what_to_do() -> None:
    (note,) = notes_about([Prometheus, VictoriaMetrics])

    assert note.startswith("Prometheus and VictoriaMetrics not found")
    assert HOW_TO_INSTALL in note
    assert notes_about([]) == []


def test_versions_are_found_in_what_programs_say() -> None:
    assert version_in("prometheus, version 3.5.3 (branch: HEAD)\n") == "3.5.3"
    assert version_in("victoriametrics (1.145.0+ds1-2) unstable; urgency=medium") == "1.145.0+ds1-2"
    assert version_in("no number") is None


def test_this_process_has_used_cpu_and_memory() -> None:
    usage = usage_of(os.getpid())

    assert usage.cpu_seconds > 0
    assert usage.resident_bytes > 10_000_000
