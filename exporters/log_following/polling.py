"""A thread that reads on between the scrapes."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from types import TracebackType

logger = logging.getLogger(__name__)


class Polling:
    """Calls `poll` while it says that there is more, and every `interval_seconds`. A context manager.

    An exception of `poll` is logged and given to `on_failure`, and the next poll comes after the interval.
    """

    def __init__(
        self, poll: Callable[[], bool], interval_seconds: float, on_failure: Callable[[], None] = lambda: None
    ) -> None:
        self._poll = poll
        self._interval_seconds = interval_seconds
        self._on_failure = on_failure
        self._stopping = threading.Event()
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
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._poll_once():
                self._stopping.wait(self._interval_seconds)

    def _poll_once(self) -> bool:
        try:
            return self._poll()
        except Exception:
            logger.exception("reading on failed; the next try is in %s s", self._interval_seconds)
            self._on_failure()
            return False
