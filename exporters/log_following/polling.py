"""A thread that reads on between the scrapes."""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
from collections.abc import Callable, Collection, Iterable
from types import TracebackType

from exporters.log_following.readiness import Awaited, wait_ready
from exporters.log_following.source import LogSource

logger = logging.getLogger(__name__)

# A pipe that has more is left alone this long, so that lines written one by one do not wake us for each of them. Linux
# gives a pipe 64 KiB: no writer of less than 32 MB a second comes to wait.
_GATHERING_SECONDS = 0.002


class Polling:
    """Calls `poll` while it says that there is more, as soon as a pipe of `sources` has more, and every
    `interval_seconds`. A context manager.

    An exception of `poll` is logged and given to `on_failure`, and the next poll comes after the interval.
    """

    def __init__(
        self,
        poll: Callable[[], bool],
        interval_seconds: float,
        on_failure: Callable[[], None] = lambda: None,
        sources: Collection[LogSource] = (),
    ) -> None:
        self._poll = poll
        self._sources = sources
        self._interval_seconds = interval_seconds
        self._on_failure = on_failure
        self._stopping = threading.Event()
        # A pipe can be waited for together with others, which an Event cannot.
        self._stop_reading_end, self._stop_writing_end = os.pipe()
        self._thread = threading.Thread(target=self._run, name="log-polling")

    def __enter__(self) -> Polling:
        # The thread must not take the signals that the main thread waits for.
        previous = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
        try:
            self._thread.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        os.close(self._stop_writing_end)
        self._thread.join()
        os.close(self._stop_reading_end)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._poll_and_wait()

    def _poll_and_wait(self) -> None:
        try:
            if not self._poll():
                self._wait_for([source.awaited for source in self._sources])
        except Exception:
            logger.exception("reading on failed; the next try is in %s s", self._interval_seconds)
            self._on_failure()
            self._wait_for([])

    def _wait_for(self, awaited: Iterable[Awaited | None]) -> None:
        """Until one of them is ready, the interval is over, or this is to end."""
        stop = Awaited(self._stop_reading_end, select.POLLIN)
        if wait_ready([stop, *filter(None, awaited)], self._interval_seconds):
            self._stopping.wait(_GATHERING_SECONDS)
