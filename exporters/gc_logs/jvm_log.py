"""The JVM's unified log, -Xlog:gc*,safepoint, of JDK 17 and later: G1, Parallel, Serial, ZGC, Shenandoah.

    [decorations] GC(#) Pause Young (Normal) (G1 Evacuation Pause) 6M->2M(48M) 1.961ms
    [decorations] GC(#) y: Pause Mark Start 0.008ms                                     ZGC
    [decorations] GC(#) Garbage Collection (Warmup) 8M(12%)->8M(12%)                    ZGC, a cycle and no pause
    [decorations] GC(#) User=0.01s Sys=0.00s Real=0.00s
    [decorations] Safepoint "NAME", Time since last: # ns, …, Total: # ns

Decorations may be any, or none. A pause is told twice, by a line at its start and one at its end; the second has the
time. M are 2^20 bytes. The total of a safepoint holds the pause and how long it took to stop all threads.
"""

from __future__ import annotations

import re

from exporters.gc_logs.records import (
    GC_LINE,
    OTHER_LINE,
    UNRECOGNISED_LINE,
    GcLine,
    HeapReading,
    Outcome,
    Pause,
    PauseKind,
    Stall,
    nanoseconds_of_ms,
)

_CYCLES_REMEMBERED = 64
_UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = r"(\d{1,12}[BKMGT])"
_GROUP = r"\((?:[^()]|\(\))*\)"

_DECORATED = re.compile(r"((?:\[[^\[\]]{0,200}\])*) ?(.*)")
_PAUSE = re.compile(
    rf"GC\((\d{{1,10}})\) (?:([YyO]): )?Pause ([A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*)((?: {_GROUP})*)"
    rf"(?: {_SIZE}->{_SIZE}\({_SIZE}\))? (\d{{1,9}}\.\d{{1,6}})ms",
    re.ASCII,
)
_PAUSE_START = re.compile(rf"GC\(\d+\) (?:[YyO]: )?Pause [A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*(?: {_GROUP})*", re.ASCII)
_CYCLE = re.compile(
    rf"GC\((\d{{1,10}})\) (?:Garbage|Major|Minor) Collection \((.*?)\)"
    rf"(?: {_SIZE}\(\d+%\)->{_SIZE}\(\d+%\)(?: \d+\.\d+s)?| Aborted)?",
    re.ASCII,
)
_CPU = re.compile(r"GC\(\d+\) User=(\d{1,9}\.\d\d)s Sys=(\d{1,9}\.\d\d)s Real=\d{1,9}\.\d\ds", re.ASCII)
_SAFEPOINT = re.compile(
    r'Safepoint "(\w{1,100})", Time since last: \d+ ns, Reaching safepoint: \d+ ns, (?:Cleanup: \d+ ns, )?'
    r"At safepoint: \d+ ns, (?:Leaving safepoint: \d+ ns, )?Total: (\d{1,18}) ns"
    r"(?:, Threads: \d+ runnable, \d+ total)?",
    re.ASCII,
)
_THREAD_STALL = re.compile(r"(Allocation|Relocation) Stall \(.*\) (\d{1,9}\.\d{1,6})ms", re.ASCII)
_LOOKS_LIKE_IT = re.compile(
    r"GC\(\d+\).*(?:Pause [A-Z]|User=|(?:Garbage|Major|Minor) Collection \()"
    r'|Safepoint "|(?:Allocation|Relocation) Stall \(|application threads were stopped'
)

_MAJOR_PHASES = frozenset(
    (
        *("full", "remark", "cleanup", "initial_mark", "mark_start", "mark_end", "relocate_start"),
        *("init_mark", "final_mark", "final_evac", "init_update_refs", "final_update_refs", "final_roots"),
        "degenerated_gc",
    )
)
_YOUNG_TYPES = frozenset(("Normal", "Concurrent Start", "Prepare Mixed", "Mixed", "Initial Mark"))


