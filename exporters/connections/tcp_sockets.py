"""All TCP sockets of a network namespace at one moment, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv6Address

import numpy as np
import numpy.typing as npt

# An IPv4 address is kept in the form ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), which is also what a socket for both has.
IPV4_PREFIX = bytes(10) + b"\xff\xff"


class TcpState(IntEnum):
    """States of a connection by the kernel's numbers (include/net/tcp_states.h)."""

    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECV = 3
    FIN_WAIT1 = 4
    FIN_WAIT2 = 5
    TIME_WAIT = 6
    CLOSE = 7
    CLOSE_WAIT = 8
    LAST_ACK = 9
    LISTEN = 10
    CLOSING = 11
    NEW_SYN_RECV = 12


@dataclass(frozen=True, slots=True)
class TcpSockets:
    """S sockets. All arrays are read-only by agreement and have S rows; (S,) unless told.

    `local_addresses`, `remote_addresses`: (S, 16) uint8, network byte order, IPv4 as ::ffff:a.b.c.d.
    `receive_queues`: bytes not read yet; of a listening socket the connections not accepted yet.
    `send_queues`: bytes not acknowledged yet; of a listening socket how many connections may wait to be accepted.
    `limits_known` is False if the source does not tell the latter.
    """

    states: npt.NDArray[np.uint8]
    local_ports: npt.NDArray[np.uint16]
    remote_ports: npt.NDArray[np.uint16]
    local_addresses: npt.NDArray[np.uint8]
    remote_addresses: npt.NDArray[np.uint8]
    receive_queues: npt.NDArray[np.uint32]
    send_queues: npt.NDArray[np.uint32]
    limits_known: bool

    def __len__(self) -> int:
        return len(self.states)


def format_address(address: bytes, port: int) -> str:
    """`10.0.0.5:5432` or `[2001:db8::1]:5432` for the 16 bytes of an address."""
    parsed = IPv6Address(address)
    return f"{parsed.ipv4_mapped}:{port}" if parsed.ipv4_mapped else f"[{parsed}]:{port}"
