from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporters.expvar.shared_call import SharedCall


class Slow:
    """A call that ends when it is let go. `begun` once for each call."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.results = iter((1, 2))

    def __call__(self) -> int:
        self.begun.release()
        assert self.go_on.wait(30)
        return next(self.results)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def test_who_asks_while_it_runs_gets_the_same_and_who_asks_later_does_not(threads: ThreadPoolExecutor) -> None:
    shared, slow = SharedCall[int](), Slow()
    first = threads.submit(shared.get, slow, None)
    assert slow.begun.acquire(timeout=30)
    with pytest.raises(TimeoutError):
        shared.get(slow, 0.01)
    meanwhile = threads.submit(shared.get, lambda: 3, 30)
    slow.go_on.set()

    assert first.result(30) == 1
    assert meanwhile.result(30) in (1, 3)  # 3 if it came only after the end
    assert shared.get(slow, None) == 2


def test_what_it_raises_is_raised_and_the_next_call_is_a_new_one() -> None:
    shared = SharedCall[float]()
    with pytest.raises(ZeroDivisionError):
        shared.get(lambda: 1 / 0, None)

    assert shared.get(lambda: 1.0, None) == 1.0
