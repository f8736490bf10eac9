"""Reads TCP sockets from the text tables /proc/<pid>/net/tcp and tcp6, where netlink is not allowed.

They do not tell how many connections may wait to be accepted, and while connections come and go the kernel lists some
twice (they are dropped here) and may miss others: it makes the text a page at a time.
Format: proc_pid_net(5), net/ipv4/tcp_ipv4.c.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from exporters.connections.tcp_sockets import IPV4_PREFIX, TcpSockets
from exporters.errors import MalformedProcFile, TooManySockets

_TABLES = ("tcp", "tcp6")

Row = tuple[int, int, int, bytes, bytes, int, int, int]


def read_tables(net_path: Path, sockets_max: int) -> TcpSockets:
    """Every TCP socket in the tables below `net_path`. Raises MalformedProcFile, TooManySockets."""
    rows: list[Row] = []
    for table in _TABLES:
        path = net_path / table
        if not path.exists():  # a kernel without IPv6 has no tcp6
            continue
        with path.open("rb") as lines:
            for row in parse_rows(lines):
                rows.append(row)
                if len(rows) > sockets_max:
                    raise TooManySockets(sockets_max)
    return to_columns(rows)


def parse_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    """State, local, remote port, local, remote address, receive, send queue and inode of each row after the header."""
    remaining = iter(lines)
    next(remaining, None)
    seen: set[tuple[bytes, ...]] = set()
    for line in remaining:
        try:
            _, local, remote, state, queues, _, _, _, _, inode, *_ = line.split(None, 10)
            key = (local, remote, inode)
            if key in seen:
                continue
            seen.add(key)
            send_queue, receive_queue = queues.split(b":")
            local_address, local_port = _parse_end(local)
            remote_address, remote_port = _parse_end(remote)
            numbers = int(state, 16), int(receive_queue, 16), int(send_queue, 16), int(inode)
        except ValueError as error:
            wanted = "sl local_address rem_address st tx_queue:rx_queue …"
            raise MalformedProcFile("net/tcp", line.decode(errors="replace"), wanted) from error
        yield numbers[0], local_port, remote_port, local_address, remote_address, *numbers[1:]


def to_columns(rows: list[Row]) -> TcpSockets:
    """Columns of the rows of parse_rows."""
    columns = list(zip(*rows, strict=True)) or [()] * 8
    states, local_ports, remote_ports, local_addresses, remote_addresses, receive_queues, send_queues, _ = columns
    return TcpSockets(
        states=np.array(states, np.uint8),
        local_ports=np.array(local_ports, np.uint16),
        remote_ports=np.array(remote_ports, np.uint16),
        local_addresses=np.frombuffer(b"".join(local_addresses), np.uint8).reshape(-1, 16),
        remote_addresses=np.frombuffer(b"".join(remote_addresses), np.uint8).reshape(-1, 16),
        receive_queues=np.array(receive_queues, np.uint32),
        send_queues=np.array(send_queues, np.uint32),
        limits_known=False,
    )


def _parse_end(text: bytes) -> tuple[bytes, int]:
    """Address and port of `0100007F:1F90`: 32-bit words of network byte order, printed as numbers of the host."""
    words, port = text.split(b":")
    if len(words) not in (8, 32):
        raise ValueError(f"got an address of {len(words)} hexadecimal digits, want 8 or 32")
    address = bytes.fromhex(words.decode())
    if sys.byteorder == "little":
        address = b"".join(address[index : index + 4][::-1] for index in range(0, len(address), 4))
    return (IPV4_PREFIX + address if len(address) == 4 else address), int(port, 16)
