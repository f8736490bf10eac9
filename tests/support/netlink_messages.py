"""Answers of the kernel's sock_diag, as it sends them over netlink."""

from __future__ import annotations

import ipaddress
import socket
import struct


def socket_message(
    local: tuple[str, int],
    remote: tuple[str, int] = ("0.0.0.0", 0),
    *,
    state: int = 1,
    queues: tuple[int, int] = (0, 0),
    attributes: bytes = b"",
) -> bytes:
    """One inet_diag_msg with its header. `queues` are the receive and the send queue."""
    addresses = [ipaddress.ip_address(host).packed for host in (local[0], remote[0])]
    family = socket.AF_INET if len(addresses[0]) == 4 else socket.AF_INET6
    body = struct.pack("=BBBB", family, state, 0, 0) + struct.pack(">HH", local[1], remote[1])
    body += b"".join(address.ljust(16, b"\0") for address in addresses)
    body += struct.pack("=IIIIIIII", 0, 7, 7, 0, *queues, 1000, 4711)
    return message(20, body + attributes)


def done_message() -> bytes:
    return message(3, struct.pack("=i", 0))


def error_message(number: int) -> bytes:
    return message(2, struct.pack("=i", -number) + bytes(16))


def message(kind: int, body: bytes) -> bytes:
    """A message padded to a multiple of 4 bytes, which its length does not count."""
    text = struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0) + body
    return text.ljust((len(text) + 3) & ~3, b"\0")
