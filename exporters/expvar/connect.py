"""Looks up a name and connects within a time that is set for all of it together."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

Resolve = Callable[[str, int], list[Any]]
"""From host and port to what socket.getaddrinfo gives."""


class Deadline:
    """`seconds` from now on."""

    def __init__(self, seconds: float, monotonic_seconds: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_seconds = monotonic_seconds
        self._end_seconds = monotonic_seconds() + seconds

    def left_seconds(self) -> float:
        """At least a millisecond: a socket with a timeout of 0 would not wait at all."""
        return max(self._end_seconds - self._monotonic_seconds(), 0.001)


def resolve(host: str, port: int) -> list[Any]:
    """Raises OSError."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def look_up(resolve: Resolve, host: str, port: int, deadline: Deadline) -> list[Any]:
    """What `resolve` gives in the time left. Raises OSError, and UnicodeError for a name that no host can have.

    getaddrinfo takes no limit: one that takes longer goes on in its own thread until the resolver gives up.
    """
    addresses: Future[list[Any]] = Future()

    def run() -> None:
        try:
            addresses.set_result(resolve(host, port))
        except (OSError, UnicodeError) as error:
            addresses.set_exception(error)

    threading.Thread(target=run, name="look-up", daemon=True).start()
    try:
        return addresses.result(deadline.left_seconds())
    except TimeoutError as error:
        raise TimeoutError("looking up the name timed out") from error


def connect(addresses: list[Any], deadline: Deadline) -> socket.socket:
    """To the first address that answers; a silent one takes no more than its share of the time. Raises OSError."""
    problem = OSError("no address")
    for position, (family, kind, protocol, _, place) in enumerate(addresses):
        connected = socket.socket(family, kind, protocol)
        connected.settimeout(deadline.left_seconds() / (len(addresses) - position))
        try:
            connected.connect(place)
        except OSError as error:
            connected.close()
            problem = error
            continue
        connected.settimeout(deadline.left_seconds())
        return connected
    raise problem
