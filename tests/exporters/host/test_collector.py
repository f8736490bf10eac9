from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from fake_host import write_fake_host
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from exporters.errors import ProcNotMounted
from exporters.host.collector import SECTIONS, HostCollector
from exporters.host.disk import parse_mounts
from exporters.host.lines import HostPaths

TICKS = os.sysconf("SC_CLK_TCK")
ROOT = {"device": "/dev/vda1", "fstype": "ext4", "mountpoint": "/"}
DATA = {"device": "/dev/vdb", "fstype": "xfs", "mountpoint": "/my data"}
GONE = {"device": "/dev/vdc", "fstype": "ext4", "mountpoint": "/gone"}


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    return write_fake_host(tmp_path)


def registry_of(proc: Path) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(HostCollector(HostPaths(proc, proc.parent)))
    return registry


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("node_cpu_seconds_total", {"cpu": "0", "mode": "user"}, 100 / TICKS),
        ("node_cpu_seconds_total", {"cpu": "1", "mode": "idle"}, 2000 / TICKS),
        ("node_cpu_seconds_total", {"cpu": "0", "mode": "iowait"}, 10 / TICKS),
        ("node_cpu_guest_seconds_total", {"cpu": "0", "mode": "user"}, 7 / TICKS),
        ("node_cpu_seconds_total", {"cpu": "", "mode": "user"}, None),
        ("node_context_switches_total", {}, 5000),
        ("node_forks_total", {}, 40),
        ("node_intr_total", {}, 900),
        ("node_boot_time_seconds", {}, 1_700_000_000),
        ("node_procs_running", {}, 3),
        ("node_load1", {}, 0.5),
        ("node_load15", {}, 2.0),
        ("node_memory_MemTotal_bytes", {}, 1_024_000),
        ("node_memory_Active_anon_bytes", {}, 20480),
        ("node_memory_HugePages_Total", {}, 4),
        ("node_vmstat_oom_kill", {}, 2),
        ("node_vmstat_nr_free_pages", {}, None),
        ("node_disk_reads_completed_total", {"device": "vda"}, 10),
        ("node_disk_read_bytes_total", {"device": "vda"}, 4096),
        ("node_disk_write_time_seconds_total", {"device": "vda"}, 0.3),
        ("node_disk_io_now", {"device": "vda"}, 1),
        ("node_disk_io_time_seconds_total", {"device": "vda"}, 0.4),
        ("node_disk_flush_requests_total", {"device": "vda"}, 7),
        ("node_disk_reads_completed_total", {"device": "sda1"}, None),
        ("node_disk_reads_completed_total", {"device": "loop0"}, None),
        ("node_filesystem_readonly", ROOT, 0),
        ("node_filesystem_readonly", DATA, 1),
        ("node_filesystem_device_error", DATA, 0),
        ("node_filesystem_device_error", GONE, 1),
        ("node_filesystem_size_bytes", GONE, None),
        ("node_network_receive_bytes_total", {"device": "eth0"}, 1000),
        ("node_network_receive_drop_total", {"device": "eth0"}, 2),
        ("node_network_transmit_bytes_total", {"device": "eth0"}, 2000),
        ("node_network_transmit_carrier_total", {"device": "eth0"}, 11),
        ("node_network_receive_bytes_total", {"device": "a:b:c"}, 1),
        ("node_netstat_Tcp_PassiveOpens", {}, 500),
        ("node_netstat_TcpExt_ListenOverflows", {}, 3),
        ("node_netstat_TcpExt_SomethingElse", {}, None),
        ("node_sockstat_TCP_orphan", {}, 1),
        ("node_nf_conntrack_entries_limit", {}, 4096),
        ("node_filefd_allocated", {}, 1024),
        ("node_pressure_cpu_waiting_seconds_total", {}, 1.5),
        ("node_pressure_io_stalled_seconds_total", {}, 0.25),
        ("node_pressure_irq_stalled_seconds_total", {}, None),
    ],
)
def test_a_figure_has_node_exporters_name_and_its_value(
    proc: Path, name: str, labels: dict[str, str], expected: float | None
) -> None:
    assert registry_of(proc).get_sample_value(name, labels) == (expected and pytest.approx(expected))


def test_space_is_that_of_the_mount_point(proc: Path) -> None:
    registry = registry_of(proc)
    space = shutil.disk_usage(proc.parent)

    assert registry.get_sample_value("node_filesystem_size_bytes", DATA) == space.total
    assert registry.get_sample_value("node_filesystem_avail_bytes", DATA) == pytest.approx(space.free, rel=0.1)


def test_a_section_without_its_files_is_absent_and_told(proc: Path) -> None:
    shutil.rmtree(proc / "pressure")
    registry = registry_of(proc)

    assert registry.get_sample_value("node_scrape_collector_success", {"collector": "pressure"}) == 0
    assert registry.get_sample_value("node_pressure_cpu_waiting_seconds_total") is None
    assert registry.get_sample_value("node_scrape_collector_success", {"collector": "stat"}) == 1


@pytest.mark.parametrize(
    "file", ["stat", "loadavg", "meminfo", "vmstat", "diskstats", "1/mounts", "1/net/dev", "pressure/io"]
)
def test_a_file_of_another_shape_makes_its_section_absent(proc: Path, file: str) -> None:
    (proc / file).write_text("intr x\nMemTotal: x kB\noom_kill x\n 1 2 vda x\nsome x total=x\n eth0: x\n")

    registry = registry_of(proc)

    successes = [
        registry.get_sample_value("node_scrape_collector_success", {"collector": name}) for name, _ in SECTIONS
    ]
    assert successes.count(0) == 1


def test_only_storage_of_this_host_is_a_file_system() -> None:
    lines = [
        "/dev/vda1 / ext4 rw 0 0",
        "tmpfs /run tmpfs rw 0 0",
        "overlay /var/x overlay rw 0 0",
        "nas:/x /nas nfs rw 0 0",
        "/dev/vdb / btrfs ro 0 0",
    ]

    assert [(mount.point, mount.kind, mount.is_read_only) for mount in parse_mounts(lines)] == [
        ("/", "btrfs", True),
        ("/run", "tmpfs", False),
    ]


def test_a_folder_that_is_no_proc_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProcNotMounted):
        HostCollector(HostPaths(tmp_path))


def test_this_host_has_the_sections_every_linux_has() -> None:
    families = {family.name: family for family in HostCollector(HostPaths()).collect()}

    def value(family: Metric) -> float:
        return sum(sample.value for sample in family.samples)

    by_name = {sample.labels["collector"]: sample.value for sample in families["node_scrape_collector_success"].samples}
    assert {name for name, success in by_name.items() if not success} <= {"pressure", "conntrack"}
    assert value(families["node_memory_MemTotal_bytes"]) == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert len({sample.labels["cpu"] for sample in families["node_cpu_seconds"].samples}) == os.cpu_count()
    assert value(families["node_load1"]) == pytest.approx(os.getloadavg()[0], abs=0.5)
