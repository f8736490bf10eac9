"""What the sockets of a namespace mean: for each listening port, and for the ports that outgoing connections take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exporters.connections.tcp_sockets import TcpSockets, TcpState, format_address

# Every state a connection can be in; a listening socket is no connection.
CONNECTION_STATES = tuple(state for state in TcpState if state not in (TcpState.LISTEN, TcpState.NEW_SYN_RECV))
# The server holds these open: the kernel has the handshake behind it and the server has not closed them.
OPEN_STATES = (TcpState.ESTABLISHED, TcpState.CLOSE_WAIT)


@dataclass(frozen=True, slots=True)
class PortSummary:
    """A port of this host and its connections, of all local addresses.

    `accept_queue_limit` is None if the source does not tell it. `accept_queue_used_ratio` is that of the fullest of the
    port's listening sockets (with SO_REUSEPORT there are several, and one can overflow alone); None without a limit.
    """

    port: int
    listening_sockets: int
    connections: dict[TcpState, int]
    accept_queue_length: int
    accept_queue_limit: int | None
    accept_queue_used_ratio: float | None
    receive_queue_bytes: int
    send_queue_bytes: int

    @property
    def open_connections(self) -> int:
        return sum(self.connections[state] for state in OPEN_STATES)


def listening_ports(sockets: TcpSockets) -> list[int]:
    """The ports on which something listens, ascending."""
    return sorted(set(sockets.local_ports[sockets.states == TcpState.LISTEN].tolist()))


def summarize_ports(sockets: TcpSockets, ports: Iterable[int]) -> list[PortSummary]:
    """A summary of each of `ports`, also of those on which nothing listens and nothing is connected."""
    wanted = np.array(sorted(set(ports)), np.uint16)
    kept = np.isin(sockets.local_ports, wanted)
    local_ports, states = sockets.local_ports[kept], sockets.states[kept]
    receive, send = sockets.receive_queues[kept].astype(np.int64), sockets.send_queues[kept].astype(np.int64)
    summaries = []
    for port in wanted.tolist():
        of_port = local_ports == port
        listens = of_port & (states == TcpState.LISTEN)
        connected = of_port & ~listens
        counts = np.bincount(states[connected], minlength=max(TcpState) + 1)
        limit, ratio = _accept_limit(receive[listens], send[listens]) if sockets.limits_known else (None, None)
        summaries.append(
            PortSummary(
                port=port,
                listening_sockets=int(listens.sum()),
                connections={state: int(counts[state]) for state in CONNECTION_STATES},
                accept_queue_length=int(receive[listens].sum()),
                accept_queue_limit=limit,
                accept_queue_used_ratio=ratio,
                receive_queue_bytes=int(receive[connected].sum()),
                send_queue_bytes=int(send[connected].sum()),
            )
        )
    return summaries


def _accept_limit(lengths: npt.NDArray[np.int64], limits: npt.NDArray[np.int64]) -> tuple[int | None, float | None]:
    """The limit of all listening sockets of a port, and how full the fullest is. None without any.

    With listen(0) the kernel still lets one connection wait: a queue is full when it is longer than its limit
    (sk_acceptq_is_full in include/net/sock.h), so a full one has a ratio just above 1.
    """
    if len(limits) == 0:
        return None, None
    return int(limits.sum()), float((lengths / np.maximum(limits, 1)).max())


@dataclass(frozen=True, slots=True)
class DestinationUse:
    """Local ports that connections from one local address to one destination take."""

    source: str
    destination: str
    open: int
    time_wait: int

    @property
    def used(self) -> int:
        return self.open + self.time_wait


@dataclass(frozen=True, slots=True)
class PortRange:
    """The ports that the kernel gives to outgoing connections, both ends included, without the `reserved` ones."""

    first: int
    last: int
    reserved: frozenset[int] = frozenset()

    @property
    def size(self) -> int:
        return self.last - self.first + 1 - sum(self.first <= port <= self.last for port in self.reserved)


def ephemeral_port_use(sockets: TcpSockets, ports: PortRange, destinations_max: int) -> list[DestinationUse]:
    """How many ports of the range the pairs of local address and destination take, the `destinations_max` most used.

    The most used pair comes first. A port can be used once for each pair, so the fullest pair is the one that runs out.
    TIME_WAIT takes a port too. Connections that came in, on a port that listens, are not counted.
    """
    incoming = np.isin(sockets.local_ports, np.array(listening_ports(sockets), np.uint16))
    in_range = (sockets.local_ports >= ports.first) & (sockets.local_ports <= ports.last)
    chosen = in_range & ~incoming & (sockets.remote_ports != 0)
    keys = _pair_keys(sockets, chosen)
    waits = sockets.states[chosen] == TcpState.TIME_WAIT
    used = Counter(keys.tolist())
    waiting = Counter(keys[waits].tolist())
    return [
        DestinationUse(_source(key), _destination(key), count - waiting[key], waiting[key])
        for key, count in used.most_common(destinations_max)
    ]


def _pair_keys(sockets: TcpSockets, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.void]:
    """(S,) of 34 bytes: local address, remote address, remote port in network byte order."""
    remote_ports = sockets.remote_ports[chosen].astype(">u2")[:, None].view(np.uint8)
    rows = np.hstack([sockets.local_addresses[chosen], sockets.remote_addresses[chosen], remote_ports])
    return np.ascontiguousarray(rows).view("V34")[:, 0]


def _source(key: bytes) -> str:
    return format_address(key[:16], 0).removesuffix(":0")


def _destination(key: bytes) -> str:
    return format_address(key[16:32], int.from_bytes(key[32:], "big"))
