"""Real logs, recorded by recorded/record.sh, against counts and sums taken from the text by other means."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from gc_log_oracle import pauses_ms, safepoint_total_ns

from exporters.gc_logs.collector import GcLogCollector, Runtime
from exporters.gc_logs.jvm_log import JvmLogParser
from exporters.gc_logs.records import Outcome, PauseKind
from exporters.log_following.followed_file import FollowedFile, Start

RECORDED = Path(__file__).with_name("recorded")
LOGS = sorted(path.name for path in RECORDED.glob("*.log"))


def samples(name: str) -> dict[tuple[str, str, str], float]:
    """Value by sample name, kind or source or outcome, and phase or operation."""
    source = FollowedFile(RECORDED / name, Start.BEGINNING, lambda: 0.0)
    collector = GcLogCollector({name: source}, Runtime(name.split("_", maxsplit=1)[0]))
    values: dict[tuple[str, str, str], float] = {}
    for family in collector.collect():
        for sample in family.samples:
            labels = sample.labels
            kind = labels.get("kind") or labels.get("source") or labels.get("outcome") or labels.get("when") or ""
            key = (sample.name, kind, labels.get("phase", labels.get("operation", "")))
            values[key] = values.get(key, 0) + sample.value
    source.close()
    return values


def total(values: dict[tuple[str, str, str], float], name: str, kind: str | None = None) -> float:
    return sum(value for key, value in values.items() if key[0] == name and kind in (None, key[1]))


@pytest.mark.parametrize("name", LOGS)
def test_pauses_are_counted_and_summed_exactly(name: str) -> None:
    expected = pauses_ms(name.split("_", maxsplit=1)[0], (RECORDED / name).read_text())
    values = samples(name)

    assert len(expected) > 5
    assert total(values, "runtime_gc_pause_seconds_count") == len(expected)
    assert total(values, "runtime_gc_pause_seconds_sum") == pytest.approx(float(sum(expected, Decimal(0))) / 1e3)


@pytest.mark.parametrize("name", LOGS)
def test_every_line_of_a_real_log_is_understood(name: str) -> None:
    text, values = (RECORDED / name).read_text(), samples(name)

    assert total(values, "plimsoll_exporter_log_lines_total", "unrecognised") == 0
    assert total(values, "plimsoll_exporter_log_lines_total") == text.count("\n")


@pytest.mark.parametrize("name", [name for name in LOGS if name.startswith("jvm")])
def test_safepoints_are_counted_and_summed_exactly(name: str) -> None:
    count, sum_ns = safepoint_total_ns((RECORDED / name).read_text())
    values = samples(name)

    assert total(values, "runtime_stall_seconds_count", "safepoint") == count
    assert total(values, "runtime_stall_seconds_sum", "safepoint") == pytest.approx(sum_ns / 1e9)


@pytest.mark.parametrize(
    ("name", "kind", "phase"),
    [
        ("go_1.26.log", "other", "sweep_termination"),
        ("node_20.log", "minor", "scavenge"),
        ("node_24.log", "major", "mark_compact"),
        ("jvm_17_G1.log", "minor", "young_normal"),
        ("jvm_25_G1.log", "major", "full"),
        ("jvm_17_Parallel.log", "minor", "young"),
        ("jvm_25_Serial.log", "major", "full"),
        ("jvm_17_Z.log", "major", "relocate_start"),
        ("jvm_25_Z.log", "minor", "mark_end"),
        ("jvm_25_Shenandoah.log", "major", "final_mark"),
    ],
)
def test_pauses_are_told_apart_by_kind_and_phase(name: str, kind: str, phase: str) -> None:
    assert samples(name)["runtime_gc_pause_seconds_count", kind, phase] > 0


def test_the_last_collection_of_go_tells_heap_and_cpu() -> None:
    values = samples("go_1.26.log")
    line = [line for line in (RECORDED / "go_1.26.log").read_text().splitlines() if line.startswith("gc ")][-1]
    before, _, after = line.split(" MB,")[0].split()[-1].split("->")

    assert values["runtime_gc_heap_used_bytes", "before", ""] == int(before) << 20
    assert values["runtime_gc_heap_used_bytes", "after", ""] == int(after) << 20
    assert values["runtime_gc_cpu_ratio", "", ""] == int(line.split("%")[0].split()[-1]) / 100
    assert (
        values["runtime_gc_cpu_seconds_total", "", ""]
        > values["runtime_gc_pause_seconds_sum", "other", "sweep_termination"]
    )


def test_the_pauses_of_a_zgc_cycle_have_the_cause_of_the_cycle() -> None:
    parser, causes = JvmLogParser(), set()
    for line in (RECORDED / "jvm_25_Z.log").read_text().splitlines():
        causes |= {pause.cause for pause in parser.parse(line).pauses}

    assert "Warmup" in causes and "System.gc()" in causes and "" not in causes


def test_known_phases_leave_nothing_to_the_kind_other() -> None:
    for name in LOGS:
        parser = JvmLogParser()
        for line in (RECORDED / name).read_text().splitlines() if name.startswith("jvm") else ():
            parsed = parser.parse(line)
            assert parsed.outcome is not Outcome.UNRECOGNISED
            assert all(pause.kind is not PauseKind.OTHER for pause in parsed.pauses), line
