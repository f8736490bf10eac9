"""Which processes to watch: by pid, by name, by command line, by listening port; and the finder of what runs now."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from exporters.errors import InvalidPattern, NoSuchTarget
from exporters.procfs.listening_sockets import SocketHolderSearch, read_listening_inodes
from exporters.procfs.processes import ProcessIdentity, ProcessStat, Procfs, RunningProcesses

# The kernel cuts command names to TASK_COMM_LEN - 1 bytes.
_COMMAND_NAME_BYTES = 15


@dataclass(frozen=True, slots=True)
class PidTarget:
    """The process that has `pid` when it is first seen. Another one that gets the pid later is not this target."""

    pid: int

    def __str__(self) -> str:
        return f"pid={self.pid}"


@dataclass(frozen=True, slots=True)
class NameTarget:
    """Every process whose command name, or program file name (the last part of argument 0), is `name`.

    `name` is also a regular expression that has to match the whole of either. Raises InvalidPattern.
    """

    name: str

    def __post_init__(self) -> None:
        compile_pattern(self.name)

    def __str__(self) -> str:
        return f"name={self.name}"


@dataclass(frozen=True, slots=True)
class CommandLineTarget:
    """Every process but this one whose arguments, joined by spaces, contain a match of the regular expression.

    This process is left out because its own command line holds the expression. Raises InvalidPattern.
    """

    pattern: str

    def __post_init__(self) -> None:
        compile_pattern(self.pattern)

    def __str__(self) -> str:
        return f"command_line={self.pattern}"


@dataclass(frozen=True, slots=True)
class PortTarget:
    """Every process that holds a socket listening on TCP `port`, IPv4 or IPv6: parents and forked workers as well."""

    port: int

    def __str__(self) -> str:
        return f"port={self.port}"


Target = PidTarget | NameTarget | CommandLineTarget | PortTarget


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Raises InvalidPattern. The `re` module keeps compiled patterns."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InvalidPattern(pattern, str(error)) from error


@dataclass(frozen=True, slots=True)
class FoundProcess:
    """A process to watch. `ports` are the watched ports it listens on, ascending."""

    stat: ProcessStat
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Discovery:
    """What the targets mean right now.

    `processes`: each process once, however many targets it belongs to, the oldest first.
    `by_target`: how many processes each target has; 0 when none runs.
    `unreadable`: processes whose open files may not be read, so that a port's holder may be missing.
    `hidden`: processes of which nothing may be read, so that any target may be missing.
    `ownerless_ports`: watched ports on which something listens of which no holder was found.
    """

    processes: tuple[FoundProcess, ...]
    by_target: dict[Target, int]
    unreadable: int
    hidden: int
    ownerless_ports: tuple[int, ...]


def check_all_found(discovery: Discovery) -> None:
    """Raises NoSuchTarget if a target has no process, and says what may be the reason."""
    missing = [
        f"{target}{_possible_reason(target, discovery)}" for target, count in discovery.by_target.items() if count == 0
    ]
    if missing:
        raise NoSuchTarget(f"no process found for {', '.join(missing)}; --wait starts without it")


def _possible_reason(target: Target, discovery: Discovery) -> str:
    """In parentheses, or nothing. Who listens where is never hidden, and names are read of all that is not."""
    if isinstance(target, PortTarget):
        is_held = target.port in discovery.ownerless_ports
        return " (something listens there, in a process this user may not look into)" if is_held else ""
    if discovery.hidden:
        return f" (of {discovery.hidden} processes, which this user may not look into, nothing is known)"
    return ""


class ProcessFinder:
    """Finds the processes of `targets`. Keeps which process a pid target means, and who held the sockets last time."""

    def __init__(
        self, targets: Iterable[Target], procfs: Procfs, full_search_interval: int = 60, own_pid: int | None = None
    ) -> None:
        """`own_pid` is the process no command line target means: this one unless told."""
        self._targets = tuple(dict.fromkeys(targets))
        self._ports = frozenset(target.port for target in self._targets if isinstance(target, PortTarget))
        self._procfs = procfs
        self._holders = SocketHolderSearch(procfs, full_search_interval)
        self._own_pid = os.getpid() if own_pid is None else own_pid
        self._pinned: dict[int, ProcessIdentity] = {}

    def find(self) -> Discovery:
        running = self._candidates()
        stats = running.stats
        listening = read_listening_inodes(self._procfs, self._ports) if self._ports else {}
        holders = self._holders.find(frozenset().union(*listening.values()), stats)
        ports = {
            identity: tuple(sorted(port for port, wanted in listening.items() if wanted & held))
            for identity, held in holders.inodes.items()
        }
        members = {target: self._members(target, stats, ports) for target in self._targets}
        identities = frozenset().union(*members.values())
        found = [FoundProcess(stat, ports.get(stat.identity, ())) for stat in stats if stat.identity in identities]
        found.sort(key=lambda process: (process.stat.start_ticks, process.stat.pid))
        held_ports = {port for each in ports.values() for port in each}
        return Discovery(
            processes=tuple(found),
            by_target={target: len(identities) for target, identities in members.items()},
            unreadable=holders.unreadable,
            hidden=running.hidden,
            ownerless_ports=tuple(sorted(listening.keys() - held_ports)),
        )

    def _candidates(self) -> RunningProcesses:
        """The processes a target can mean: when all targets are pids, only those are read."""
        pids = [target.pid for target in self._targets if isinstance(target, PidTarget)]
        return self._procfs.running(pids if len(pids) == len(self._targets) else None)

    def _members(
        self, target: Target, running: Sequence[ProcessStat], ports: dict[ProcessIdentity, tuple[int, ...]]
    ) -> frozenset[ProcessIdentity]:
        match target:
            case PidTarget(pid):
                return frozenset(stat.identity for stat in running if stat.pid == pid and self._is_pinned(stat))
            case NameTarget(name):
                return frozenset(stat.identity for stat in running if self._has_name(stat, name))
            case CommandLineTarget(pattern):
                return frozenset(stat.identity for stat in running if self._has_command_line(stat, pattern))
            case PortTarget(port):
                return frozenset(identity for identity, listened in ports.items() if port in listened)

    def _is_pinned(self, stat: ProcessStat) -> bool:
        return self._pinned.setdefault(stat.pid, stat.identity) == stat.identity

    def _has_name(self, stat: ProcessStat, name: str) -> bool:
        if stat.name == name.encode()[:_COMMAND_NAME_BYTES].decode(errors="replace"):
            return True
        program = PurePosixPath(self._arguments(stat)[0]).name
        expression = compile_pattern(name)
        return program == name or any(expression.fullmatch(each) for each in (stat.name, program))

    def _has_command_line(self, stat: ProcessStat, pattern: str) -> bool:
        command_line = " ".join(self._arguments(stat))
        return stat.pid != self._own_pid and compile_pattern(pattern).search(command_line) is not None

    def _arguments(self, stat: ProcessStat) -> list[str]:
        """At least one, which is empty for a thread of the kernel and for a process that ended."""
        try:
            with self._procfs.process(stat.pid) as files:
                text = files.read("cmdline")
        except (FileNotFoundError, ProcessLookupError):
            text = b""
        return text.rstrip(b"\0").decode(errors="replace").split("\0")
