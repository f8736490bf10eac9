"""Who reads, and which blocks there are: so that nothing is taken away under a reader that began with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from monitor.storage.reading.reader import Sealed


class Readers:
    """The current set of sealed data, and the readers that use it or an older one."""

    def __init__(self, sealed: Sealed) -> None:
        self._sealed = sealed
        self._epoch = 0
        self._active: dict[int, int] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    @property
    def sealed(self) -> Sealed:
        return self._sealed

    @contextmanager
    def enter(self) -> Iterator[Sealed]:
        """For the time of one reader."""
        with self._lock:
            epoch, sealed = self._epoch, self._sealed
            self._active[epoch] = self._active.get(epoch, 0) + 1
        try:
            yield sealed
        finally:
            with self._lock:
                self._active[epoch] -= 1
                if not self._active[epoch]:
                    del self._active[epoch]
                    if epoch < self._epoch or not self._active:
                        self._changed.notify_all()

    def wait_for_quiet(self, timeout_seconds: float) -> bool:
        """Waits until nobody reads. Whether that is so now."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._active, timeout_seconds)

    def publish(self, sealed: Sealed, timeout_seconds: float) -> bool:
        """Gives new readers `sealed`, and waits until the readers of anything older have ended. Whether they have."""
        with self._changed:
            self._sealed = sealed
            self._epoch += 1
            epoch = self._epoch
            return self._changed.wait_for(lambda: all(active >= epoch for active in self._active), timeout_seconds)
