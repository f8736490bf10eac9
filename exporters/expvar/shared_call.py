"""One call for all who ask for its result while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Result = TypeVar("Result")


class SharedCall(Generic[Result]):
    """For any number of threads: the first one calls, those that come meanwhile wait for what it gets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Future[Result] | None = None

    def get(self, call: Callable[[], Result], timeout_seconds: float | None) -> Result:
        """Raises TimeoutError if the call of another thread takes longer, and what that call raises."""
        with self._lock:
            running = self._running
            mine: Future[Result] = Future()
            if running is None:
                self._running = mine
        if running is not None:
            return running.result(timeout_seconds)
        try:
            result = call()
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            self._running = None
        mine.set_result(result)
        return result
