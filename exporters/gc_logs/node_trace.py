"""Node's --trace-gc, the output of V8's GCTracer::Print.

    [pid:isolate]  ms since start: TYPE used (total) -> used (total) MB, [pooled: # MB, ]pause / callbacks ms  \
        [(+ # ms in # steps since start of marking, …) ](average mu = #, current mu = #) reason; collector's reason

`MB` are 2^20 bytes. The pause is the first of the two times. Steps of incremental marking stop the program as well;
only their number and their sum are printed.
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

_MB = r"(\d{1,9}\.\d)"
_MS = r"(\d{1,9}\.\d{1,2})"
_LINE = re.compile(
    r"\[\d{1,10}:0x[0-9a-f]{1,16}\] +\d{1,12} ms: "
    r"([A-Z][A-Za-z]{1,20}(?:[ -][A-Za-z]{1,20}){0,3})((?: \([a-z -]{1,30}\)){0,3}) "
    rf"{_MB} \({_MB}\) -> {_MB} \({_MB}\) MB, (?:pooled: \d{{1,9}}(?:\.\d)? MB, )?{_MS} / {_MS} ms +"
    rf"(?:\(\+ {_MS} ms in (\d{{1,9}}) steps since start of marking, [^()]{{1,200}}\) )?"
    r"\(average mu = \d\.\d{3}, current mu = \d\.\d{3}\) ([^;()]{1,100}); [^;()]{0,100}",
    re.ASCII,
)
_LOOKS_LIKE_IT = re.compile(r"\[\d+:0x[0-9a-f]+\]|\d\) MB, |\d / \d+\.\d+ ms|current mu = ")


class NodeTraceParser:
    """A LineParser; it remembers nothing, so several processes and threads may share a log."""

    def parse(self, line: str) -> GcLine:
        found = _LINE.fullmatch(line)
        if found is None:
            return UNRECOGNISED_LINE if _LOOKS_LIKE_IT.search(line) else OTHER_LINE
        name, remarks, before, _, after, total, pause_ms, _, steps_ms, steps, reason = found.groups()
        phase = re.sub(r"[^a-z]+", "_", (name + remarks).lower()).strip("_")
        return GcLine(
            Outcome.GC,
            pauses=(Pause(_kind_of(name), phase, reason.strip(), nanoseconds_of_ms(pause_ms)),),
            heap=HeapReading(_bytes_of(before), _bytes_of(after), _bytes_of(total)),
            incremental_steps=int(steps or 0),
            incremental_nanoseconds=nanoseconds_of_ms(steps_ms or "0"),
        )


def _kind_of(name: str) -> PauseKind:
    if name.startswith(("Scavenge", "Minor")):
        return PauseKind.MINOR
    return PauseKind.MAJOR if name.startswith("Mark") else PauseKind.OTHER


def _bytes_of(mebibytes: str) -> int:
    return round(float(mebibytes) * MEBIBYTE)
