"""Memory and CPU limits of a process's control group, cgroup v2, v1 and both at once (hybrid).

Sources: the kernel's admin-guide/cgroup-v2 and cgroup-v1/memory, proc_pid_mountinfo(5), cgroups(7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from exporters.errors import MalformedProcFile
from exporters.procfs import Procfs

# cgroup v1 writes "no limit" as the largest multiple of the page size below 2^63.
_UNLIMITED_BYTES = 1 << 62


@dataclass(frozen=True, slots=True)
class CgroupLimits:
    """The tightest limits that hold for a control group, its ancestors included; None where there is no limit.

    They are shared by all processes of the group.
    """

    memory_bytes: int | None = None
    cpu_cores: float | None = None


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
        return CgroupLimits(self._memory_bytes(memberships), self._cpu_cores(memberships))

    def _memory_bytes(self, memberships: dict[str, PurePosixPath]) -> int | None:
        limits = [_memory_max_bytes(directory) for directory in self._directories(memberships, 2, "")]
        limits += [_memory_limit_bytes_v1(directory) for directory in self._directories(memberships, 1, "memory")]
        return min((limit for limit in limits if limit is not None), default=None)

    def _cpu_cores(self, memberships: dict[str, PurePosixPath]) -> float | None:
        limits = [_cpu_max_cores(directory) for directory in self._directories(memberships, 2, "")]
        limits += [_cpu_quota_cores_v1(directory) for directory in self._directories(memberships, 1, "cpu")]
        return min((limit for limit in limits if limit is not None), default=None)

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


def _read(path: Path) -> str | None:
    """None if the file is not there: the controller is off at that level, or it is the root group."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None
