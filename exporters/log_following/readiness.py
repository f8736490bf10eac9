"""Waiting for descriptors, of any number: select() takes none beyond 1 023."""

from __future__ import annotations

import select
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Awaited:
    """A descriptor and what it is to be ready for: `select.POLLIN` or `select.POLLOUT`."""

    descriptor: int
    event: int


def wait_ready(awaited: Iterable[Awaited], timeout_seconds: float) -> bool:
    """Whether one of them became ready in time; also one of whose pipe the other end is closed."""
    poll = select.poll()
    for each in awaited:
        poll.register(each.descriptor, each.event)
    return bool(poll.poll(timeout_seconds * 1000))
