from __future__ import annotations

import pytest

from exporters.gc_logs.go_trace import GoTraceParser
from exporters.gc_logs.jvm_log import JvmLogParser
from exporters.gc_logs.node_trace import NodeTraceParser
from exporters.gc_logs.records import LineParser, Outcome, Pause, PauseKind

GO = "gc {} @1.500s 2%: 0.5+1+0.25 ms clock, 1+0/1/2+0.5 ms cpu, 4->5->2 MB, 6 MB goal, 0 MB stacks, 0 MB globals, 2 P"
NODE = (
    "[7:0x1f]       24 ms: Scavenge 3.9 (4.0) -> 3.7 (5.0) MB, 1.98 / 0.00 ms  "
    "(average mu = 1.000, current mu = 1.000) task; "
)
JVM = "[0.064s][info][gc          ] GC(0) Pause Young (Normal) (G1 Evacuation Pause) 6M->2M(48M) 1.961ms"
SAFEPOINT = (
    '[0.064s][info][safepoint   ] Safepoint "G1CollectFull", Time since last: 36 ns, Reaching safepoint: 9 ns, '
    "Cleanup: 5 ns, At safepoint: 20 ns, Total: 34 ns"
)


def outcome(parser: LineParser, line: str) -> Outcome:
    return parser.parse(line).outcome


def test_a_forced_collection_of_go_has_that_cause() -> None:
    line = GoTraceParser().parse(GO.format(1) + " (forced)")

    assert [pause.cause for pause in line.pauses] == ["forced", "forced"]
    assert [pause.nanoseconds for pause in line.pauses] == [500_000, 250_000]


def test_go_before_1_18_prints_no_stacks() -> None:
    assert outcome(GoTraceParser(), GO.format(1).replace(" 0 MB stacks, 0 MB globals,", "")) is Outcome.GC


def test_a_gap_in_the_numbers_of_go_is_told() -> None:
    parser = GoTraceParser()
    missed = [parser.parse(GO.format(number)).missed_collections for number in (3, 4, 8, 1, 2)]

    assert missed == [0, 0, 3, 0, 0]


def test_steps_of_incremental_marking_are_no_pauses() -> None:
    steps = "(+ 0.25 ms in 3 steps since start of marking, biggest step 0.1 ms, walltime since start of marking 20 ms) "
    line = NodeTraceParser().parse(NODE.replace("(average", steps + "(average"))

    assert (line.incremental_steps, line.incremental_nanoseconds, len(line.pauses)) == (3, 250_000, 1)


def test_an_unknown_collection_of_node_is_of_the_kind_other() -> None:
    [pause] = NodeTraceParser().parse(NODE.replace("Scavenge", "Young-Sweep (reduce)")).pauses

    assert pause == Pause(PauseKind.OTHER, "young_sweep_reduce", "task", 1_980_000)


@pytest.mark.parametrize(
    "decorations",
    [
        "",
        "[0.064s]",
        "[2026-11-23T17:43:48.123+0000][0.064s]",
        "[64ms][4711][4712][info ][gc] ",
        "[info][gc,phases  ] ",
    ],
)
def test_the_decorations_of_the_jvm_may_be_any(decorations: str) -> None:
    [pause] = JvmLogParser().parse(decorations + JVM.partition("] ")[2]).pauses

    assert pause == Pause(PauseKind.MINOR, "young_normal", "G1 Evacuation Pause", 1_961_000)


@pytest.mark.parametrize(
    ("message", "phase", "cause"),
    [
        ("Pause Full (System.gc()) 6M->2M(48M) 1.000ms", "full", "System.gc()"),
        ("Pause Young (Allocation Failure) 6M->2M(48M) 1.000ms", "young", "Allocation Failure"),
        ("Pause Remark 6M->2M(48M) 1.000ms", "remark", ""),
        ("Pause Init Mark (unload classes) 1.000ms", "init_mark", ""),
        ("Pause Polish (Spring) 1.000ms", "polish", ""),
    ],
)
def test_phase_and_cause_are_told_apart(message: str, phase: str, cause: str) -> None:
    [pause] = JvmLogParser().parse(f"[1s][info][gc] GC(3) {message}").pauses

    assert (pause.phase, pause.cause, pause.nanoseconds) == (phase, cause, 1_000_000)


def test_a_stall_of_a_thread_is_no_pause() -> None:
    line = JvmLogParser().parse("[1s][info][gc] Allocation Stall (http-nio-8080-exec-3) 11.474ms")

    assert [(stall.source, stall.nanoseconds) for stall in line.stalls] == [("allocation_stall", 11_474_000)]
    assert line.pauses == ()


@pytest.mark.parametrize("cut", range(1, len(GO.format(12)), 7))
def test_half_a_line_of_go_is_never_a_pause(cut: int) -> None:
    line = GO.format(12)

    assert GoTraceParser().parse(line[:cut]).pauses == GoTraceParser().parse(line[cut:]).pauses == ()


@pytest.mark.parametrize(("parser", "line"), [(NodeTraceParser, NODE), (JvmLogParser, JVM), (JvmLogParser, SAFEPOINT)])
def test_half_a_line_is_never_a_pause(parser: type[LineParser], line: str) -> None:
    for cut in range(1, len(line.rstrip(" ;"))):
        assert parser().parse(line[:cut]).pauses == parser().parse(line[:cut]).stalls == ()
    assert outcome(parser(), line) is Outcome.GC


@pytest.mark.parametrize(
    ("parser", "line"),
    [
        (GoTraceParser, "listening on " + GO.format(1)),
        (GoTraceParser, "gc 1 @0.1s 1%: 0.010+1+0.05+0.1+0.2 ms clock, 1 ms cpu, 4->4 MB, 4 P"),
        (NodeTraceParser, "[7:0x1f] 3 ms: Scavenge 3.9 (4.0) -> 3.7 (5.0) MB, 1.98 / 0.0 ms allocation failure"),
        (JvmLogParser, "ready" + JVM),
        (JvmLogParser, JVM.removesuffix(" 6M->2M(48M) 1.961ms")),
        (JvmLogParser, "[1s] Total time for which application threads were stopped: 0.1 seconds"),
    ],
)
def test_damaged_lines_and_other_versions_are_not_recognised(parser: type[LineParser], line: str) -> None:
    assert outcome(parser(), line) is Outcome.UNRECOGNISED


@pytest.mark.parametrize("parser", [GoTraceParser, NodeTraceParser, JvmLogParser])
@pytest.mark.parametrize("line", ["", "listening on :8080", "User=anne paid 3.000ms", "\x00\xff", "[2026] GET /"])
def test_what_the_program_prints_is_other(parser: type[LineParser], line: str) -> None:
    assert outcome(parser(), line) is Outcome.OTHER


def test_a_line_of_the_jvm_without_figures_is_a_gc_line() -> None:
    for line in ("[1s][info][gc,start] GC(0) Pause Remark", "[1s][info][gc,heap] GC(0) Eden regions: 6->0(8)"):
        assert outcome(JvmLogParser(), line) is Outcome.GC
