"""`plimsoll demo`: a shop, a flash sale, and the service watching and scaling it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from monitor.app.options import parse_listen
from monitor.clock import SystemClock
from monitor.demo.live_screen import LiveScreen
from monitor.demo.plain_screen import PlainScreen
from monitor.demo.ports import free_port_at, is_free
from monitor.demo.report import Report, open_ends
from monitor.demo.run import DemoOptions, run_demo
from monitor.demo.story import SECONDS_MIN, Story
from monitor.demo.view import Screen
from monitor.errors import DemoError

app = typer.Typer(add_completion=False)

DEFAULT_SECONDS = 120.0
DEFAULT_LISTEN = "127.0.0.1:9090"
INTERRUPTED = 130

_EPILOG = "Example: plimsoll demo --seconds 120 --json demo.json"


@app.command(epilog=_EPILOG)
def demo(
    seconds: Annotated[
        float | None, typer.Option(help=f"End after a story of that length, at least {SECONDS_MIN:g}.")
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", dir_okay=False, writable=True, help="Write what was measured to this file."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Keep everything here, not in a temporary directory.")] = None,
    listen: Annotated[
        str | None, typer.Option(help=f"Address of the service. {DEFAULT_LISTEN}, or a free port if that is taken.")
    ] = None,
) -> None:
    """Watch a shop through a flash sale: the alert fires, is delivered, more processes start, it resolves.

    Without --seconds it stays live after the story, until Ctrl-C. With it the exit code says whether the loop closed.
    """
    if seconds is not None and not SECONDS_MIN <= seconds < float("inf"):
        raise typer.BadParameter(f"got {seconds:g}, want at least {SECONDS_MIN:g} seconds", param_hint="--seconds")
    if json_file is not None and not json_file.parent.is_dir():
        raise typer.BadParameter(f"got {json_file}, want a file in a directory that exists", param_hint="--json")
    host, port = _listen_address(listen)
    with contextlib.ExitStack() as stack:
        directory = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plimsoll-demo-")))
        story = Story.lasting(seconds or DEFAULT_SECONDS)
        options = DemoOptions(story, directory.absolute(), host, port, goes_on=seconds is None)
        reports: list[Report] = []
        with _screen() as screen:
            asyncio.run(_until_signal(_run(options, screen, json_file, reports)))
    if seconds is not None:
        conclude(reports)


async def _run(options: DemoOptions, screen: Screen, json_file: Path | None, reports: list[Report]) -> None:
    def reported(report: Report) -> None:
        reports.append(report)
        text = json.dumps(asdict(report), indent=1)
        if json_file is not None:
            json_file.write_text(text + "\n")
        missing = open_ends(report)
        screen.tell(
            options.story.seconds,
            f"the loop did not close: not seen: {'; '.join(missing)}" if missing else "the loop has closed",
        )

    await run_demo(options, screen, SystemClock(), reported)


async def _until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Cancels `work` at the first signal to end. Later ones do not disturb it on its way out."""
    task = asyncio.ensure_future(work)
    interrupted = asyncio.Event()

    def interrupt() -> None:
        if not interrupted.is_set():
            interrupted.set()
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    try:
        await task
    except asyncio.CancelledError:
        if not interrupted.is_set():
            raise


def conclude(reports: list[Report]) -> None:
    """Prints what was measured: at most one report, none if a signal came first.

    Exit codes: 0; 1, by a DemoError, if the loop did not close; 130 if there was no time for it to.
    """
    if not reports:
        raise typer.Exit(INTERRUPTED)
    typer.echo(json.dumps(asdict(reports[0]), indent=1))
    missing = open_ends(reports[0])
    if missing:
        raise DemoError(f"the loop did not close. Not seen: {'; '.join(missing)}")


def _listen_address(listen: str | None) -> tuple[str, int]:
    try:
        host, port = parse_listen(listen or DEFAULT_LISTEN)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--listen") from None
    if port != 0 and is_free(host, port):
        return host, port
    if listen is not None and port != 0:
        raise DemoError(f"{listen}: cannot be listened at, give another address with --listen")
    return host, free_port_at(host)


def _screen() -> Screen:
    console = Console()
    if console.is_terminal:
        return LiveScreen(console)

    def write(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    return PlainScreen(write)
