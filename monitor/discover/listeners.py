"""What listens on this machine, and in which process: from /proc, where there is one."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import takewhile
from pathlib import Path

from exporters.connections.tcp_tables import parse_rows
from exporters.procfs.listening_sockets import SocketHolderSearch
from exporters.procfs.processes import Procfs
from monitor.discover.binaries import read_binary
from monitor.discover.evidence import LOOPBACK, LOOPBACK_IPV6, Address, BinaryEvidence, ProcessEvidence

_LISTEN_STATE = 10
_COMMAND_LINE_BYTES_MAX = 64 * 1024
_UNSPECIFIED = (IPv4Address("0.0.0.0"), IPv6Address("::"))
_DISCARD_PORT = 9


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP socket that listens at `host`, or at every address of this machine if that is unspecified."""

    host: IPv4Address | IPv6Address
    port: int
    inode: int

    @property
    def reachable(self) -> Address:
        """Where to connect to. A socket on :: takes IPv4 as well, unless it was told not to: see probe_listening."""
        return Address(LOOPBACK if self.host.is_unspecified else str(self.host), self.port)


def read_listeners(procfs: Procfs) -> tuple[Listener, ...]:
    """All of this network namespace."""
    found: list[Listener] = []
    for table in ("tcp", "tcp6"):
        path = procfs.path / "net" / table
        if path.exists():
            with path.open("rb") as lines:
                found += _listening(lines)
    return tuple(found)


def _listening(lines: Iterable[bytes]) -> Iterator[Listener]:
    """The kernel lists listening sockets before connections."""
    for row in takewhile(lambda row: row[0] == _LISTEN_STATE, parse_rows(lines)):
        host = IPv6Address(row[3])
        yield Listener(host.ipv4_mapped or host, row[1], row[-1])


def listening_addresses(listeners: Iterable[Listener]) -> tuple[Address, ...]:
    """Where to connect to for all of them, by port, none twice."""
    found = {(listener.port, listener.reachable.host): listener.reachable for listener in listeners}
    return tuple(found[key] for key in sorted(found))


def listeners_at(address: Address, listeners: Collection[Listener]) -> tuple[Listener, ...]:
    """Those that take what connects to `address`, as the kernel chooses: bound to it, else to every address of this
    machine. IPv4 goes to a socket on :: if there is none on 0.0.0.0. Empty if it may be another machine's."""
    if address.host == "localhost":
        either = (listeners_at(Address(host, address.port), listeners) for host in (LOOPBACK, LOOPBACK_IPV6))
        return next(filter(None, either), ())
    try:
        host = ip_address(address.host)
    except ValueError:
        return ()
    unspecified = [each for each in _UNSPECIFIED if each.version >= host.version] if is_own(host) else []
    at_port = [listener for listener in listeners if listener.port == address.port]
    by_host = (tuple(each for each in at_port if each.host == bound) for bound in [host, *unspecified])
    return next(filter(None, by_host), ())


def is_own(host: IPv4Address | IPv6Address) -> bool:
    """Whether this machine has the address: what it sent there, it would send from there. Nothing is sent."""
    if host.is_loopback:
        return True
    family = socket.AF_INET if host.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(host), _DISCARD_PORT))
            return ip_address(probe.getsockname()[0]) == host
    except OSError:  # no way leads there
        return False


def processes_of(procfs: Procfs, inodes: Mapping[Address, frozenset[int]]) -> dict[Address, ProcessEvidence]:
    """The oldest process that holds a socket of each address, if this user may see it."""
    wanted = frozenset(inode for each in inodes.values() for inode in each)
    held = SocketHolderSearch(procfs, full_search_interval=1).find(wanted, procfs.running().stats).inodes
    found: dict[Address, ProcessEvidence] = {}
    for identity in sorted(held, key=lambda process: process.start_ticks):
        for address in (each for each, sockets in inodes.items() if sockets & held[identity] and each not in found):
            process = _process(procfs, identity.pid)
            if process is not None:
                found[address] = process
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
