"""What the exporters of logs have in common: opening the logs, and reading on in the background while they serve."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Annotated, Protocol

import typer
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.registry import Collector

from exporters.log_following.followed_file import Start
from exporters.log_following.open_source import check_open, open_source
from exporters.log_following.polling import Polling
from exporters.log_following.source import LogSource
from exporters.log_following.state_file import StateFile
from monitor.cli.exporters.run import run_exporter

_POLL_INTERVAL_SECONDS = 0.1
_STREAM_INTERVAL_SECONDS = 0.001

StateOption = Annotated[Path | None, typer.Option(help="Remember in this file how far each log was read.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Start even if a log is not there yet.")]


class LogCollector(Protocol):
    def poll(self) -> bool: ...

    @property
    def awaits_writers(self) -> bool: ...


def open_sources(names: Sequence[str], start: Start, wait: bool, state_file: StateFile | None) -> dict[str, LogSource]:
    """By name. Raises NoSuchLog, unless it is to `wait`, and InvalidStateFile."""
    positions = state_file.load() if state_file else {}
    sources = {name: open_source(name, start, time.monotonic, positions.get(name, ())) for name in names}
    for name, source in sources.items():
        if not wait:
            check_open(name, source)
    return sources


def read_to_end(collector: LogCollector) -> None:
    """All there is now of files; standard input and programs until they end."""
    while collector.poll() or collector.awaits_writers:
        time.sleep(_STREAM_INTERVAL_SECONDS if collector.awaits_writers else 0)


def follow_and_export(
    collector: Collector,
    poll: Callable[[], bool],
    sources: Collection[LogSource],
    listen: str,
    as_json: bool,
    before_the_end: Callable[[], None] = lambda: None,
) -> None:
    """Serves, or prints a reading. The logs are still read during `before_the_end`. Raises CannotListen."""
    registry = CollectorRegistry()
    registry.register(collector)
    failures = Counter(
        "plimsoll_exporter_read_failures", "Times reading a log failed, between scrapes.", registry=registry
    )
    with Polling(poll, _POLL_INTERVAL_SECONDS, failures.inc, sources):
        try:
            run_exporter(registry, listen, as_json)
        finally:
            before_the_end()
