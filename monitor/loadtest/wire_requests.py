"""Each request as its packets tell it: how long it connected, was answered, and was left unread. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.loadtest.packet_ring import PacketKind, Packets
from monitor.loadtest.read_trace import Reads

_NANOSECOND = 1e-9


@dataclass(frozen=True, slots=True)
class WireRequests:
    """Seconds (N,) of N requests, in no order.

    `connecting`: from the client's SYN to its request; 0 on a connection that has had one before.
    `answering`: from the request to the last packet of its answer.
    `unread`: from there until the client has read it.
    `sent` are all requests of all connections, without an answer or an end and our own among them; None if not all
    connections were captured. A request in two packets counts twice.
    """

    connecting: npt.NDArray[np.float64]
    answering: npt.NDArray[np.float64]
    unread: npt.NDArray[np.float64]
    sent: int | None = None

    def __len__(self) -> int:
        return len(self.answering)


@dataclass(frozen=True, slots=True)
class _Exchanges:
    """Nanoseconds (N,) of what was before a request, of it, of its answer, and of what the client did then."""

    client_ports: npt.NDArray[np.uint16]
    is_first: npt.NDArray[np.bool_]
    before: npt.NDArray[np.int64]
    request: npt.NDArray[np.int64]
    answer: npt.NDArray[np.int64]
    act: npt.NDArray[np.int64]


def wire_requests(
    packets: Packets, reads: Reads | None, own_ports: frozenset[int], *, keep_alive: bool
) -> WireRequests:
    """Whole requests of connections whose beginning is in `packets`, but for those from `own_ports`.

    On kept connections a request ends with the next one, on the others with its connection. What a client does after
    the last request of all is the end of the run and ends none. Without `reads` a client acts on an answer as soon as
    it has read it; with them, requests whose read is not known are left out.
    """
    events = _events(packets, own_ports)
    exchanges = _exchanges(events, PacketKind.REQUEST if keep_alive else PacketKind.CLOSE)
    read_ns = exchanges.act if reads is None else _read_ns(exchanges, reads)
    is_known = read_ns >= exchanges.answer
    connecting_ns = np.where(exchanges.is_first, exchanges.request - exchanges.before, 0)
    return WireRequests(
        connecting=_seconds(connecting_ns[is_known]),
        answering=_seconds((exchanges.answer - exchanges.request)[is_known]),
        unread=_seconds((read_ns - exchanges.answer)[is_known]),
        sent=_sent(packets),
    )


def _sent(packets: Packets) -> int:
    """Before packets are put in order: two whose order is lost would be one request."""
    order = np.argsort(packets.client_ports, kind="stable")
    ports, kinds = packets.client_ports[order], packets.kinds[order]
    return int(np.sum((kinds == PacketKind.REQUEST) & _is_begun(ports, kinds)))


def _seconds(nanoseconds: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return nanoseconds.astype(np.float64) * _NANOSECOND


def _exchanges(events: Packets, act: PacketKind) -> _Exchanges:
    """Four events in a row of one connection, the last of them `act`."""
    kinds, ports, times_ns = events.kinds, events.client_ports, events.times_ns
    starts = np.arange(max(len(kinds) - 3, 0))
    is_exchange = (
        (kinds[starts + 1] == PacketKind.REQUEST)
        & (kinds[starts + 2] == PacketKind.ANSWER)
        & (kinds[starts + 3] == act)
        & (ports[starts] == ports[starts + 3])
    )
    at = starts[is_exchange]
    at = at[times_ns[at + 3] <= times_ns[kinds == PacketKind.REQUEST].max(initial=0)]
    is_first = kinds[at] == PacketKind.CONNECT
    return _Exchanges(ports[at], is_first, times_ns[at], times_ns[at + 1], times_ns[at + 2], times_ns[at + 3])


def _events(packets: Packets, own_ports: frozenset[int]) -> Packets:
    """By connection, in order. Of several packets of one kind in a row one counts: an answer's last, of all else the
    first."""
    order = np.argsort(packets.client_ports, kind="stable")
    ports, kinds, times_ns = packets.client_ports[order], packets.kinds[order], packets.times_ns[order]
    is_new = (ports[1:] != ports[:-1]) | (kinds[1:] != kinds[:-1])
    is_first, is_last = np.ones(len(ports), bool), np.ones(len(ports), bool)
    is_first[1:], is_last[:-1] = is_new, is_new
    is_kept = np.where(kinds == PacketKind.ANSWER, is_last, is_first)
    is_kept &= _is_begun(ports, kinds) & ~np.isin(ports, sorted(own_ports))
    return Packets(times_ns[is_kept], ports[is_kept], kinds[is_kept])


def _is_begun(ports: npt.NDArray[np.uint16], kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether an event is of a port whose first one is a SYN. `ports` ascending."""
    _, first, inverse = np.unique(ports, return_index=True, return_inverse=True)
    begun: npt.NDArray[np.bool_] = kinds[first][inverse] == PacketKind.CONNECT
    return begun


def _read_ns(exchanges: _Exchanges, reads: Reads) -> npt.NDArray[np.int64]:
    """When each answer was read: the last read of its connection before the client acted; 0 where there is none."""
    if not len(reads.times_us) or not len(exchanges.answer):
        return np.zeros_like(exchanges.answer)
    # The first answer is read within a second, so what is beyond is by how much TAI is ahead of UTC.
    ahead_seconds = round((int(reads.times_us[0]) * 1000 - int(exchanges.answer.min())) * _NANOSECOND)
    # Up to the end of its microsecond, so that none is before its answer.
    reads_ns = (reads.times_us - ahead_seconds * 1_000_000) * 1000 + 999
    order = np.lexsort((reads_ns, reads.client_ports))
    ports, reads_ns = reads.client_ports[order], reads_ns[order]
    begin = int(reads_ns.min())
    found = np.searchsorted(_place(ports, reads_ns - begin), _place(exchanges.client_ports, exchanges.act - begin)) - 1
    is_own = (found >= 0) & (ports[found] == exchanges.client_ports)
    return np.where(is_own, reads_ns[found], 0)


def _place(ports: npt.NDArray[np.uint16], since_begin_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """One number by which to sort by port, then by time: 16 bits and 47 (39 hours)."""
    return (ports.astype(np.int64) << 47) + since_begin_ns
