"""Memory and CPU limits of a process's control group and their use, cgroup v2, v1 and both at once (hybrid).

Sources: the kernel's admin-guide/cgroup-v2 and cgroup-v1/memory, proc_pid_mountinfo(5), cgroups(7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from exporters.errors import MalformedProcFile
from exporters.procfs.processes import Procfs

Limit = TypeVar("Limit", int, float)

# cgroup v1 writes "no limit" as the largest multiple of the page size below 2^63.
_UNLIMITED_BYTES = 1 << 62


@dataclass(frozen=True, slots=True)
class CgroupLimits:
    """The tightest limits that hold for a control group, its ancestors included; None where there is no limit.

    They are shared by all processes of the group that has the limit. `memory_used_bytes` is what that group uses,
    without the files in the page cache that the kernel can drop at once (kubelet's working set).
    `cpu_used_seconds` is the CPU time of all its processes since that group was made, `cpu_throttled_seconds` how long
    it was kept from running. All three are None without a limit, or where they are not told.
    """

    memory_bytes: int | None = None
    cpu_cores: float | None = None
    memory_used_bytes: int | None = None
    cpu_used_seconds: float | None = None
    cpu_throttled_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class CgroupMount:
    """Where a hierarchy is mounted. `root` is the group that the mount point shows; `controllers` is empty in v2."""

    point: Path
    root: PurePosixPath
    version: int
    controllers: frozenset[str]


def parse_cgroup_mounts(text: str, system_root: Path) -> list[CgroupMount]:
    """The control group mounts of a mountinfo file; mount points are taken below `system_root`."""
    mounts = []
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        if not separator or not right.startswith("cgroup"):
            continue
        root, point = left.split()[3:5]
        kind, _, super_options = right.split(" ", 2)
        controllers = frozenset(super_options.split(",")) if kind == "cgroup" else frozenset()
        location = system_root / point.lstrip("/")
        mounts.append(CgroupMount(location, PurePosixPath(root), 2 if kind == "cgroup2" else 1, controllers))
    return mounts


def parse_memberships(text: str) -> dict[str, PurePosixPath]:
    """The group of a process per controller, from /proc/<pid>/cgroup; the v2 hierarchy has the key ``""``.

    Raises MalformedProcFile.
    """
    groups = {}
    for line in text.splitlines():
        columns = line.split(":", 2)
        if len(columns) != 3:
            raise MalformedProcFile("cgroup", line, "hierarchy:controllers:group")
        for controller in columns[1].split(","):
            groups[controller] = PurePosixPath(columns[2])
    return groups


class CgroupLimitReader:
    """Reads the limits of the control groups that are mounted where the exporter runs."""

    def __init__(self, procfs: Procfs, system_root: Path = Path("/")) -> None:
        mountinfo = procfs.path / "self" / "mountinfo"
        text = mountinfo.read_text() if mountinfo.exists() else ""
        self._mounts = parse_cgroup_mounts(text, system_root)

    def read(self, memberships: dict[str, PurePosixPath]) -> CgroupLimits:
        """Limits for a process in the groups `memberships`.

        A group outside of what is mounted here (another container's) has no known limit. Raises PermissionError.
        """
        memory_bytes, memory_directory = self._tightest(
            memberships, "memory", _memory_max_bytes, _memory_limit_bytes_v1
        )
        cpu_cores, cpu_directory = self._tightest(memberships, "cpu", _cpu_max_cores, _cpu_quota_cores_v1)
        return CgroupLimits(
            memory_bytes,
            cpu_cores,
            _memory_used_bytes(memory_directory) if memory_directory else None,
            _cpu_used_seconds(cpu_directory) if cpu_directory else None,
            _cpu_throttled_seconds(cpu_directory) if cpu_directory else None,
        )

    def _tightest(
        self,
        memberships: dict[str, PurePosixPath],
        controller: str,
        read: Callable[[Path], Limit | None],
        read_v1: Callable[[Path], Limit | None],
    ) -> tuple[Limit | None, Path | None]:
        """The least limit among a process's groups and their ancestors, and the directory of the group that has it."""
        limits = [(read(directory), directory) for directory in self._directories(memberships, 2, "")]
        limits += [(read_v1(directory), directory) for directory in self._directories(memberships, 1, controller)]
        known = [(limit, directory) for limit, directory in limits if limit is not None]
        return min(known, key=lambda each: each[0], default=(None, None))

    def _directories(self, memberships: dict[str, PurePosixPath], version: int, controller: str) -> Iterator[Path]:
        """The directories of a process's group and of its ancestors, the group first."""
        group = memberships.get(controller)
        for mount in self._mounts:
            shown = mount.version == version and (version == 2 or controller in mount.controllers)
            if group is None or not shown or ".." in group.parts or not group.is_relative_to(mount.root):
                continue
            directory = mount.point / group.relative_to(mount.root)
            yield directory
            for _ in group.relative_to(mount.root).parts:
                directory = directory.parent
                yield directory


def _memory_max_bytes(directory: Path) -> int | None:
    """`memory.max`: bytes, or `max` for no limit."""
    text = _read(directory / "memory.max")
    return None if text in (None, "max") else int(text)


def _cpu_max_cores(directory: Path) -> float | None:
    """`cpu.max`: quota and period in µs; the quota is `max` for no limit."""
    text = _read(directory / "cpu.max")
    if text is None or text.startswith("max"):
        return None
    quota, period = text.split()
    return int(quota) / int(period)


def _memory_limit_bytes_v1(directory: Path) -> int | None:
    text = _read(directory / "memory.limit_in_bytes")
    return None if text is None or int(text) >= _UNLIMITED_BYTES else int(text)


def _cpu_quota_cores_v1(directory: Path) -> float | None:
    """A quota of -1 is no limit."""
    quota, period = _read(directory / "cpu.cfs_quota_us"), _read(directory / "cpu.cfs_period_us")
    if quota is None or period is None or int(quota) < 0:
        return None
    return int(quota) / int(period)


def _memory_used_bytes(directory: Path) -> int | None:
    """`memory.current`, or `memory.usage_in_bytes` of v1, less the inactive file pages of `memory.stat`."""
    used = _read(directory / "memory.current") or _read(directory / "memory.usage_in_bytes")
    if used is None:
        return None
    statistics = _read_statistics(directory / "memory.stat")
    droppable = statistics.get("total_inactive_file", statistics.get("inactive_file", 0))
    return max(int(used) - droppable, 0)


def _cpu_used_seconds(directory: Path) -> float | None:
    """`usage_usec` of `cpu.stat`. Of v1 `cpuacct.usage` in nanoseconds, if cpuacct is mounted together with cpu."""
    statistics = _read_statistics(directory / "cpu.stat")
    if "usage_usec" in statistics:
        return statistics["usage_usec"] / 1e6
    nanoseconds = _read(directory / "cpuacct.usage")
    return None if nanoseconds is None else int(nanoseconds) / 1e9


def _cpu_throttled_seconds(directory: Path) -> float | None:
    """From `cpu.stat`: `throttled_usec`, or `throttled_time` of v1 in nanoseconds."""
    statistics = _read_statistics(directory / "cpu.stat")
    if "throttled_usec" in statistics:
        return statistics["throttled_usec"] / 1e6
    return statistics["throttled_time"] / 1e9 if "throttled_time" in statistics else None


def _read_statistics(path: Path) -> dict[str, int]:
    """Lines `name number`; nothing if the file is not there."""
    text = _read(path) or ""
    return {name: int(number) for name, _, number in (line.partition(" ") for line in text.splitlines())}


def _read(path: Path) -> str | None:
    """None if the file is not there: the controller is off at that level, or it is the root group."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None
