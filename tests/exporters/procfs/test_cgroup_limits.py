from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from fake_proc import FakeProc

from exporters.errors import MalformedProcFile
from exporters.procfs.cgroup_limits import CgroupLimitReader, CgroupLimits, parse_memberships
from exporters.procfs.processes import Procfs

V2 = "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)
HYBRID = V1 + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
OTHER = "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


def limits(proc: FakeProc, mountinfo: str, memberships: str) -> CgroupLimits:
    proc.write_mountinfo(OTHER + mountinfo)
    return CgroupLimitReader(Procfs(proc.path), proc.root).read(parse_memberships(memberships))


def test_the_limits_of_a_v2_group_are_read(proc: FakeProc) -> None:
    proc.write_group_file("/sys/fs/cgroup/web/memory.max", "536870912")
    proc.write_group_file("/sys/fs/cgroup/web/cpu.max", "150000 100000")

    assert limits(proc, V2, "0::/web\n") == CgroupLimits(536_870_912, 1.5)


def test_no_limit_is_none_not_a_number(proc: FakeProc) -> None:
    proc.write_group_file("/sys/fs/cgroup/web/memory.max", "max")
    proc.write_group_file("/sys/fs/cgroup/web/cpu.max", "max 100000")

    assert limits(proc, V2, "0::/web\n") == CgroupLimits(None, None)


def test_the_tightest_limit_of_a_group_and_its_ancestors_holds(proc: FakeProc) -> None:
    for group, memory, cpu in [("a", "100", "max 100000"), ("a/b", "300", "50000 100000"), ("a/b/c", "200", "max 1")]:
        proc.write_group_file(f"/sys/fs/cgroup/{group}/memory.max", memory)
        proc.write_group_file(f"/sys/fs/cgroup/{group}/cpu.max", cpu)

    assert limits(proc, V2, "0::/a/b/c\n") == CgroupLimits(100, 0.5)


def test_the_use_is_that_of_the_group_that_has_the_limit(proc: FakeProc) -> None:
    proc.write_group_file("/sys/fs/cgroup/a/memory.max", "1000")
    proc.write_group_file("/sys/fs/cgroup/a/memory.current", "900")
    proc.write_group_file("/sys/fs/cgroup/a/memory.stat", "anon 500\ninactive_file 300")
    proc.write_group_file("/sys/fs/cgroup/a/b/memory.max", "max")
    proc.write_group_file("/sys/fs/cgroup/a/b/memory.current", "50")
    proc.write_group_file("/sys/fs/cgroup/a/b/cpu.max", "50000 100000")
    proc.write_group_file("/sys/fs/cgroup/a/b/cpu.stat", "usage_usec 9000000\nthrottled_usec 2500000")

    assert limits(proc, V2, "0::/a/b\n") == CgroupLimits(
        1000, 0.5, memory_used_bytes=600, cpu_used_seconds=9.0, cpu_throttled_seconds=2.5
    )


def test_the_use_of_v1_groups_is_read(proc: FakeProc) -> None:
    proc.write_group_file("/sys/fs/cgroup/memory/web/memory.limit_in_bytes", "1000")
    proc.write_group_file("/sys/fs/cgroup/memory/web/memory.usage_in_bytes", "900")
    proc.write_group_file("/sys/fs/cgroup/memory/web/memory.stat", "inactive_file 1\ntotal_inactive_file 300")
    proc.write_group_file("/sys/fs/cgroup/cpu,cpuacct/web/cpu.cfs_quota_us", "100000")
    proc.write_group_file("/sys/fs/cgroup/cpu,cpuacct/web/cpu.cfs_period_us", "100000")
    proc.write_group_file("/sys/fs/cgroup/cpu,cpuacct/web/cpu.stat", "nr_periods 4\nthrottled_time 1500000000")
    proc.write_group_file("/sys/fs/cgroup/cpu,cpuacct/web/cpuacct.usage", "3500000000")

    assert limits(proc, V1, "4:memory:/web\n2:cpu,cpuacct:/web\n") == CgroupLimits(
        1000, 1.0, memory_used_bytes=600, cpu_used_seconds=3.5, cpu_throttled_seconds=1.5
    )


def test_the_limits_of_v1_groups_are_read_by_controller(proc: FakeProc) -> None:
    proc.write_group_file("/sys/fs/cgroup/memory/web/memory.limit_in_bytes", "1048576")
    proc.write_group_file("/sys/fs/cgroup/cpu,cpuacct/api/cpu.cfs_quota_us", "200000")
    proc.write_group_file("/sys/fs/cgroup/cpu,cpuacct/api/cpu.cfs_period_us", "100000")

    assert limits(proc, V1, "4:memory:/web\n2:cpu,cpuacct:/api\n") == CgroupLimits(1_048_576, 2.0)


def test_the_v1_values_for_unlimited_are_no_limit(proc: FakeProc) -> None:
    proc.write_group_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712")
    proc.write_group_file("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1")
    proc.write_group_file("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000")

    assert limits(proc, V1, "4:memory:/\n2:cpu,cpuacct:/\n") == CgroupLimits(None, None)


def test_in_a_hybrid_system_each_controller_is_read_where_it_is(proc: FakeProc) -> None:
    proc.write_group_file("/sys/fs/cgroup/memory/web/memory.limit_in_bytes", "4096")
    proc.write_group_file("/sys/fs/cgroup/unified/web/cgroup.procs", "1")

    assert limits(proc, HYBRID, "4:memory:/web\n0::/web\n") == CgroupLimits(4096, None)


def test_inside_a_container_the_mount_shows_the_group_itself(proc: FakeProc) -> None:
    proc.write_group_file("/sys/fs/cgroup/memory.max", "77")
    mounted = V2.replace("0:28 / ", "0:28 /docker/abc ")

    assert limits(proc, mounted, "0::/docker/abc\n") == CgroupLimits(77, None)


@pytest.mark.parametrize("group", ["/docker/other", "/../other"])
def test_a_group_that_is_not_mounted_here_has_no_known_limit(proc: FakeProc, group: str) -> None:
    proc.write_group_file("/sys/fs/cgroup/memory.max", "77")
    mounted = V2.replace("0:28 / ", "0:28 /docker/abc ")

    assert limits(proc, mounted, f"0::{group}\n") == CgroupLimits(None, None)


def test_memberships_are_split_by_controller() -> None:
    assert parse_memberships("2:cpu,cpuacct:/a\n0::/b:c\n") == {
        "cpu": PurePosixPath("/a"),
        "cpuacct": PurePosixPath("/a"),
        "": PurePosixPath("/b:c"),
    }


def test_a_malformed_membership_is_refused() -> None:
    with pytest.raises(MalformedProcFile, match="cgroup: got 'rubbish'"):
        parse_memberships("rubbish\n")


def test_the_real_limits_of_this_process_are_positive_or_unknown() -> None:
    read = CgroupLimitReader(Procfs()).read(parse_memberships(Path("/proc/self/cgroup").read_text()))

    assert read.memory_bytes is None or read.memory_bytes > 1 << 20
    assert read.cpu_cores is None or read.cpu_cores > 0
