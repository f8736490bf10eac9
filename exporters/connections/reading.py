"""One look at the connections of a network namespace."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from exporters.connections.namespace import NetworkNamespace
from exporters.connections.sock_diag import dump_sockets, open_sock_diag
from exporters.connections.summary import PortRange
from exporters.connections.tcp_sockets import TcpSockets
from exporters.connections.tcp_tables import read_tables
from exporters.errors import TooManySockets
from exporters.procfs.network_counts import Counts, read_network_counts

logger = logging.getLogger(__name__)


class SocketSource(Enum):
    """Where the sockets were read."""

    SOCK_DIAG = "sock_diag"
    PROC = "proc"


@dataclass(frozen=True, slots=True)
class SocketReading:
    """`sockets` is None if there are more than the limit: a part of them would be a wrong number.

    `port_range` is None where it cannot be read: another namespace that may not be entered.
    """

    sockets: TcpSockets | None
    source: SocketSource
    port_range: PortRange | None
    counts: Counts


class SocketReader:
    """Reads sockets over netlink, and from /proc where that is not allowed."""

    def __init__(self, namespace: NetworkNamespace, sys_path: Path, sockets_max: int, timeout_seconds: float) -> None:
        """`sys_path` is the folder net/ipv4 of the system's settings, /proc/sys/net/ipv4."""
        self._namespace = namespace
        self._sys_path = sys_path
        self._sockets_max = sockets_max
        self._timeout_seconds = timeout_seconds

    def read(self) -> SocketReading | None:
        """None if the process whose namespace it is has ended. Raises MalformedProcFile."""
        if not self._namespace.is_there():
            return None
        try:
            counts = read_network_counts(self._namespace.net_path)
            sockets, source = self._read_sockets()
            port_range = self._read_port_range()
        except (FileNotFoundError, ProcessLookupError):
            if self._namespace.is_there():
                raise
            return None
        return SocketReading(sockets, source, port_range, counts) if self._namespace.is_there() else None

    def _read_sockets(self) -> tuple[TcpSockets | None, SocketSource]:
        try:
            return _unless_too_many(lambda: self._namespace.run_inside(self._dump)), SocketSource.SOCK_DIAG
        except OSError as error:
            logger.debug("no sockets over netlink, reading /proc instead: %s", error)
        net_path = self._namespace.net_path
        return _unless_too_many(lambda: read_tables(net_path, self._sockets_max)), SocketSource.PROC

    def _dump(self) -> TcpSockets:
        with open_sock_diag(self._timeout_seconds) as netlink:
            return dump_sockets(netlink, self._sockets_max)

    def _read_port_range(self) -> PortRange | None:
        try:
            return self._namespace.run_inside(lambda: read_port_range(self._sys_path))
        except PermissionError:
            return None


def _unless_too_many(read: Callable[[], TcpSockets]) -> TcpSockets | None:
    try:
        return read()
    except TooManySockets as error:
        logger.warning("%s", error)
        return None


def read_port_range(sys_path: Path) -> PortRange:
    """The range and its exceptions, from ip_local_port_range and ip_local_reserved_ports (`8080,9000-9100`)."""
    first, last = map(int, (sys_path / "ip_local_port_range").read_text().split())
    reserved: set[int] = set()
    for part in (sys_path / "ip_local_reserved_ports").read_text().strip().split(","):
        if part:
            start, _, end = part.partition("-")
            reserved.update(range(int(start), int(end or start) + 1))
    return PortRange(first, last, frozenset(reserved))
