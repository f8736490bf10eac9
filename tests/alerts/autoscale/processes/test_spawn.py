"""Processes are known by more than their id, and only what was started is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.autoscale.processes.leftovers import end_leftovers
from alerts.autoscale.processes.spawn import (
    MARK,
    ProcessIdentity,
    boot_id,
    identify,
    is_alive,
    marked,
    signal_process,
    spawn,
)
from alerts.autoscale.processes.state_file import FleetState, ReplicaRecord, StateDirectory

SLEEP = ["sleep", "60"]
ROOT = Path(__file__).parents[4]
NOBODY = ProcessIdentity(1, 0)


@contextlib.contextmanager
def sleeping(**environment: str) -> Iterator[ProcessIdentity]:
    """A process of ours that does nothing."""
    with subprocess.Popen(SLEEP, env={**os.environ, **environment}) as process:
        identity = identify(process.pid)
        assert identity is not None
        try:
            yield identity
        finally:
            process.kill()


def has_ended(process: ProcessIdentity) -> bool:
    """Whether it ends within a moment; a killed child of ours stays as a zombie, which counts as ended."""
    for _ in range(200):
        if not is_alive(process):
            return True
        time.sleep(0.01)
    return False


def test_a_process_is_known_by_id_and_start_time():
    me = identify(os.getpid())
    assert me is not None
    assert is_alive(me)
    assert not is_alive(ProcessIdentity(me.pid, me.start_ticks + 1))


def test_an_id_that_nobody_has_is_nobody():
    with sleeping() as process:
        pass
    assert identify(process.pid) is None
    assert not signal_process(process, signal.SIGKILL)


def test_a_process_with_a_reused_id_is_not_signalled():
    with sleeping() as process:
        assert not signal_process(ProcessIdentity(process.pid, process.start_ticks - 1), signal.SIGKILL)
        assert is_alive(process)
        assert signal_process(process, signal.SIGKILL)
        assert has_ended(process)


def test_a_marked_process_is_found_and_others_are_not():
    with sleeping(**{MARK: "ours"}) as ours, sleeping(**{MARK: "ours too"}):
        assert list(marked("ours")) == [ours]


@pytest.fixture
def directory(tmp_path):
    made = StateDirectory(tmp_path / "fleet")
    made.make()
    return made


def test_leftovers_are_ended_by_record_and_by_mark_and_nobody_else_is(directory):
    with sleeping() as recorded, sleeping(**{MARK: "m"}) as child, sleeping() as stranger:
        reused = ProcessIdentity(stranger.pid, stranger.start_ticks - 1)
        records = (ReplicaRecord(1, 9001, recorded), ReplicaRecord(2, 9002, reused))
        directory.write_state(FleetState(NOBODY, boot_id(), "m", records))
        assert end_leftovers(directory) == 2
        assert has_ended(recorded)
        assert has_ended(child)
        assert is_alive(stranger)


def test_a_record_from_before_the_machine_started_says_nothing(directory):
    with sleeping(**{MARK: "m"}) as process:
        directory.write_state(FleetState(NOBODY, "another boot", "m", (ReplicaRecord(1, 9001, process),)))
        assert end_leftovers(directory) == 0
        assert is_alive(process)


def test_without_a_record_nothing_is_ended(directory):
    assert end_leftovers(directory) == 0


def test_a_child_leads_a_group_of_its_own_and_its_output_is_one_stream():
    script = "import os, sys; print(os.getpgid(0) == os.getpid(), flush=True); print('error', file=sys.stderr)"
    with spawn([sys.executable, "-c", script], os.environ) as child:
        assert child.stdout is not None
        assert child.stdout.read() == b"True\nerror\n"


def test_a_child_dies_with_the_thread_that_started_it():
    """The keeper has one thread, so this is the keeper's end, whatever ends it."""
    script = (
        "import os, sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from alerts.autoscale.processes.spawn import spawn\n"
        "print(spawn(['sleep', '60'], os.environ).pid, flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(ROOT)], stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout is not None
        child = identify(int(keeper.stdout.readline()))
        assert child is not None
        keeper.kill()
    assert has_ended(child)
