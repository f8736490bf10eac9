"""What every workload is given, and how large each is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from comparison.fleet_history import FleetShape, narrow_fleet
from comparison.systems import Installed
from comparison.write_requests import AGENT_REQUEST, HISTORY_REQUEST, RequestSize


@dataclass(frozen=True, slots=True)
class ScrapeSize:
    """`seconds` are measured after `warm_up_seconds`, `rounds` times for each system."""

    targets: int
    series: int
    interval_ms: int
    warm_up_seconds: float
    seconds: float
    rounds: int

    @property
    def active_series(self) -> int:
        return self.targets * self.series

    @property
    def text(self) -> str:
        return f"{self.targets:,} x {self.series:,} series every {self.interval_ms / 1000:g} s"


@dataclass(frozen=True, slots=True)
class HistorySize:
    """`rounds` of all questions, `instants` instant questions, `restarts` of each kind.

    Compaction gets `compaction_seconds` and then as long as files still change.
    """

    shape: FleetShape
    hours: float
    rounds: int
    instants: int
    restarts: int
    compaction_seconds: float
    step_seconds: int = 15
    request: RequestSize = HISTORY_REQUEST

    @property
    def text(self) -> str:
        pace = ", sample by sample" if self.request.steps == 1 else ""
        return f"{self.shape.instances:,} x {self.shape.series} series, {self.hours:g} h{pace}"


@dataclass(frozen=True, slots=True)
class DeadSeriesSize:
    """`live` is scraped beside blocks with `dead` series; its `rounds` are of questions, its `seconds` of rest."""

    live: ScrapeSize
    dead: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Sizes:
    many_series: ScrapeSize
    many_targets: ScrapeSize
    resident: ScrapeSize
    history: HistorySize
    agent_writes: HistorySize
    small_instances: HistorySize
    large_start: HistorySize
    dead_series: DeadSeriesSize
    scrape_rate: ScrapeSize


FULL = Sizes(
    many_series=ScrapeSize(100, 500, 200, warm_up_seconds=15, seconds=40, rounds=2),
    many_targets=ScrapeSize(2_000, 50, 1_000, warm_up_seconds=15, seconds=40, rounds=2),
    resident=ScrapeSize(500, 1_000, 15_000, warm_up_seconds=60, seconds=600, rounds=1),
    history=HistorySize(FleetShape(100, 100), 6, rounds=7, instants=1_000, restarts=3, compaction_seconds=180),
    agent_writes=HistorySize(
        FleetShape(500, 100), 0.25, rounds=0, instants=0, restarts=0, compaction_seconds=0, request=AGENT_REQUEST
    ),
    small_instances=HistorySize(narrow_fleet(2_000), 6, rounds=5, instants=400, restarts=0, compaction_seconds=0),
    large_start=HistorySize(
        FleetShape(5_000, 100), 6, rounds=0, instants=0, restarts=2, compaction_seconds=0, step_seconds=120
    ),
    dead_series=DeadSeriesSize(ScrapeSize(500, 100, 5_000, warm_up_seconds=60, seconds=35, rounds=10), 2_000_000, 10),
    scrape_rate=ScrapeSize(100, 1_000, 400, warm_up_seconds=5, seconds=15, rounds=1),
)

QUICK = Sizes(
    many_series=ScrapeSize(40, 500, 200, warm_up_seconds=4, seconds=8, rounds=1),
    many_targets=ScrapeSize(400, 50, 1_000, warm_up_seconds=4, seconds=8, rounds=1),
    resident=ScrapeSize(100, 1_000, 5_000, warm_up_seconds=10, seconds=20, rounds=1),
    history=HistorySize(FleetShape(20, 100), 6, rounds=3, instants=100, restarts=1, compaction_seconds=155),
    agent_writes=HistorySize(
        FleetShape(50, 100), 0.25, rounds=0, instants=0, restarts=0, compaction_seconds=0, request=AGENT_REQUEST
    ),
    small_instances=HistorySize(narrow_fleet(200), 6, rounds=3, instants=50, restarts=0, compaction_seconds=0),
    large_start=HistorySize(
        FleetShape(200, 100), 6, rounds=0, instants=0, restarts=1, compaction_seconds=0, step_seconds=120
    ),
    dead_series=DeadSeriesSize(ScrapeSize(100, 100, 2_000, warm_up_seconds=8, seconds=2, rounds=2), 50_000, 2),
    scrape_rate=ScrapeSize(20, 100, 400, warm_up_seconds=1, seconds=2, rounds=1),
)


@dataclass(frozen=True, slots=True)
class Bench:
    """`folder` is for what a workload writes; `say` shows what is being done."""

    systems: Sequence[Installed]
    sizes: Sizes
    folder: Path
    say: Callable[[str], None]
