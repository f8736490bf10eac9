"""One look at one process: everything /proc and its control group say of it, in base units."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from exporters.process.targets import FoundProcess
from exporters.procfs.cgroup_limits import CgroupLimitReader, CgroupLimits, parse_memberships
from exporters.procfs.processes import (
    ProcessFiles,
    ProcessIdentity,
    ProcessStat,
    Procfs,
    StorageBytes,
    SwitchCounts,
    parse_context_switches,
    parse_open_files_limit,
    parse_stat,
    parse_storage_bytes,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HostUnits:
    """What the kernel counts in: clock ticks a second, bytes a memory page; and when the host started (from 1970)."""

    ticks_per_second: int
    page_bytes: int
    boot_seconds: int

    @classmethod
    def of_this_host(cls, procfs: Procfs) -> HostUnits:
        return cls(os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"), procfs.boot_seconds())


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """One look at one process. What could not be read is None; `denied` names the files this user may not read.

    `ports` are the watched ports it listens on. Times are seconds, `start_time_seconds` since 1970.
    """

    name: str
    pid: int
    ports: tuple[int, ...]
    start_time_seconds: float
    cpu_user_seconds: float
    cpu_system_seconds: float
    resident_bytes: int
    virtual_bytes: int
    threads: int
    minor_faults: int
    major_faults: int
    open_files: int | None
    open_files_limit: float | None
    storage: StorageBytes | None
    switches: SwitchCounts | None
    limits: CgroupLimits
    denied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SwitchTotals:
    """Context switches of a process so far, and the last count seen of each of its threads, by thread id."""

    total: SwitchCounts
    threads: Mapping[int, SwitchCounts]


_NO_SWITCHES = SwitchCounts(0, 0)


def add_switches(totals: SwitchTotals, threads: Mapping[int, SwitchCounts]) -> SwitchTotals:
    """The totals after a look at the `threads` that run now.

    The kernel gives these counts per thread only and forgets those of threads that end. A sum over living threads
    would fall whenever one ends, and rate() would read that as a restart. So increments are added up: the total never
    falls, and lacks what a thread did between the last look and its end. A count below the last one is a new thread.
    """
    voluntary, involuntary = totals.total.voluntary, totals.total.involuntary
    for thread, now in threads.items():
        before = totals.threads.get(thread, _NO_SWITCHES)
        is_same_thread = now.voluntary >= before.voluntary and now.involuntary >= before.involuntary
        voluntary += now.voluntary - (before.voluntary if is_same_thread else 0)
        involuntary += now.involuntary - (before.involuntary if is_same_thread else 0)
    return SwitchTotals(SwitchCounts(voluntary, involuntary), threads)


class ProcessReader:
    """Reads processes, and keeps the context switches of each from look to look. Not thread-safe."""

    def __init__(self, procfs: Procfs, cgroups: CgroupLimitReader, units: HostUnits, threads_max: int = 1000) -> None:
        self._procfs = procfs
        self._cgroups = cgroups
        self._units = units
        self._threads_max = threads_max
        self._switches: dict[ProcessIdentity, SwitchTotals] = {}

    def read(self, found: FoundProcess) -> ProcessReading | None:
        """None if the process has ended. Raises MalformedProcFile."""
        try:
            with self._procfs.process(found.stat.pid) as files:
                return self._read(found, files)
        except (FileNotFoundError, ProcessLookupError):
            return None

    def forget_all_but(self, running: frozenset[ProcessIdentity]) -> None:
        """Drops what is kept of processes that ended."""
        self._switches = {identity: kept for identity, kept in self._switches.items() if identity in running}

    def _read(self, found: FoundProcess, files: ProcessFiles) -> ProcessReading | None:
        denied: list[str] = []
        open_files = _unless_denied(denied, "fd", lambda: self._procfs.count_open_files(files))
        open_files_limit = _unless_denied(denied, "limits", lambda: parse_open_files_limit(files.read("limits")))
        storage = _unless_denied(denied, "io", lambda: parse_storage_bytes(files.read("io")))
        switches = _unless_denied(denied, "task", lambda: self._read_switches(found.stat, files))
        limits = _unless_denied(denied, "cgroup", lambda: self._read_limits(files))
        # Read last: while it is there, what was read before belongs to a process that still ran.
        stat = parse_stat(files.read("stat"))
        if stat.has_ended or stat.identity != found.stat.identity:
            return None
        units = self._units
        return ProcessReading(
            name=stat.name,
            pid=stat.pid,
            ports=found.ports,
            start_time_seconds=units.boot_seconds + stat.start_ticks / units.ticks_per_second,
            cpu_user_seconds=stat.user_ticks / units.ticks_per_second,
            cpu_system_seconds=stat.system_ticks / units.ticks_per_second,
            resident_bytes=stat.resident_pages * units.page_bytes,
            virtual_bytes=stat.virtual_bytes,
            threads=stat.threads,
            minor_faults=stat.minor_faults,
            major_faults=stat.major_faults,
            open_files=open_files,
            open_files_limit=open_files_limit,
            storage=storage,
            switches=switches,
            limits=limits or CgroupLimits(),
            denied=tuple(denied),
        )

    def _read_limits(self, files: ProcessFiles) -> CgroupLimits:
        return self._cgroups.read(parse_memberships(files.read("cgroup").decode(errors="replace")))

    def _read_switches(self, stat: ProcessStat, files: ProcessFiles) -> SwitchCounts | None:
        running = files.entries("task")
        if len(running) > self._threads_max:
            return None
        threads = {}
        for thread in running:
            try:
                threads[int(thread)] = parse_context_switches(files.read(f"task/{thread}/status"))
            except (FileNotFoundError, ProcessLookupError):  # the thread ended since it was listed
                continue
        totals = add_switches(self._switches.get(stat.identity, SwitchTotals(_NO_SWITCHES, {})), threads)
        self._switches[stat.identity] = totals
        return totals.total


def _unless_denied(denied: list[str], name: str, read: Callable[[], T]) -> T | None:
    """None if the file is not there (a kernel built without it), or may not be read, which `denied` then tells."""
    try:
        return read()
    except PermissionError:
        denied.append(name)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None
