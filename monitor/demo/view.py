"""What is to be shown at one moment, wherever it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from monitor.demo.load import LoadReport
from monitor.demo.snapshot import Snapshot
from monitor.demo.story import Phase, Story, rate_of

UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class View:
    """`buyers` is what the load generator measured, beside what the shop says of itself."""

    url: str
    story: Story
    phase: Phase
    at_seconds: float
    snapshot: Snapshot
    buyers: LoadReport | None


class Screen(Protocol):
    """Where the demo is watched; a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def show(self, view: View) -> None:
        """Takes the place of the view before."""
        ...

    def tell(self, at_seconds: float, event: str) -> None:
        """Something has happened, so long after the start of the story."""
        ...


def seconds_text(seconds: float | None) -> str:
    """Three digits: `139 ms`, `2.11 s`, `0.07 ms`."""
    if seconds is None:
        return UNKNOWN
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def _optional(value: float | None, write: Callable[[float], str]) -> str:
    return UNKNOWN if value is None else write(value)


def figures(view: View) -> tuple[tuple[str, str], ...]:
    """Name and value of everything that is shown, in the order of importance."""
    snapshot, buyers = view.snapshot, view.buyers
    desired = f" (want {snapshot.desired})" if snapshot.desired not in (None, snapshot.replicas) else ""
    return (
        ("requests", f"{_optional(snapshot.requests_per_second, '{:.0f}/s'.format)} of {rate_of(view.phase):.0f}/s"),
        ("p50", seconds_text(snapshot.p50_seconds)),
        ("p99", seconds_text(snapshot.p99_seconds)),
        ("buyers' p99", seconds_text(buyers.p99_seconds if buyers else None)),
        ("sent away", str(buyers.failed) if buyers else UNKNOWN),
        ("alert", snapshot.alert.value),
        ("processes", f"{snapshot.replicas}{desired}"),
        ("cpu", _optional(snapshot.cpu_ratio, "{:.2f} cores".format)),
        ("memory", _optional(snapshot.memory_bytes, lambda value: f"{value / 2**20:.0f} MiB")),
        ("gc pause", seconds_text(snapshot.gc_pause_seconds)),
    )
