"""The log tail, the targets file and the state directory."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.autoscale.processes.log_tail import LogTail
from alerts.autoscale.processes.settings import FleetSettings
from alerts.autoscale.processes.spawn import ProcessIdentity
from alerts.autoscale.processes.state_file import FleetState, ReplicaRecord, StateDirectory
from alerts.autoscale.processes.targets_file import targets_text, write_targets

SETTINGS = FleetSettings("web", ("serve", "{port}"), "127.0.0.1", 80, (9001, 9002))


@pytest.fixture
def directory(tmp_path):
    made = StateDirectory(tmp_path / "fleet")
    made.make()
    return made


def test_a_short_log_is_kept_whole():
    tail = LogTail(100)
    tail.write(b"one\ntwo\n")
    assert tail.text() == "one\ntwo\n"


def test_a_long_log_begins_with_a_whole_line():
    tail = LogTail(10)
    for number in range(100):
        tail.write(b"line %d\n" % number)
    assert tail.text() == "line 99\n"


@settings(deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=30))
def test_a_tail_is_the_end_of_what_was_written_and_bounded(writes):
    tail = LogTail(20)
    for data in writes:
        tail.write(data)
    text = b"".join(writes)
    if len(text) <= 20:
        assert tail.text() == text.decode("utf-8", "replace")
    else:
        assert tail.text() == text[-20:].partition(b"\n")[2].decode("utf-8", "replace")


def test_replicas_are_listed_as_prometheus_reads_them(tmp_path):
    path = tmp_path / "sd" / "targets.json"
    write_targets(path, "web", [(2, 9002), (1, 9001)])
    assert json.loads(path.read_text()) == [
        {"targets": ["127.0.0.1:9001"], "labels": {"policy": "web", "replica": "1"}},
        {"targets": ["127.0.0.1:9002"], "labels": {"policy": "web", "replica": "2"}},
    ]
    assert [entry.name for entry in path.parent.iterdir()] == ["targets.json"]


def test_no_replicas_are_an_empty_list():
    assert json.loads(targets_text("web", [])) == []


def test_settings_and_state_survive_on_disk(directory):
    state = FleetState(ProcessIdentity(1, 2), "boot", "mark", (ReplicaRecord(1, 9001, ProcessIdentity(3, 4)),))
    directory.write_settings(SETTINGS)
    directory.write_state(state)
    assert directory.read_settings() == SETTINGS
    assert directory.read_state() == state


def test_no_state_and_an_unreadable_one_are_none(directory):
    assert directory.read_state() is None
    (directory.path / "fleet.json").write_text("{")
    assert directory.read_state() is None


def test_there_is_one_lock(directory):
    with directory.lock() as held:
        assert held is not None
        assert directory.lock() is None
    with directory.lock() as again:
        assert again is not None


def test_the_directory_is_for_its_owner_only(directory):
    assert directory.path.stat().st_mode & 0o077 == 0


def test_a_digest_differs_where_settings_do():
    assert SETTINGS.digest() == FleetSettings("web", ("serve", "{port}"), "127.0.0.1", 80, (9001, 9002)).digest()
    assert SETTINGS.digest() != FleetSettings("web", ("other",), "127.0.0.1", 80, (9001, 9002)).digest()
