"""Asks the kernel for its TCP sockets over netlink: binary, so 100 000 of them are parsed in bulk.

    request   nlmsghdr (16 bytes)  inet_diag_req_v2 (56): family, protocol, ext, pad, states, id (48, all 0)
    answer    nlmsghdr (16 bytes)  inet_diag_msg (72, see _SOCKET)  attributes, to the message's length
    end       a message of the type NLMSG_DONE, or NLMSG_ERROR with a negative errno

Sources: sock_diag(7), netlink(7), include/uapi/linux/inet_diag.h. Numbers are in host byte order, ports and addresses
in network byte order.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from exporters.connections.tcp_sockets import IPV4_PREFIX, TcpSockets, TcpState
from exporters.errors import TooManySockets

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_REQUEST_AND_DUMP = 0x001 | 0x300
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI48x")
_ERROR_NUMBER = struct.Struct("=i")
# NEW_SYN_RECV is how the kernel keeps half-open connections; it shows them as SYN_RECV.
ALL_STATES = frozenset(TcpState)
_RECEIVE_BYTES = 1 << 18

_SOCKET = np.dtype(
    {
        "names": ["family", "state", "local_port", "remote_port", "local", "remote", "receive_queue", "send_queue"],
        "formats": ["u1", "u1", ">u2", ">u2", "16u1", "16u1", "=u4", "=u4"],
        "offsets": [0, 1, 4, 6, 8, 24, 56, 60],
        "itemsize": 72,
    }
)


def open_sock_diag(timeout_seconds: float) -> socket.socket:
    """A netlink socket of the network namespace of the calling thread. Raises OSError where it is not allowed."""
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)
    netlink.settimeout(timeout_seconds)
    return netlink


def dump_sockets(netlink: socket.socket, sockets_max: int, states: frozenset[TcpState] = ALL_STATES) -> TcpSockets:
    """Every TCP socket in one of `states`, IPv4 and IPv6.

    Raises OSError if the kernel refuses, TooManySockets beyond `sockets_max`.
    """
    found: list[npt.NDArray[np.void]] = []
    count = 0
    for family in (socket.AF_INET, socket.AF_INET6):
        netlink.send(_request(family, states))
        for chunk in _chunks(netlink):
            found.append(parse_sockets(chunk))
            count += len(found[-1])
            if count > sockets_max:
                raise TooManySockets(sockets_max)
    return to_columns(np.concatenate(found) if found else np.empty(0, _SOCKET))


def parse_sockets(chunk: bytes) -> npt.NDArray[np.void]:
    """The inet_diag_msg of every socket message in what one receive gave: (S,) records of _SOCKET."""
    offsets = [offset for offset, kind in _messages(chunk) if kind == _SOCK_DIAG_BY_FAMILY]
    rows = np.asarray(offsets, np.int64)[:, None] + np.arange(_HEADER.size, _HEADER.size + _SOCKET.itemsize)
    records: npt.NDArray[np.void] = np.frombuffer(chunk, np.uint8)[rows].view(_SOCKET)[:, 0]
    return records


def to_columns(records: npt.NDArray[np.void]) -> TcpSockets:
    """Columns of (S,) records of _SOCKET."""
    is_ipv4 = records["family"] == socket.AF_INET
    states = np.where(records["state"] == TcpState.NEW_SYN_RECV, TcpState.SYN_RECV, records["state"])
    return TcpSockets(
        states=states.astype(np.uint8),
        local_ports=records["local_port"].astype(np.uint16),
        remote_ports=records["remote_port"].astype(np.uint16),
        local_addresses=_as_ipv6(records["local"], is_ipv4),
        remote_addresses=_as_ipv6(records["remote"], is_ipv4),
        receive_queues=records["receive_queue"].astype(np.uint32),
        send_queues=records["send_queue"].astype(np.uint32),
        limits_known=True,
    )


def _as_ipv6(addresses: npt.NDArray[np.uint8], is_ipv4: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The kernel puts the four bytes of an IPv4 address first."""
    result = addresses.copy()
    result[is_ipv4, :12] = np.frombuffer(IPV4_PREFIX, np.uint8)
    result[is_ipv4, 12:] = addresses[is_ipv4, :4]
    return result


def _request(family: int, states: frozenset[TcpState]) -> bytes:
    body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, sum(1 << state for state in states))
    return _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST_AND_DUMP, 1, 0) + body


def _chunks(netlink: socket.socket) -> Iterator[bytes]:
    """What the kernel sends until the end of a dump. A failure that it reports is raised as OSError."""
    while True:
        chunk = netlink.recv(_RECEIVE_BYTES)
        yield chunk
        last_offset, last_kind = 0, _NLMSG_DONE
        for last_offset, last_kind in _messages(chunk):
            if last_kind == _NLMSG_ERROR:
                (number,) = _ERROR_NUMBER.unpack_from(chunk, last_offset + _HEADER.size)
                raise OSError(-number, os.strerror(-number))
        if last_kind == _NLMSG_DONE:
            return


def _messages(chunk: bytes) -> Iterator[tuple[int, int]]:
    """Offset and type of each message; each begins at a multiple of 4."""
    offset = 0
    while offset + _HEADER.size <= len(chunk):
        length, kind, *_ = _HEADER.unpack_from(chunk, offset)
        assert length >= _HEADER.size, f"BUG: got a netlink message of {length} bytes, want at least {_HEADER.size}"
        yield offset, kind
        offset += (length + 3) & ~3
