from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from child_server import child_server
from fake_proc import BOOT_SECONDS, FakeProc, stat_line, tcp_row
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import ProcessCollector as OwnProcessCollector

from exporters.process.collector import ProcessCollector, ProcessSettings
from exporters.process.targets import NameTarget, PidTarget, PortTarget, Target

Labels = dict[str, str]


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


def registry_of(proc: FakeProc, *targets: Target, **limits: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(ProcessCollector(targets, ProcessSettings(proc.path, proc.root, **limits)))
    return registry


def real_registry(*targets: Target) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(ProcessCollector(targets))
    return registry


def samples(registry: CollectorRegistry, name: str) -> list[tuple[Labels, float]]:
    found = [sample for family in registry.collect() for sample in family.samples if sample.name == name]
    return [(sample.labels, sample.value) for sample in found]


def value(registry: CollectorRegistry, name: str) -> float:
    """The value of the only sample of that name."""
    [(_, only)] = samples(registry, name)
    return only


def command_name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_every_process_has_its_own_series(proc: FakeProc) -> None:
    proc.write_tcp(tcp_row(80, 1), tcp_row(443, 2))
    proc.add_process(7, stat_line(7, "web", resident_pages=2), sockets=(1, 2))
    proc.add_process(8, stat_line(8, "db", resident_pages=3))
    page_bytes = os.sysconf("SC_PAGE_SIZE")

    registry = registry_of(proc, PortTarget(80), PortTarget(443), NameTarget("db"))

    assert samples(registry, "process_resident_memory_bytes") == [
        ({"process": "web", "pid": "7", "port": "80,443"}, 2 * page_bytes),
        ({"process": "db", "pid": "8", "port": ""}, 3 * page_bytes),
    ]


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("process_virtual_memory_bytes", {}, 1 << 20),
        ("process_open_fds", {}, 3),
        ("process_max_fds", {}, 1024),
        ("process_threads", {}, 1),
        ("process_page_faults_total", {"type": "minor"}, 11),
        ("process_page_faults_total", {"type": "major"}, 13),
        ("process_context_switches_total", {"type": "voluntary"}, 40),
        ("process_context_switches_total", {"type": "involuntary"}, 2),
        ("process_io_storage_bytes_total", {"direction": "read"}, 4096),
        ("process_io_storage_bytes_total", {"direction": "write"}, 8192),
        ("process_memory_limit_bytes", {}, 12345),
        ("process_cpu_limit_cores", {}, 0.25),
        ("process_memory_group_used_bytes", {}, 2345),
        ("process_cpu_group_used_seconds_total", {}, 1.5),
        ("process_cpu_throttled_seconds_total", {}, 0.5),
    ],
)
def test_a_figure_has_its_name_and_value(proc: FakeProc, name: str, labels: Labels, expected: float) -> None:
    proc.add_process(7)
    proc.write_mountinfo("31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    proc.write_group_file("/sys/fs/cgroup/memory.max", "12345")
    proc.write_group_file("/sys/fs/cgroup/cpu.max", "25000 100000")
    proc.write_group_file("/sys/fs/cgroup/memory.current", "2345")
    proc.write_group_file("/sys/fs/cgroup/cpu.stat", "usage_usec 1500000\nthrottled_usec 500000")

    registry = registry_of(proc, PidTarget(7))

    assert registry.get_sample_value(name, {"process": "server", "pid": "7", "port": "", **labels}) == expected


def test_times_are_seconds_of_this_machine(proc: FakeProc) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    proc.add_process(7, stat_line(7, user_ticks=3 * ticks, system_ticks=2 * ticks, start_ticks=9 * ticks))

    registry = registry_of(proc, PidTarget(7))

    assert value(registry, "process_cpu_seconds_total") == 5
    assert value(registry, "process_cpu_user_seconds_total") == 3
    assert value(registry, "process_cpu_system_seconds_total") == 2
    assert value(registry, "process_start_time_seconds") == BOOT_SECONDS + 9


def test_an_ended_process_is_absent_and_its_target_counts_0(proc: FakeProc) -> None:
    proc.add_process(7, stat_line(7, "web"))
    proc.add_process(8, stat_line(8, "web"))
    registry = registry_of(proc, NameTarget("web"))
    assert len(samples(registry, "process_threads")) == 2

    proc.remove_process(7)
    assert [labels["pid"] for labels, _ in samples(registry, "process_threads")] == ["8"]

    proc.remove_process(8)
    assert b"process_threads{" not in generate_latest(registry)
    assert samples(registry, "plimsoll_exporter_processes") == [({"target": "name=web"}, 0)]


def test_without_a_limit_the_limit_is_absent(proc: FakeProc) -> None:
    proc.add_process(7)

    registry = registry_of(proc, PidTarget(7))

    assert samples(registry, "process_memory_limit_bytes") == samples(registry, "process_cpu_limit_cores") == []


def test_processes_beyond_the_limit_are_dropped_youngest_first_and_counted(proc: FakeProc) -> None:
    for pid, start_ticks in ((7, 300), (8, 100), (9, 200)):
        proc.add_process(pid, stat_line(pid, "web", start_ticks=start_ticks))

    registry = registry_of(proc, NameTarget("web"), processes_max=2)

    assert [labels["pid"] for labels, _ in samples(registry, "process_threads")] == ["8", "9"]
    assert value(registry, "plimsoll_exporter_processes_dropped") == 1


def test_a_port_without_a_known_process_is_told(proc: FakeProc) -> None:
    proc.write_tcp(tcp_row(80, 1))

    registry = registry_of(proc, PortTarget(80))

    assert samples(registry, "plimsoll_exporter_port_without_process") == [({"port": "80"}, 1)]


def test_a_registry_refuses_a_second_collector_of_the_same_names(proc: FakeProc) -> None:
    registry = CollectorRegistry(auto_describe=True)
    OwnProcessCollector(registry=registry)

    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(ProcessCollector([PidTarget(7)], ProcessSettings(proc.path, proc.root)))


def test_collections_at_the_same_time_all_see_the_process(proc: FakeProc) -> None:
    proc.add_process(7)
    registry = registry_of(proc, PidTarget(7))
    seen: list[float] = []

    threads = [threading.Thread(target=lambda: seen.append(value(registry, "process_open_fds"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [3] * 8


def test_the_figures_of_a_real_process_are_those_prometheus_client_reads() -> None:
    with child_server() as server:
        ours = real_registry(PortTarget(server.port))
        theirs = CollectorRegistry()
        OwnProcessCollector(pid=lambda: server.pid, registry=theirs)

        for name in ("virtual_memory_bytes", "resident_memory_bytes", "start_time_seconds", "open_fds", "max_fds"):
            expected = theirs.get_sample_value(f"process_{name}")
            assert samples(ours, f"process_{name}") == [
                ({"process": command_name(server.pid), "pid": str(server.pid), "port": str(server.port)}, expected)
            ]
        assert value(ours, "process_cpu_seconds_total") == theirs.get_sample_value("process_cpu_seconds_total")


def test_the_cpu_and_memory_a_real_process_uses_are_seen() -> None:
    registry = real_registry(PidTarget(os.getpid()))
    cpu_before, memory_before = (
        value(registry, name) for name in ("process_cpu_seconds_total", "process_resident_memory_bytes")
    )
    block = b"x" * (32 << 20)
    while os.times().user + os.times().system < cpu_before + 0.15:
        sum(range(1000))

    assert value(registry, "process_cpu_seconds_total") - cpu_before == pytest.approx(0.15, abs=0.05)
    assert value(registry, "process_resident_memory_bytes") - memory_before >= 0.9 * len(block)


def test_a_real_process_that_ended_is_absent() -> None:
    with child_server() as server:
        registry = real_registry(PidTarget(server.pid))
        assert len(samples(registry, "process_threads")) == 1
    assert samples(registry, "process_threads") == []


_AS_ANOTHER_USER = """
import os, sys
from prometheus_client import CollectorRegistry, generate_latest
from exporters.process.collector import ProcessCollector
from exporters.process.targets import PidTarget, PortTarget
registry = CollectorRegistry()
os.setuid(65534)
registry.register(ProcessCollector([PidTarget(int(sys.argv[1])), PortTarget(int(sys.argv[2]))]))
print(generate_latest(registry).decode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_files_of_other_users_are_reported_as_denied() -> None:
    with child_server() as server:
        arguments = [sys.executable, "-c", _AS_ANOTHER_USER, str(server.pid), str(server.port)]
        text = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        name = command_name(server.pid)

    labels = f'pid="{server.pid}",port="",process="{name}"'
    assert f'plimsoll_exporter_permission_denied{{file="io",{labels}}} 1.0' in text
    assert f"process_resident_memory_bytes{{{labels}}}" in text
    assert "process_io_storage_bytes_total{" not in text
    assert f'plimsoll_exporter_port_without_process{{port="{server.port}"}} 1.0' in text


def test_a_clock_that_is_set_makes_no_new_process(proc: FakeProc) -> None:
    """The kernel's time of boot moves with the clock; whoever counts restarts would see one."""
    proc.add_process(7, stat_line(7, "shop"), command="shop")
    registry = registry_of(proc, PidTarget(7))
    started = value(registry, "process_start_time_seconds")

    proc.set_boot_seconds(BOOT_SECONDS + 3600)

    assert value(registry, "process_start_time_seconds") == started
    assert len(samples(registry, "process_cpu_seconds_total")) == 1
