"""`plimsoll exporter gc_logs`."""

from __future__ import annotations

import os
import signal
from typing import Annotated

import typer

from exporters.gc_logs.collector import GcLogCollector, Runtime
from exporters.gc_logs.watched_program import WatchedProgram
from exporters.log_following.followed_file import Start
from exporters.log_following.source import LogSource
from exporters.log_following.state_file import StateFile
from exporters.serve import stop_signals_held
from monitor.cli.exporters.follow import StateOption, WaitOption, follow_and_export, open_sources, read_to_end
from monitor.cli.exporters.run import JsonOption, ListenOption

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: plimsoll exporter gc_logs --runtime jvm --file /var/log/shop/gc.log")
def gc_logs(
    command: Annotated[
        list[str] | None, typer.Argument(help="After --: a program to run and whose output to read.")
    ] = None,
    *,
    runtime: Annotated[Runtime, typer.Option(help="What wrote the log.")],
    file: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Follow this file or FIFO; - is standard input. Repeatable."),
    ] = None,
    start: Annotated[Start, typer.Option(help="Where to begin in a file that is there already.")] = Start.BEGINNING,
    state: StateOption = None,
    wait: WaitOption = False,
    listen: ListenOption = "127.0.0.1:9260",
    as_json: JsonOption = False,
) -> None:
    """Garbage collection pauses from the logs of Go (gctrace), Node (--trace-gc) and the JVM (-Xlog:gc*,safepoint)."""
    if bool(file) == bool(command):
        raise typer.BadParameter("want at least one --file, or a program after --, and not both")
    if command:
        _run_and_watch(command, runtime, listen)
    state_file = StateFile(state) if state else None
    sources = open_sources(file or (), start, wait, state_file)
    collector = GcLogCollector(sources, runtime, state_file)
    if as_json:
        read_to_end(collector)
    follow_and_export(collector, collector.poll, sources.values(), listen, as_json)


def _run_and_watch(command: list[str], runtime: Runtime, listen: str) -> None:
    """Ends when the program ends, and with its exit code."""
    # The signals are held all the time that the program runs: one must not end us before it.
    with stop_signals_held(), WatchedProgram(command, runtime) as program:
        sources: dict[str, LogSource] = {command[0]: program.source}
        collector = GcLogCollector(sources, runtime)
        poll = _StopAtTheEnd(collector)
        follow_and_export(collector, poll, sources.values(), listen, as_json=False, before_the_end=program.stop)
    raise typer.Exit(program.wait())


class _StopAtTheEnd:
    """Polls, and stops this program once, when the watched one has ended."""

    def __init__(self, collector: GcLogCollector) -> None:
        self._collector = collector
        self._is_stopping = False

    def __call__(self) -> bool:
        has_more = self._collector.poll()
        if not has_more and not self._is_stopping and not self._collector.awaits_writers:
            self._is_stopping = True
            os.kill(os.getpid(), signal.SIGTERM)
        return has_more
