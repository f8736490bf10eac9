"""One finished run of a load generator, in the same words whatever the tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Tool(Enum):
    """`is_co_corrected`: wrk puts back the requests that it would have sent while an answer was late (coordinated
    omission; `stats_correct` in its source). ab and hey do not, so a stall is one slow request to them."""

    WRK = "wrk"
    AB = "ab"
    HEY = "hey"

    @property
    def is_co_corrected(self) -> bool:
        return self is Tool.WRK


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds; None where the tool is silent. `quantiles`: by 0 to 1, ascending."""

    mean: float | None = None
    standard_deviation: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    quantiles: Mapping[float, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoadTestRun:
    """`requests`: answered ones. `errors` by kind, as the tool tells them apart; 0 is said, silence is absent.

    wrk: connect, read, write, timeout, and status (400 and above). ab: connect, receive, length (an answer as long as
    the first one is expected, so answers that vary are no errors), exceptions, write, and status (outside 200 to 299).
    hey: status (400 and above), request (no answer).

    `phases`: parts of the latency by name, as far as the tool tells. `ended_seconds`: Unix time, if the output has it.
    """

    tool: Tool
    duration_seconds: float
    requests: int
    requests_per_second: float
    latency: Latency | None
    errors: Mapping[str, int]
    read_bytes: int | None = None
    url: str | None = None
    connections: int | None = None
    threads: int | None = None
    keep_alive_requests: int | None = None
    phases: Mapping[str, Latency] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    ended_seconds: float | None = None
