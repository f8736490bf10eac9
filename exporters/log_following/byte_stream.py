"""Lines from a pipe: standard input, a FIFO, or what a program we started prints."""

from __future__ import annotations

import contextlib
import os
import select
import time

from exporters.log_following.passed_on import PassedOn
from exporters.log_following.readiness import Awaited, wait_ready
from exporters.log_following.source import DEFAULT_FOLLOW_SETTINGS, FollowSettings, SourceStatus


class ByteStream:
    """A LogSource over a descriptor, which it closes. `is_fifo`: writers come and go, so it never ends.

    Everything read is written to `copy_to`, a descriptor, too: nothing that a program prints is hidden by watching it.
    What that does not take at once is held, and nothing more is read meanwhile: whoever writes waits for who reads.
    """

    def __init__(
        self,
        descriptor: int,
        is_fifo: bool,
        settings: FollowSettings = DEFAULT_FOLLOW_SETTINGS,
        copy_to: int | None = None,
    ) -> None:
        self._awaited = Awaited(descriptor, select.POLLIN)
        self._is_fifo = is_fifo
        self._block_bytes = settings.block_bytes
        self._copy = None if copy_to is None else PassedOn(copy_to)
        self._rest = b""
        self._in_overlong_line = False
        self._has_ended = self._is_between_writers = False
        self._overlong_lines = self._incomplete_lines = 0

    def read(self) -> bytes:
        # Asked and not O_NONBLOCK: that flag would also hold for a shell that shares our standard input.
        if self._has_ended or not self._is_passed_on() or not wait_ready([self._awaited], 0):
            return b""
        data = os.read(self._awaited.descriptor, self._block_bytes)
        if not data:
            self._end_of_writer()
            return b""
        self._is_between_writers = False
        if self._copy is not None:
            self._copy.add(data)
        return self._whole_lines(data)

    @property
    def awaited(self) -> Awaited | None:
        """None between two writers of a FIFO as well: a FIFO whose writer left is readable all the time."""
        if self._copy is not None and self._copy.awaited is not None:
            return self._copy.awaited
        return None if self._has_ended or self._is_between_writers else self._awaited

    def status(self) -> SourceStatus:
        return SourceStatus(
            is_open=not self._has_ended,
            has_writer=not self._has_ended and not self._is_fifo,
            overlong_lines=self._overlong_lines,
            incomplete_lines=self._incomplete_lines,
        )

    def pass_on_rest(self, timeout_seconds: float) -> None:
        """What the pipe still holds and what is held of it goes on to `copy_to`, if that takes it in time."""
        end_seconds = time.monotonic() + timeout_seconds
        with contextlib.suppress(OSError):  # nobody is left to read it
            while (left_seconds := end_seconds - time.monotonic()) > 0 and self._is_ready(left_seconds):
                self.read()

    def close(self) -> None:
        os.close(self._awaited.descriptor)
        if self._copy is not None:
            self._copy.close()

    def _is_ready(self, timeout_seconds: float) -> bool:
        """Whether `read` can go on. Who reads the copy is waited for, who writes the pipe is not."""
        awaited = self.awaited
        is_writing = awaited is not None and awaited.event == select.POLLOUT
        return awaited is not None and wait_ready([awaited], timeout_seconds if is_writing else 0)

    def _is_passed_on(self) -> bool:
        if self._copy is not None:
            self._copy.write()
        return self._copy is None or self._copy.awaited is None

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
