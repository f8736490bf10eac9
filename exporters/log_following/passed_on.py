"""Passes bytes on to a descriptor that others write to as well, and whose reader may be slow or gone."""

from __future__ import annotations

import os
import select
import stat

from exporters.log_following.readiness import Awaited, wait_ready


class PassedOn:
    """Holds what `descriptor` did not take yet, and does not close it."""

    def __init__(self, descriptor: int) -> None:
        self._own_descriptor = _reopened_pipe(descriptor)
        self._awaited = Awaited(descriptor if self._own_descriptor is None else self._own_descriptor, select.POLLOUT)
        self._held = memoryview(b"")

    @property
    def awaited(self) -> Awaited | None:
        """None when nothing is held."""
        return self._awaited if self._held else None

    def add(self, data: bytes) -> None:
        """Only when nothing is held. Raises OSError."""
        self._held = memoryview(data)
        self.write()

    def write(self) -> None:
        """As much as is taken at once. Raises OSError; what was held is then dropped."""
        try:
            while self._held and wait_ready([self._awaited], 0):
                written = os.write(self._awaited.descriptor, self._held[: select.PIPE_BUF])
                self._held = self._held[written:]
        except BlockingIOError:  # another writer was faster
            return
        except OSError:
            self._held = memoryview(b"")
            raise

    def close(self) -> None:
        if self._own_descriptor is not None:
            os.close(self._own_descriptor)


def _reopened_pipe(descriptor: int) -> int | None:
    """The same pipe, never blocking, even when another writer fills it between our asking and our writing.

    O_NONBLOCK on `descriptor` would hold for all that share it. None for what is no pipe, and for the pipe of another
    user: those are written to after asking, PIPE_BUF at a time, which is what a pipe that is ready takes.
    """
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return None
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
