"""Go's GODEBUG=gctrace=1, as the comment on `gctrace` in the documentation of package runtime describes it.

    gc # @#s #%: #+#+# ms clock, #+#/#/#+# ms cpu, #->#-># MB, # MB goal, # MB stacks, # MB globals, # P (forced)

The three sizes are the heap at the start, at the end, and what of it is live: that is the heap after collection.
The first and the third clock number are the two times the world is stopped: sweep termination and mark termination.
Go has no generations: kind `other`. `MB` are 2^20 bytes. Idle marking counts as CPU time of the collector, as in
/cpu/classes/gc/total. Go before 1.18 prints no stacks and globals.
"""

from __future__ import annotations

import re

from exporters.gc_logs.records import (
    MEBIBYTE,
    OTHER_LINE,
    UNRECOGNISED_LINE,
    GcLine,
    HeapReading,
    Outcome,
    Pause,
    PauseKind,
    nanoseconds_of_ms,
)

_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_LINE = re.compile(
    r"gc (\d{1,10}) @\d+\.\d{3}s (\d{1,3})%: "
    rf"{_NUMBER}\+{_NUMBER}\+{_NUMBER} ms clock, {_NUMBER}\+{_NUMBER}/{_NUMBER}/{_NUMBER}\+{_NUMBER} ms cpu, "
    r"(\d{1,9})->(\d{1,9})->(\d{1,9}) MB, (\d{1,9}) MB goal, (?:\d{1,9} ?MB stacks, \d{1,9} ?MB globals, )?"
    r"\d{1,5} P( \(forced\))?",
    re.ASCII,
)
_LOOKS_LIKE_IT = re.compile(r"gc \d+ @| ms clock, | ms cpu, | MB goal, |\d P(?: \(forced\))?$")


class GoTraceParser:
    """A LineParser. Cycles are numbered from 1: a gap is counted, and a number that does not grow is a new process."""

    def __init__(self) -> None:
        self._last_cycle: int | None = None

    def parse(self, line: str) -> GcLine:
        found = _LINE.fullmatch(line)
        if found is None:
            return UNRECOGNISED_LINE if _LOOKS_LIKE_IT.search(line) else OTHER_LINE
        cycle, percent, sweep_ms, _, mark_ms, *cpu_ms, before, _, live, goal, forced = found.groups()
        cause = "forced" if forced else ""
        return GcLine(
            Outcome.GC,
            pauses=(
                Pause(PauseKind.OTHER, "sweep_termination", cause, nanoseconds_of_ms(sweep_ms)),
                Pause(PauseKind.OTHER, "mark_termination", cause, nanoseconds_of_ms(mark_ms)),
            ),
            heap=HeapReading(int(before) * MEBIBYTE, int(live) * MEBIBYTE, int(goal) * MEBIBYTE),
            cpu_nanoseconds=sum(map(nanoseconds_of_ms, cpu_ms)),
            cpu_ratio=int(percent) / 100,
            missed_collections=self._missed_before(int(cycle)),
        )

    def _missed_before(self, cycle: int) -> int:
        last, self._last_cycle = self._last_cycle, cycle
        return cycle - last - 1 if last is not None and cycle > last else 0
