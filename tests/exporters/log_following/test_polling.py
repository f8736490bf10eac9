from __future__ import annotations

import threading

from exporters.log_following.polling import Polling


def test_a_failing_poll_is_told_and_tried_again() -> None:
    failures, succeeded = [], threading.Event()

    def poll() -> bool:
        if not failures:
            raise OSError("disk on fire")
        succeeded.set()
        return False

    with Polling(poll, 0.001, lambda: failures.append(1)):
        assert succeeded.wait(5)

    assert failures == [1]


def test_while_there_is_more_it_does_not_wait() -> None:
    left, done = [3], threading.Event()

    def poll() -> bool:
        left[0] -= 1
        if left[0] == 0:
            done.set()
        return left[0] > 0

    with Polling(poll, 3600):
        assert done.wait(5)
