"""Lines from a pipe: standard input, a FIFO, or what a program we started prints."""

from __future__ import annotations

import os
import select

from exporters.log_following.source import DEFAULT_FOLLOW_SETTINGS, FollowSettings, SourceStatus


class ByteStream:
    """A LogSource over a descriptor, which it closes. `is_fifo`: writers come and go, so it never ends.

    Everything read is written to `copy_to`, a descriptor, too: nothing that a program prints is hidden by watching it.
    """

    def __init__(
        self,
        descriptor: int,
        is_fifo: bool,
        settings: FollowSettings = DEFAULT_FOLLOW_SETTINGS,
        copy_to: int | None = None,
    ) -> None:
        self._descriptor = descriptor
        self._is_fifo = is_fifo
        self._block_bytes = settings.block_bytes
        self._copy_to = copy_to
        self._rest = b""
        self._in_overlong_line = False
        self._has_ended = self._is_between_writers = False
        self._overlong_lines = self._incomplete_lines = 0

    def read(self) -> bytes:
        # select and not O_NONBLOCK: that flag would also hold for a shell that shares our standard input.
        if self._has_ended or not select.select([self._descriptor], [], [], 0)[0]:
            return b""
        data = os.read(self._descriptor, self._block_bytes)
        if not data:
            self._end_of_writer()
            return b""
        self._is_between_writers = False
        if self._copy_to is not None:
            _write_all(self._copy_to, data)
        return self._whole_lines(data)

    @property
    def awaited_descriptor(self) -> int | None:
        """None between two writers of a FIFO as well: a FIFO whose writer left is readable all the time."""
        return None if self._has_ended or self._is_between_writers else self._descriptor

    def status(self) -> SourceStatus:
        return SourceStatus(
            is_open=not self._has_ended,
            has_writer=not self._has_ended and not self._is_fifo,
            overlong_lines=self._overlong_lines,
            incomplete_lines=self._incomplete_lines,
        )

    def close(self) -> None:
        os.close(self._descriptor)

    def _whole_lines(self, data: bytes) -> bytes:
        head, line_break, rest = data.rpartition(b"\n")
        if not line_break:
            self._hold(rest)
            return b""
        lines = b"" if self._in_overlong_line else self._rest + head + line_break
        if self._in_overlong_line:
            lines = (head + line_break).partition(b"\n")[2]
        self._rest, self._in_overlong_line = b"", False
        self._hold(rest)
        return lines

    def _hold(self, rest: bytes) -> None:
        if self._in_overlong_line:
            return
        self._rest += rest
        if len(self._rest) > self._block_bytes:
            self._rest, self._in_overlong_line = b"", True
            self._overlong_lines += 1

    def _end_of_writer(self) -> None:
        self._incomplete_lines += bool(self._rest)
        self._rest, self._in_overlong_line = b"", False
        self._has_ended, self._is_between_writers = not self._is_fifo, self._is_fifo


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
