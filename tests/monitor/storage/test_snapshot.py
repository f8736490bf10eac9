"""A snapshot is the store at one moment, and a restored one gives the same answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import snapshot_child
from stored_samples import append_rows, equal, open_store, seal_all, stored_samples

from monitor.errors import BadRequest, CorruptData, NotFound
from monitor.storage.snapshot import restore, snapshot_names
from monitor.storage.store import Store

SERIES = [{"__name__": "up", "job": job} for job in ("a", "b")]


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "data")
    append_rows(opened, "target", SERIES, 0, 100)
    seal_all(opened)
    append_rows(opened, "target", SERIES, 100, 115)
    yield opened
    opened.close()


def folder(store: Store, name: str) -> Path:
    return store.directory.snapshots / name


def test_a_restored_snapshot_gives_the_same_answers(store: Store, tmp_path: Path) -> None:
    store.delete_series([equal("job", "a")], 5_000, 8_000)
    name = store.snapshot(1_767_323_045_000)
    expected = stored_samples(store)
    append_rows(store, "target", SERIES, 115, 120)
    assert name.startswith("20260102T030405Z-")
    restored = restore(folder(store, name), tmp_path / "new")
    assert restored.blocks == len(store.blocks())
    again = open_store(tmp_path / "new")
    assert stored_samples(again) == expected
    again.close()


def test_blocks_of_a_snapshot_cost_no_space(store: Store) -> None:
    name = store.snapshot(0)
    for block in store.blocks():
        assert (folder(store, name) / "blocks" / block.path.name).samefile(block.path)


def test_a_snapshot_outlives_what_it_was_taken_of(store: Store, tmp_path: Path) -> None:
    name = store.snapshot(0)
    expected = stored_samples(store)
    store.delete_series([equal("__name__", "up")], 0, 2**50)
    seal_all(store)
    store.clean_tombstones()
    restore(folder(store, name), tmp_path / "new")
    again = open_store(tmp_path / "new")
    assert stored_samples(again) == expected
    again.close()


def test_without_the_head_only_blocks_are_copied(store: Store, tmp_path: Path) -> None:
    name = store.snapshot(0, with_head=False)
    restore(folder(store, name), tmp_path / "new")
    again = open_store(tmp_path / "new")
    assert max(time for _, time in stored_samples(again)) == 99_000
    again.close()


def test_only_an_empty_directory_is_restored_to(store: Store, tmp_path: Path) -> None:
    name = store.snapshot(0)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "file").touch()
    with pytest.raises(BadRequest, match="want an empty or a new directory"):
        restore(folder(store, name), tmp_path / "new")
    with pytest.raises(NotFound, match="want a folder that plimsoll snapshot made"):
        restore(tmp_path / "nothing", tmp_path / "other")


@pytest.mark.parametrize("how", ["flipped", "shortened", "missing", "manifest"])
def test_a_damaged_snapshot_restores_nothing(store: Store, tmp_path: Path, how: str) -> None:
    snapshot = folder(store, store.snapshot(0))
    path = next((snapshot / "blocks").iterdir())
    content = path.read_bytes()
    path.unlink()
    place = content.index(b"pco!") + 10 if b"pco!" in content else len(content) // 2
    if how == "flipped":
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    elif how == "shortened":
        path.write_bytes(content[:-1])
    elif how == "manifest":
        path.write_bytes(content)
        (snapshot / "manifest.json").write_text("{}")
    with pytest.raises(CorruptData):
        restore(snapshot, tmp_path / "new")
    assert not (tmp_path / "new").exists() or not list((tmp_path / "new").iterdir())


@pytest.mark.parametrize("step", ["snapshot: blocks linked", "snapshot: files written", "snapshot: named"])
def test_a_kill_at_any_step_leaves_only_whole_snapshots(tmp_path: Path, step: str) -> None:
    root = tmp_path / "data"
    paths = [str(Path(__file__).parents[3]), str(Path(snapshot_child.__file__).parent)]
    child = subprocess.run(
        [sys.executable, snapshot_child.__file__, str(root), step, "4"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    told = [line.split()[1] for line in child.stdout.splitlines()]
    names = snapshot_names(list((root / "snapshots").iterdir()))
    assert names[:3] == told
    assert len(names) == (4 if step == "snapshot: named" else 3)
    for number, name in enumerate(names):
        restore(root / "snapshots" / name, tmp_path / f"new-{number}")
        again = open_store(tmp_path / f"new-{number}")
        assert len(stored_samples(again)) == (number + 1) * 10 * len(snapshot_child.SERIES)
        again.close()
    store = open_store(root)
    store.snapshot(60_000)
    assert not list((root / "snapshots").glob("*.tmp"))
    store.close()
