from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from child_server import child_server
from fake_proc import DenyingProcfs, FakeProc, stat_line
from hypothesis import given
from hypothesis import strategies as st

from exporters.errors import MalformedProcFile, ProcNotMounted
from exporters.procfs.processes import (
    Procfs,
    StorageBytes,
    SwitchCounts,
    parse_boot_seconds,
    parse_context_switches,
    parse_open_files_limit,
    parse_stat,
    parse_storage_bytes,
)


@pytest.fixture
def sleeper() -> subprocess.Popen[bytes]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("name", ["server", "two words", "(sd-pam)", "a) R 1 2 3 (b", ")", "", "x(y)z"])
def test_a_command_name_may_hold_spaces_and_parentheses(name: str) -> None:
    stat = parse_stat(stat_line(42, name, user_ticks=7, threads=3).encode())

    assert (stat.pid, stat.name, stat.state, stat.user_ticks, stat.threads) == (42, name, "S", 7, 3)


@given(name=st.binary(max_size=15).filter(lambda name: b"\0" not in name), start=st.integers(0, 2**63))
def test_any_command_name_leaves_the_other_fields_alone(name: bytes, start: int) -> None:
    before, after = stat_line(7, "?", start_ticks=start).encode().split(b"?")

    stat = parse_stat(before + name + after)

    assert (stat.name, stat.start_ticks, stat.minor_faults) == (name.decode(errors="replace"), start, 11)


@given(text=st.binary(max_size=200))
def test_text_that_is_no_stat_is_refused_with_the_path(text: bytes) -> None:
    with pytest.raises(MalformedProcFile, match=r"^stat: got"):
        parse_stat(text)


def test_stat_fields_have_the_values_of_this_process() -> None:
    stat = parse_stat(Path("/proc/self/stat").read_bytes())

    assert (stat.pid, stat.state, stat.has_ended) == (os.getpid(), "R", False)
    assert stat.resident_pages * os.sysconf("SC_PAGE_SIZE") > 1_000_000
    assert stat.virtual_bytes > stat.resident_pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (b"Max processes 1 2 processes\nMax open files            1024                 4096 files\n", 1024),
        (b"Max open files            unlimited            unlimited            files\n", math.inf),
    ],
)
def test_the_soft_limit_of_open_files_is_read(text: bytes, limit: float) -> None:
    assert parse_open_files_limit(text) == limit


def test_counts_are_read_by_their_names() -> None:
    status = b"Name:\tx\nnonvoluntary_ctxt_switches:\t5\nvoluntary_ctxt_switches:\t9\n"

    assert parse_context_switches(status) == SwitchCounts(voluntary=9, involuntary=5)
    assert parse_storage_bytes(b"rchar: 1\nread_bytes: 2\nwrite_bytes: 3\n") == StorageBytes(read=2, written=3)
    assert parse_boot_seconds(b"cpu 1\nbtime 1700000000\n") == 1_700_000_000


@pytest.mark.parametrize(
    "parse", [parse_open_files_limit, parse_context_switches, parse_storage_bytes, parse_boot_seconds]
)
def test_a_missing_line_is_named(parse: object) -> None:
    with pytest.raises(MalformedProcFile, match=r"want .*line"):
        parse(b"something else\n")  # type: ignore[operator]


def test_a_directory_that_is_no_proc_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProcNotMounted, match="Linux"):
        Procfs(tmp_path)


def test_running_lists_processes_without_zombies_and_other_entries(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add_process(30)
    proc.add_process(4, stat_line(4, "kid", state="Z"))
    proc.add_process(12)

    assert [stat.pid for stat in Procfs(proc.path).running().stats] == [12, 30]


def test_a_process_that_is_hidden_counts_and_hides_no_other(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    for pid in (12, 30):
        proc.add_process(pid)
    procfs = DenyingProcfs(proc.path, "stat", pids=(12,))

    assert procfs.stat(12) is None
    assert (tuple(stat.pid for stat in procfs.running().stats), procfs.running().hidden) == ((30,), 1)
    assert (procfs.running([12]).stats, procfs.running([12]).hidden) == ((), 1)


def test_files_of_a_process_stay_its_own_when_the_pid_gets_another_owner(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add_process(5, stat_line(5, "first"))
    with Procfs(proc.path).process(5) as files:
        proc.remove_process(5)
        proc.add_process(5, stat_line(5, "second"))

        assert parse_stat(files.read("stat")).name == "first"


def test_files_of_an_ended_process_cannot_be_read(sleeper: subprocess.Popen[bytes]) -> None:
    with Procfs().process(sleeper.pid) as files:
        sleeper.kill()
        sleeper.wait()

        with pytest.raises((FileNotFoundError, ProcessLookupError)):
            files.read("stat")
    assert Procfs().stat(sleeper.pid) is None


def test_a_zombie_counts_as_ended(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    assert parse_stat(Path(f"/proc/{sleeper.pid}/stat").read_bytes()).has_ended
    assert Procfs().stat(sleeper.pid) is None


def test_open_files_are_counted(tmp_path: Path) -> None:
    procfs, proc = Procfs(), FakeProc(tmp_path)
    proc.add_process(8, sockets=(1, 2))

    with child_server() as server, procfs.process(server.pid) as files:
        assert procfs.count_open_files(files) == len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
    with Procfs(proc.path).process(8) as files:
        assert Procfs(proc.path).count_open_files(files) == 5
