"""Storage: /proc/diskstats, and the space of what is mounted. Formats: the kernel's iostats.rst, proc_mounts(5)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric

from exporters.host.lines import Column, HostPaths, read_lines, table_families, whole_numbers

_SECTOR_BYTES = 512
_MILLISECONDS = 1e-3

# Partitions and memory disks: their numbers are in those of the disk, or of no storage.
_IGNORED_DEVICES = re.compile(r"(z?ram|loop|fd)\d+|(h|s|v|xv)d[a-z]+\d+|(nvme\d+n|mmcblk)\d+p\d+")

# fmt: off
_DISK_COLUMNS = (
    Column("node_disk_reads_completed", "Reads.", 0),
    Column("node_disk_reads_merged", "Reads merged with another.", 1),
    Column("node_disk_read_bytes", "Bytes read.", 2, _SECTOR_BYTES),
    Column("node_disk_read_time_seconds", "Time spent in reads.", 3, _MILLISECONDS),
    Column("node_disk_writes_completed", "Writes.", 4),
    Column("node_disk_writes_merged", "Writes merged with another.", 5),
    Column("node_disk_written_bytes", "Bytes written.", 6, _SECTOR_BYTES),
    Column("node_disk_write_time_seconds", "Time spent in writes.", 7, _MILLISECONDS),
    Column("node_disk_io_now", "Reads and writes under way.", 8, is_counter=False),
    Column("node_disk_io_time_seconds", "Time in which there was anything to do.", 9, _MILLISECONDS),
    Column("node_disk_io_time_weighted_seconds", "Time by requests under way.", 10, _MILLISECONDS),
    Column("node_disk_discards_completed", "Discards.", 11),
    Column("node_disk_discarded_sectors", "Sectors discarded.", 13),
    Column("node_disk_discard_time_seconds", "Time spent in discards.", 14, _MILLISECONDS),
    Column("node_disk_flush_requests", "Flushes.", 15),
    Column("node_disk_flush_requests_time_seconds", "Time spent in flushes.", 16, _MILLISECONDS),
)

# Not storage, or storage of another mount.
_PSEUDO_TYPES = frozenset({
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
    "fusectl", "hugetlbfs", "mqueue", "nsfs", "overlay", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs",
    "squashfs", "sysfs", "tracefs",
})
# A server that is away would hold up the scrape for minutes.
_NETWORK_TYPES = frozenset({
    "9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "glusterfs", "lustre", "ncpfs", "nfs",
    "nfs4", "smb3", "smbfs",
})
# fmt: on
_IGNORED_MOUNT_POINTS = re.compile(r"/(dev|proc|sys|run/credentials|var/lib/(docker|containers|kubelet))(/.*)?")
# mounts writes space, tab, line end and backslash as \ooo.
_OCTAL = re.compile(r"\\([0-7]{3})")


def read_disk(paths: HostPaths) -> Iterator[Metric]:
    """Requests, bytes and times of each disk."""
    path = paths.proc / "diskstats"
    rows = []
    for line in read_lines(path):
        _, _, device, *words = line.split()
        if not _IGNORED_DEVICES.fullmatch(device):
            rows.append((device, whole_numbers(path, line, words)))
    return table_families(_DISK_COLUMNS, rows)


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mounts."""

    device: str
    point: str
    kind: str
    is_read_only: bool


def parse_mounts(lines: list[str]) -> list[Mount]:
    """The mounts of storage on this host, each mount point once: the last mount hides those before."""
    mounts = {}
    for line in lines:
        device, point, kind, options, *_ = (
            _OCTAL.sub(lambda found: chr(int(found[1], 8)), word) for word in line.split()
        )
        if kind not in _PSEUDO_TYPES | _NETWORK_TYPES and not _IGNORED_MOUNT_POINTS.fullmatch(point):
            mounts[point] = Mount(device, point, kind, "ro" in options.split(","))
    return list(mounts.values())


# fmt: off
_SPACE_FIGURES: tuple[tuple[str, str, Callable[[os.statvfs_result], float]], ...] = (
    ("node_filesystem_size_bytes", "Size.", lambda space: space.f_blocks * space.f_frsize),
    ("node_filesystem_free_bytes", "Free, root's share included.", lambda space: space.f_bfree * space.f_frsize),
    ("node_filesystem_avail_bytes", "Free for everyone.", lambda space: space.f_bavail * space.f_frsize),
    ("node_filesystem_files", "Files there can be.", lambda space: space.f_files),
    ("node_filesystem_files_free", "Files there can still be.", lambda space: space.f_ffree),
)
# fmt: on


def read_filesystems(paths: HostPaths) -> list[Metric]:
    """Space of each mounted file system of this host; node_filesystem_device_error is 1 where it cannot be read."""
    labels = ["device", "fstype", "mountpoint"]
    families = [GaugeMetricFamily(name, text, labels=labels) for name, text, _ in _SPACE_FIGURES]
    read_only = GaugeMetricFamily("node_filesystem_readonly", "1 if it cannot be written.", labels=labels)
    errors = GaugeMetricFamily("node_filesystem_device_error", "1 if its space cannot be read.", labels=labels)
    # Mounts of process 1, because the exporter's own can be those of its container.
    table = paths.proc / "1" / "mounts"
    for mount in parse_mounts(read_lines(table if os.access(table, os.R_OK) else paths.proc / "self" / "mounts")):
        values = [mount.device, mount.kind, mount.point]
        space = _space(paths.root / mount.point.lstrip("/"))
        errors.add_metric(values, int(space is None))
        read_only.add_metric(values, int(mount.is_read_only))
        if space is not None:
            for family, (_, _, value) in zip(families, _SPACE_FIGURES, strict=True):
                family.add_metric(values, value(space))
    return [*families, read_only, errors]


def _space(path: Path) -> os.statvfs_result | None:
    try:
        return os.statvfs(path)
    except OSError:
        return None
