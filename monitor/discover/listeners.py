"""What listens on this machine, and in which process: from /proc, where there is one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv6Address
from itertools import takewhile
from pathlib import Path

from exporters.connections.tcp_tables import parse_rows
from exporters.procfs.listening_sockets import SocketHolderSearch, read_listening_inodes
from exporters.procfs.processes import Procfs
from monitor.discover.binaries import read_binary
from monitor.discover.evidence import LOOPBACK, Address, BinaryEvidence, ProcessEvidence

_LISTEN_STATE = 10
_COMMAND_LINE_BYTES_MAX = 64 * 1024


def listening_addresses(procfs: Procfs) -> tuple[Address, ...]:
    """Every TCP address that listens in this network namespace; any-address ones as loopback. By port, none twice."""
    found: dict[tuple[int, str], Address] = {}
    for table in ("tcp", "tcp6"):
        path = procfs.path / "net" / table
        if path.exists():
            with path.open("rb") as lines:
                for address in _listening(lines):
                    found[address.port, address.host] = address
    return tuple(found[key] for key in sorted(found))


def _listening(lines: Iterable[bytes]) -> list[Address]:
    """The kernel lists listening sockets before connections."""
    rows = takewhile(lambda row: row[0] == _LISTEN_STATE, parse_rows(lines))
    return [Address(_reachable(row[3]), row[1]) for row in rows]


def _reachable(packed: bytes) -> str:
    """An address to connect to for one that is listened on, 16 bytes of IPv6."""
    address = IPv6Address(packed)
    if address.ipv4_mapped is not None:
        return LOOPBACK if address.ipv4_mapped.is_unspecified else str(address.ipv4_mapped)
    # A socket on :: takes IPv4 as well, unless it was told not to: see probe_listening.
    return LOOPBACK if address.is_unspecified else str(address)


def processes_by_port(procfs: Procfs, ports: Collection[int]) -> dict[int, ProcessEvidence]:
    """The oldest process that holds each port, if this user may see it."""
    inodes = read_listening_inodes(procfs, frozenset(ports))
    wanted = frozenset(inode for each in inodes.values() for inode in each)
    held = SocketHolderSearch(procfs, full_search_interval=1).find(wanted, procfs.running().stats).inodes
    found: dict[int, ProcessEvidence] = {}
    for identity in sorted(held, key=lambda process: process.start_ticks):
        for port in (port for port, each in inodes.items() if each & held[identity] and port not in found):
            process = _process(procfs, identity.pid)
            if process is not None:
                found[port] = process
    return found


def _process(procfs: Procfs, pid: int) -> ProcessEvidence | None:
    """None if it has ended or belongs to somebody else."""
    try:
        with procfs.process(pid) as files:
            arguments = files.read("cmdline")[:_COMMAND_LINE_BYTES_MAX].decode(errors="replace").split("\0")
            program = Path(files.link("exe")).name.removesuffix(" (deleted)")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    shown = tuple(argument for argument in arguments if argument)
    return ProcessEvidence(pid, program, shown, _binary(procfs.path / str(pid) / "exe"))


def _binary(path: Path) -> BinaryEvidence:
    try:
        return read_binary(path)
    except OSError:  # it has ended meanwhile: what is known without its file counts
        return BinaryEvidence()
