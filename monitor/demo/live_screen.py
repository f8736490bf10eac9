"""The demo in a terminal, drawn anew each second."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from monitor.demo.settings import ALERT_LINE_SECONDS
from monitor.demo.snapshot import AlertStanding
from monitor.demo.view import View, figures

_EVENTS_SHOWN = 12
_HISTORY_LENGTH = 60
_BARS = "▁▂▃▄▅▆▇█"
_STYLES = {AlertStanding.INACTIVE: "green", AlertStanding.PENDING: "yellow", AlertStanding.FIRING: "bold red"}


class LiveScreen:
    """Takes the terminal of `console` until it is left."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._events: deque[tuple[float, str]] = deque(maxlen=_EVENTS_SHOWN)
        self._p99_seconds: deque[float] = deque(maxlen=_HISTORY_LENGTH)
        self._rates: deque[float] = deque(maxlen=_HISTORY_LENGTH)
        self._view: View | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, view: View) -> None:
        self._view = view
        self._p99_seconds.append(view.snapshot.p99_seconds or 0.0)
        self._rates.append(view.snapshot.requests_per_second or 0.0)
        self._draw()

    def tell(self, at_seconds: float, event: str) -> None:
        self._events.append((at_seconds, event))
        self._draw()

    def _draw(self) -> None:
        parts: list[RenderableType] = []
        if self._view is not None:
            parts = [_panel(self._view, self._rates, self._p99_seconds)]
        events = Text("\n").join(Text.assemble((f"{at:5.0f} s  ", "dim"), text) for at, text in self._events)
        self._live.update(Group(*parts, Panel(events, title="what happened", title_align="left")), refresh=True)


def _panel(view: View, rates: Sequence[float], p99_seconds: Sequence[float]) -> Panel:
    style = _STYLES[view.snapshot.alert]
    table = Table.grid(padding=(0, 2))
    for name, value in figures(view):
        table.add_row(Text(name, "dim"), Text(value, style if name in ("alert", "p99") else "bold"))
    table.add_row(Text("last minute", "dim"), Text.assemble(bars(rates), ("  requests", "dim")))
    table.add_row("", Text.assemble((bars(p99_seconds), style), ("  p99", "dim")))
    table.add_row(Text("decision", "dim"), view.snapshot.decision or "none yet")
    title = f"{view.phase.value}, {view.at_seconds:.0f} s; the alert's line is {ALERT_LINE_SECONDS:g} s"
    return Panel(table, title=title, title_align="left", subtitle=f"open {view.url}", subtitle_align="left")


def bars(values: Iterable[float]) -> str:
    """A character for each value, from 0 to the highest."""
    kept = list(values)
    highest = max(kept, default=0.0)
    if highest <= 0:
        return _BARS[0] * len(kept)
    return "".join(_BARS[min(len(_BARS) - 1, int(value / highest * len(_BARS)))] for value in kept)
