"""Which processes listen on a TCP port: socket inodes from /proc/net/tcp{,6}, their holders from /proc/<pid>/fd.

Several processes can hold one listening socket (forked workers), and one port can have several listening sockets
(SO_REUSEPORT; IPv4 beside IPv6), so the answer is a set of processes. Only the network namespace of the exporter is
seen: the ports of a container are found from inside that container, or from one that shares its network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from exporters.errors import MalformedProcFile
from exporters.procfs.processes import ProcessFiles, ProcessIdentity, ProcessStat, Procfs

_LISTEN_STATE = b"0A"
_TABLES = ("tcp", "tcp6")


def listening_inodes(lines: Iterable[bytes], ports: frozenset[int]) -> dict[int, set[int]]:
    """Inodes of the sockets that listen on `ports`, by port; a port nobody listens on is absent.

    `lines` are those of one /proc/net/tcp or tcp6, the header first. The kernel lists listening sockets before
    connections (tcp_get_idx in net/ipv4/tcp_ipv4.c), so reading ends at the first connection once every port was
    seen: with 100 000 connections the rest of the file is 15 MB. Raises MalformedProcFile.
    """
    found: dict[int, set[int]] = {}
    rows = iter(lines)
    next(rows, None)
    for row in rows:
        columns = row.split()
        try:
            listens = columns[3] == _LISTEN_STATE
            port = int(columns[1].rsplit(b":", 1)[1], 16)
            inode = int(columns[9])
        except (IndexError, ValueError) as error:
            wanted = "sl local_address rem_address st … inode"
            raise MalformedProcFile("net/tcp", row.decode(errors="replace"), wanted) from error
        if listens and port in ports:
            found.setdefault(port, set()).add(inode)
        if not listens and len(found) == len(ports):
            break
    return found


def read_listening_inodes(procfs: Procfs, ports: frozenset[int]) -> dict[int, frozenset[int]]:
    """Inodes of the sockets that listen on each of `ports`, IPv4 and IPv6; a port nobody listens on is absent."""
    found: dict[int, frozenset[int]] = {}
    for table in _TABLES:
        path = procfs.path / "net" / table
        if not path.exists():  # a kernel without IPv6 has no tcp6
            continue
        with path.open("rb") as lines:
            for port, inodes in listening_inodes(lines, ports).items():
                found[port] = found.get(port, frozenset()) | inodes
    return found


@dataclass(frozen=True, slots=True)
class SocketHolders:
    """Who holds the sockets that were asked for.

    `inodes` has the processes that hold one or more of them; `unreadable` counts the processes whose open files may
    not be read by this user, any of which could be one more holder.
    """

    inodes: dict[ProcessIdentity, frozenset[int]]
    unreadable: int


@dataclass(slots=True)
class SocketHolderSearch:
    """Finds the holders of sockets and remembers them, because a full search reads one link per open file of the host
    (5 µs each: half a second for a server with 100 000 connections).

    A process that was searched is searched again only when the set of sockets changes, when it no longer holds what
    it held, and every `full_search_interval` calls: that one finds a socket handed to a process that ran before
    (SCM_RIGHTS). New processes, so also forked workers, are searched at once.
    """

    procfs: Procfs
    full_search_interval: int
    _wanted: frozenset[int] = frozenset()
    _calls: int = 0
    _held: dict[ProcessIdentity, dict[str, int]] = field(default_factory=dict)

    def find(self, wanted: frozenset[int], processes: Iterable[ProcessStat]) -> SocketHolders:
        """The holders of the socket inodes `wanted` among `processes`; those that ended meanwhile are left out."""
        if wanted != self._wanted or self._calls % self.full_search_interval == 0:
            self._held = {}
        self._wanted = wanted
        self._calls += 1
        held, unreadable = {}, 0
        for process in processes if wanted else ():
            try:
                held[process.identity] = self._held_by(process)
            except (FileNotFoundError, ProcessLookupError):
                continue
            except PermissionError:
                unreadable += 1
        self._held = held
        inodes = {identity: frozenset(links.values()) for identity, links in held.items() if links}
        return SocketHolders(inodes, unreadable)

    def _held_by(self, process: ProcessStat) -> dict[str, int]:
        """The wanted inodes a process holds, by file descriptor."""
        known = self._held.get(process.identity)
        if known == {}:
            return known
        with self.procfs.process(process.pid) as files:
            if known and all(_socket_inode(files, descriptor) == inode for descriptor, inode in known.items()):
                return known
            return dict(self._search(files))

    def _search(self, files: ProcessFiles) -> Iterator[tuple[str, int]]:
        for descriptor in files.entries("fd"):
            inode = _socket_inode(files, descriptor)
            if inode in self._wanted and inode is not None:
                yield descriptor, inode


def _socket_inode(files: ProcessFiles, descriptor: str) -> int | None:
    """None if the descriptor is closed or no socket."""
    try:
        link = files.link(f"fd/{descriptor}")
    except FileNotFoundError:
        return None
    return int(link[8:-1]) if link.startswith("socket:[") else None
