"""One load test from its first reading to its reconciled figures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from monitor.clock import Clock
from monitor.config.vocabulary_config import Vocabulary
from monitor.loadtest.facts import Facts
from monitor.loadtest.figures import Figure
from monitor.loadtest.generator_command import LoadPlan
from monitor.loadtest.observe_run import Observation, RunObserver
from monitor.loadtest.read_target import ProcessWatch, Reading, TargetReader, watch_listener
from monitor.loadtest.reconcile import reconcile_stored
from monitor.loadtest.run_generator import GeneratorRun, Tick, check_installed, run_generator
from monitor.loadtest.stored_scrapes import Service, StoredScrapes
from monitor.loadtest.window import WindowEnd, windows_between

_SETTLE_SECONDS = 0.2
_SETTLE_LOOKS_MAX = 15


@dataclass(frozen=True, slots=True)
class CellResult:
    """`stored_ms` are the two scrapes between which the service has stored our figures; None without a service."""

    facts: Facts
    figures: tuple[Figure, ...]
    stored_ms: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run needs besides its plan. `metrics_url` is the server's own, `wait` sleeps for seconds."""

    metrics_url: str
    vocabularies: tuple[Vocabulary, ...]
    service: Service | None
    clock: Clock
    wait: Callable[[float], None]


def run_cell(plan: LoadPlan, around: Surroundings, tick: Tick) -> CellResult:
    """Raises LoadTestError, and BadRequest for a metrics URL that is none."""
    check_installed(plan.tool)
    process = watch_listener(plan.target.port)
    reader = TargetReader(around.metrics_url, around.vocabularies, process)
    try:
        scrapes = StoredScrapes(around.service, reader.instance) if around.service else None
        before = _window_end(reader.read(), reader, scrapes)
        generated, seen = _generate(plan, process, around.clock, tick)
        after = _window_end(_read_when_idle(reader, around), reader, scrapes)
        windows = windows_between(before, after)
        stored_ms = (before.stored_ms, after.stored_ms) if scrapes else None
        memory = scrapes.memory(*stored_ms) if scrapes and stored_ms else ()
        # Between its readings the reader rests as long as the scraper does, or longer.
        opened_again = scrapes.connections_most(*stored_ms, reader.connections > 1) if scrapes and stored_ms else 0
        facts = Facts(plan, generated, windows.stored or windows.inner, seen, memory, opened_again)
        return CellResult(facts, reconcile_stored(facts, windows), stored_ms)
    finally:
        reader.close()


def _window_end(first: Reading, reader: TargetReader, scrapes: StoredScrapes | None) -> WindowEnd:
    if scrapes is None:
        return WindowEnd(first, None, first)
    looks = [*first.proc[-1:]]
    scrape = scrapes.next(lambda: looks.extend(reader.look()))
    last = reader.read()
    stored = Reading(scrape.exposed, (*looks, *last.proc[:1]), first.reader_connections)
    return WindowEnd(first, stored, last, scrape.at_ms)


def _generate(
    plan: LoadPlan, process: ProcessWatch | None, clock: Clock, tick: Tick
) -> tuple[GeneratorRun, Observation]:
    observer = RunObserver(plan, clock, process)
    with tempfile.TemporaryDirectory(prefix="plimsoll-loadtest-") as folder:
        observer.start()
        try:
            generated = run_generator(plan, Path(folder), clock, tick)
        finally:
            seen = observer.stop()
    return generated, seen


def _read_when_idle(reader: TargetReader, around: Surroundings) -> Reading:
    """Once two readings in a row have the same requests and connections, or after a while."""
    last = reader.read()
    for _ in range(_SETTLE_LOOKS_MAX):
        around.wait(_SETTLE_SECONDS)
        before, last = last, reader.read()
        if (before.exposed.durations, before.exposed.accepted) == (last.exposed.durations, last.exposed.accepted):
            break
    return last
