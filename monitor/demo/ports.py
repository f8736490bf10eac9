"""Ports for servers that are to start in a moment."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

from monitor.errors import DemoError

_LOWEST = 10_240
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ATTEMPTS_MAX = 10_000


def free_ports(count: int, draw: random.Random) -> tuple[int, ...]:
    """Ports of loopback that nobody listens at. Raises DemoError if there are not as many.

    Taken from below those that the kernel gives to outgoing connections (ip(7)): the load generator opens hundreds of
    these, and each would keep a server that starts later from listening at the port it was promised.
    """
    highest = min(_first_ephemeral_port(), 65_536) - 1
    found: set[int] = set()
    with contextlib.ExitStack() as held:
        for _ in range(_ATTEMPTS_MAX):
            if len(found) == count:
                return tuple(sorted(found))
            port = draw.randint(_LOWEST, highest)
            holder = socket.socket()
            held.callback(holder.close)
            with contextlib.suppress(OSError):
                holder.bind(("127.0.0.1", port))
                found.add(port)
    raise DemoError(f"got {len(found)} free ports between {_LOWEST} and {highest}, want {count}")


def free_port_at(host: str) -> int:
    """A port of `host` that nobody listens at."""
    with socket.socket(_family(host)) as holder:
        holder.bind((host, 0))
        port: int = holder.getsockname()[1]
        return port


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _first_ephemeral_port() -> int:
    first = int(_EPHEMERAL_RANGE.read_text().split()[0])
    return first if first > _LOWEST + 1_000 else 65_536


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
