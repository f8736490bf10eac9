"""Passes bytes on to a descriptor that others write to as well, and whose reader may be slow or gone."""

from __future__ import annotations

import os
import select

from exporters.log_following.readiness import Awaited, wait_ready


class PassedOn:
    """Holds what `descriptor` did not take yet. Does not close it."""

    def __init__(self, descriptor: int) -> None:
        self._awaited = Awaited(descriptor, select.POLLOUT)
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
        # Not O_NONBLOCK, which would also hold for the others that write there. A pipe that is ready takes PIPE_BUF.
        try:
            while self._held and wait_ready([self._awaited], 0):
                written = os.write(self._awaited.descriptor, self._held[: select.PIPE_BUF])
                self._held = self._held[written:]
        except OSError:
            self._held = memoryview(b"")
            raise
