"""A stream of bytes as pieces that end where a line does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_NEWLINE, _QUOTE = 0x0A, 0x22


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines; the first is number `first_line`, from 1. `is_cut`: one line that is longer than allowed."""

    first_line: int
    text: bytes
    is_cut: bool = False


class RecordSplitter:
    """Gives back what it was fed, up to the last line that is complete. It never holds more than `line_bytes_max`.

    With `quotes`, a newline between double quotes does not end a line, as in CSV.
    """

    def __init__(self, line_bytes_max: int, *, quotes: bool = False) -> None:
        self._line_bytes_max = line_bytes_max
        self._quotes = quotes
        self._rest = b""
        self._line = 1
        self._is_skipping = False

    def feed(self, data: bytes) -> list[Lines]:
        if self._is_skipping:
            end = data.find(b"\n")
            if end < 0:
                return []
            self._is_skipping, self._line, data = False, self._line + 1, data[end + 1 :]
        text = self._rest + data
        end = self._last_end(text)
        self._rest = text[end:]
        lines = [self._lines(text[:end])] if end else []
        if len(self._rest) > self._line_bytes_max:
            lines.append(Lines(self._line, b"", is_cut=True))
            self._line += self._rest.count(b"\n")
            self._rest, self._is_skipping = b"", True
        return lines

    def finish(self) -> list[Lines]:
        """What stands behind the last newline."""
        rest, self._rest = self._rest, b""
        return [self._lines(rest)] if rest else []

    def _lines(self, text: bytes) -> Lines:
        lines = Lines(self._line, text)
        self._line += text.count(b"\n")
        return lines

    def _last_end(self, text: bytes) -> int:
        """Just behind the last newline that ends a line; 0 if there is none."""
        if not self._quotes or b'"' not in text:
            return text.rfind(b"\n") + 1
        view = np.frombuffer(text, np.uint8)
        newlines = np.flatnonzero(view == _NEWLINE)
        # A quote inside of quotes is doubled, so an even number of them always means outside.
        outside = newlines[np.searchsorted(np.flatnonzero(view == _QUOTE), newlines) % 2 == 0]
        return int(outside[-1]) + 1 if len(outside) else 0