class JvmLogParser:
    """A LineParser. It remembers why each of the last cycles of ZGC began, because their pauses do not say."""

    def __init__(self) -> None:
        self._causes: dict[str, str] = {}

    def parse(self, line: str) -> GcLine:
        decorated = _DECORATED.fullmatch(line)
        if decorated is None:
            return OTHER_LINE
        decorations, message = decorated.groups()
        for read in (self._pause, self._cycle, _safepoint, _cpu, _thread_stall):
            gc_line = read(message)
            if gc_line is not None:
                return gc_line
        return _without_figures(decorations, message)

    def _pause(self, message: str) -> GcLine | None:
        found = _PAUSE.fullmatch(message)
        if found is None:
            return None
        cycle, generation, words, groups, before, after, size, pause_ms = found.groups()
        phase = _snake_case(words)
        young_type, cause = _type_and_cause(phase, [group[1:-1] for group in re.findall(_GROUP, groups)])
        pause = Pause(
            _kind_of(phase, generation),
            phase + young_type,
            cause or self._causes.get(cycle, ""),
            nanoseconds_of_ms(pause_ms),
        )
        heap = HeapReading(_bytes_of(before), _bytes_of(after), _bytes_of(size)) if before else None
        return GcLine(Outcome.GC, pauses=(pause,), heap=heap)

    def _cycle(self, message: str) -> GcLine | None:
        found = _CYCLE.fullmatch(message)
        if found is None:
            return None
        cycle, cause, before, after = found.groups()
        if before is None:
            self._remember(cycle, cause)
            return GC_LINE
        return GcLine(Outcome.GC, heap=HeapReading(_bytes_of(before), _bytes_of(after), None))

    def _remember(self, cycle: str, cause: str) -> None:
        self._causes[cycle] = cause
        if len(self._causes) > _CYCLES_REMEMBERED:
            del self._causes[next(iter(self._causes))]


def _kind_of(phase: str, generation: str | None) -> PauseKind:
    """`generation` is ZGC's: y is a young collection, Y the young half of a collection of everything, O the old one."""
    if phase == "young" or generation == "y":
        return PauseKind.MINOR
    return PauseKind.MAJOR if phase in _MAJOR_PHASES else PauseKind.OTHER


def _type_and_cause(phase: str, groups: list[str]) -> tuple[str, str]:
    """G1 puts the type of a young collection in front of its cause. What other phases have in brackets is no cause."""
    if phase not in ("young", "full") or not groups:
        return "", ""
    if groups[0] not in _YOUNG_TYPES:
        return "", groups[0]
    return "_" + _snake_case(groups[0]), groups[1] if len(groups) > 1 else ""


def _safepoint(message: str) -> GcLine | None:
    found = _SAFEPOINT.fullmatch(message)
    return found and GcLine(Outcome.GC, stalls=(Stall("safepoint", found[1], int(found[2])),))


def _cpu(message: str) -> GcLine | None:
    found = _CPU.fullmatch(message)
    return found and GcLine(Outcome.GC, cpu_nanoseconds=sum(round(float(text) * 1e9) for text in found.groups()))


def _thread_stall(message: str) -> GcLine | None:
    found = _THREAD_STALL.fullmatch(message)
    return found and GcLine(Outcome.GC, stalls=(Stall(f"{found[1].lower()}_stall", "", nanoseconds_of_ms(found[2])),))


def _without_figures(decorations: str, message: str) -> GcLine:
    is_tagged = "[gc" in decorations or "[safepoint" in decorations
    if is_tagged and "stats" in decorations:
        return GC_LINE
    if _PAUSE_START.fullmatch(message):
        return UNRECOGNISED_LINE if is_tagged and ",start" not in decorations else GC_LINE
    if _LOOKS_LIKE_IT.search(message):
        return UNRECOGNISED_LINE
    return GC_LINE if is_tagged or message.startswith("GC(") else OTHER_LINE


def _snake_case(words: str) -> str:
    return words.lower().replace(" ", "_")


def _bytes_of(size: str) -> int:
    return int(size[:-1]) * _UNITS[size[-1]]
