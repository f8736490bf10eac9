from __future__ import annotations

from pathlib import Path

import pytest
from fake_proc import BOOT_SECONDS, TICKS_PER_SECOND, DenyingProcfs, FakeProc, stat_line
from hypothesis import given
from hypothesis import strategies as st

from exporters.process.reading import HostUnits, ProcessReader, ProcessReading, SwitchTotals, add_switches
from exporters.process.targets import FoundProcess
from exporters.procfs.cgroup_limits import CgroupLimitReader, CgroupLimits
from exporters.procfs.processes import Procfs, StorageBytes, SwitchCounts, parse_stat

UNITS = HostUnits(TICKS_PER_SECOND, page_bytes=4096, boot_seconds=BOOT_SECONDS)
NOTHING = SwitchTotals(SwitchCounts(0, 0), {})


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


def reader_of(proc: FakeProc, procfs: Procfs | None = None, threads_max: int = 1000) -> ProcessReader:
    procfs = procfs or Procfs(proc.path)
    return ProcessReader(procfs, CgroupLimitReader(procfs, proc.root), UNITS, threads_max)


def found(stat: str, *ports: int) -> FoundProcess:
    return FoundProcess(parse_stat(stat.encode()), ports)


def test_a_reading_is_in_base_units(proc: FakeProc) -> None:
    proc.add_process(7, stat_line(7, "web"), sockets=(1,))

    assert reader_of(proc).read(found(stat_line(7, "web"), 80)) == ProcessReading(
        name="web",
        pid=7,
        ports=(80,),
        start_time_seconds=BOOT_SECONDS + 5.0,
        cpu_user_seconds=2.5,
        cpu_system_seconds=0.5,
        resident_bytes=40960,
        virtual_bytes=1 << 20,
        threads=1,
        minor_faults=11,
        major_faults=13,
        open_files=4,
        open_files_limit=1024,
        storage=StorageBytes(4096, 8192),
        switches=SwitchCounts(40, 2),
        limits=CgroupLimits(None, None),
        denied=(),
    )


def test_an_ended_process_has_no_reading(proc: FakeProc) -> None:
    assert reader_of(proc).read(found(stat_line(7))) is None


def test_a_zombie_has_no_reading(proc: FakeProc) -> None:
    proc.add_process(7, stat_line(7, state="Z", resident_pages=0))

    assert reader_of(proc).read(found(stat_line(7))) is None


def test_the_next_owner_of_a_pid_is_not_read_for_the_last_one(proc: FakeProc) -> None:
    proc.add_process(7, stat_line(7, start_ticks=900))

    assert reader_of(proc).read(found(stat_line(7, start_ticks=100))) is None


def test_denied_files_are_named_and_the_rest_is_read(proc: FakeProc) -> None:
    proc.add_process(7)
    reader = reader_of(proc, DenyingProcfs(proc.path, "io", "fd"))

    reading = reader.read(found(stat_line(7)))

    assert reading is not None
    assert (reading.denied, reading.storage, reading.open_files) == (("fd", "io"), None, None)
    assert reading.open_files_limit == 1024


def test_a_file_the_kernel_does_not_have_is_unknown_but_not_denied(proc: FakeProc) -> None:
    (proc.add_process(7) / "io").unlink()

    reading = reader_of(proc).read(found(stat_line(7)))

    assert reading is not None
    assert (reading.storage, reading.denied) == (None, ())


def test_switches_of_ended_threads_stay_counted(proc: FakeProc) -> None:
    proc.add_process(7, stat_line(7))
    reader = reader_of(proc)
    for threads in ({7: (10, 1), 8: (100, 5)}, {7: (12, 1)}, {7: (12, 1), 9: (3, 0)}):
        proc.set_switches(7, threads)
        reading = reader.read(found(stat_line(7)))

    assert reading is not None
    assert reading.switches == SwitchCounts(10 + 100 + 2 + 3, 1 + 5)


def test_switches_start_anew_for_a_process_that_was_forgotten(proc: FakeProc) -> None:
    proc.add_process(7, stat_line(7))
    reader = reader_of(proc)
    reader.read(found(stat_line(7)))
    proc.set_switches(7, {7: (50, 2), 8: (1, 1)})
    reader.forget_all_but(frozenset())

    reading = reader.read(found(stat_line(7)))

    assert reading is not None
    assert reading.switches == SwitchCounts(51, 3)


def test_switches_of_too_many_threads_are_not_read(proc: FakeProc) -> None:
    proc.add_process(7, stat_line(7, threads=3))
    proc.set_switches(7, {7: (1, 1), 8: (1, 1), 9: (1, 1)})

    reading = reader_of(proc, threads_max=2).read(found(stat_line(7)))

    assert reading is not None
    assert (reading.switches, reading.threads) == (None, 3)


def test_a_thread_id_with_a_smaller_count_is_a_new_thread() -> None:
    totals = add_switches(NOTHING, {8: SwitchCounts(100, 50)})

    assert add_switches(totals, {8: SwitchCounts(5, 1)}).total == SwitchCounts(105, 51)


counts = st.builds(SwitchCounts, st.integers(0, 2**40), st.integers(0, 2**40))


@given(looks=st.lists(st.dictionaries(st.integers(1, 5), counts), max_size=8))
def test_totals_never_fall_and_are_at_least_what_runs_now(looks: list[dict[int, SwitchCounts]]) -> None:
    totals = NOTHING
    for threads in looks:
        before, totals = totals, add_switches(totals, threads)

        assert totals.total.voluntary >= before.total.voluntary
        assert totals.total.involuntary >= sum(thread.involuntary for thread in threads.values())
