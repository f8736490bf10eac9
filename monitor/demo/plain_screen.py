"""The demo as lines, for logs and pipes."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from monitor.demo.view import View, figures

INTERVAL_SECONDS = 5.0
"""Between two lines of figures; events come as they happen."""


class PlainScreen:
    """`write` gets one line at a time."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._next_seconds = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def show(self, view: View) -> None:
        if view.at_seconds >= self._next_seconds:
            self._next_seconds = view.at_seconds + INTERVAL_SECONDS
            self.tell(view.at_seconds, ", ".join(f"{name} {value}" for name, value in figures(view)))

    def tell(self, at_seconds: float, event: str) -> None:
        self._write(f"{at_seconds:6.1f} s  {event}")
