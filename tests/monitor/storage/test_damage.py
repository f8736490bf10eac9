"""A flipped bit is found, named, and moved aside, and everything else keeps answering."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from stored_samples import Samples, append_rows, equal, open_store, seal_all, stored_samples

from monitor.clock import SystemClock
from monitor.errors import CorruptData
from monitor.model.frame import Frame
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits
from monitor.storage.blocks.block_writer import POSTED_SERIES_MIN
from monitor.storage.interfaces import Selection
from monitor.storage.tools.repair import repair
from monitor.storage.tools.verify import FaultKind, verify_block, verify_journal

METRICS = ("a_total", "b_total", "c_total")
SERIES = [{"__name__": name, "path": str(path)} for name in METRICS for path in range(4)]


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Path, Samples]:
    """A closed store with a block and a journal, and what is in it."""
    root = tmp_path / "whole"
    store = open_store(root)
    append_rows(store, "target", SERIES, 0, 100)
    seal_all(store)
    append_rows(store, "target", SERIES, 100, 130)
    store.committer.commit_once()
    samples = stored_samples(store)
    store.close()
    return root, samples


@pytest.fixture
def posted(tmp_path: Path) -> tuple[Path, Samples]:
    """A closed store with a block of so many series that it has postings."""
    root = tmp_path / "posted"
    store = open_store(root)
    append_rows(store, "target", SERIES, 0, 30)
    append_rows(store, "many", [{"__name__": "many", "path": str(path)} for path in range(POSTED_SERIES_MIN)], 0, 2)
    seal_all(store)
    samples = stored_samples(store)
    store.close()
    return root, samples


def the_block(root: Path) -> Path:
    (path,) = (root / "blocks").glob("*.sqlite")
    return path


def damage(path: Path, table: str, column: str, key: str) -> int:
    """Flips a bit of the first blob of a column; the key of its row."""
    database = sqlite3.connect(path)
    number, blob = database.execute(f"SELECT {key}, {column} FROM {table} ORDER BY {key} LIMIT 1").fetchone()
    flipped = bytes([blob[0] ^ 4, *blob[1:]])
    database.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (flipped, number))
    database.commit()
    database.execute("PRAGMA journal_mode = DELETE")
    database.close()
    return int(number)


def read_all(selection: Selection) -> None:
    for stripe in selection.stripes:
        stripe.read()


def test_a_query_that_meets_damage_answers_from_the_rest_with_a_warning(whole: tuple[Path, Samples]) -> None:
    root, _ = whole
    slab_id = damage(the_block(root), "slabs", "data", "slab_id")
    store, engine = open_store(root), Engine(QueryLimits(), Features(), SystemClock())
    with store.reader() as reader:
        result = engine.range(engine.plan("{__name__=~'[ab]_total'}"), 0, 100_000, 1_000, reader)
    assert [f"slab {slab_id} does not match" in warning for warning in result.warnings] == [True]
    assert isinstance(result.value, Frame)
    assert {labels["__name__"] for labels in result.value.labels.all_labels()} >= {"b_total"}
    store.close()


def test_what_is_whole_has_no_faults(whole: tuple[Path, Samples]) -> None:
    root, _ = whole
    assert list(verify_block(the_block(root))) == []
    assert list(verify_journal(root / "journal.sqlite")) == []
    assert repair(root) == []


def test_a_damaged_slab_is_left_out_of_an_answer_with_a_warning(whole: tuple[Path, Samples]) -> None:
    root, samples = whole
    slab_id = damage(the_block(root), "slabs", "data", "slab_id")
    store = open_store(root)
    with store.reader() as reader:
        with pytest.raises(CorruptData):
            read_all(reader.select(equal("__name__", "a_total"), 0, 2**50))
        first = reader.select(equal("__name__", "a_total"), 0, 2**50)
        others = reader.select(equal("__name__", "b_total"), 0, 2**50)
    assert [f"slab {slab_id} does not match" in warning for warning in first.warnings] == [True]
    assert others.warnings == ()
    left = stored_samples(store)
    assert left.items() <= samples.items()
    assert {labels["__name__"] for labels, _ in samples.keys() - left.keys()} == {"a_total"}
    assert (store.damages.encounters, len(store.damages.places)) == (3, 1)
    store.close()


@pytest.mark.parametrize(
    ("table", "column", "key", "kind"),
    [
        ("slabs", "data", "slab_id", FaultKind.SLAB),
        ("vectors", "data", "vector_id", FaultKind.VECTOR),
        ("labels", "data", "first_series", FaultKind.INDEX),
        ("sources", "first_series", "source_id", FaultKind.INDEX),
    ],
)
def test_verify_names_the_damage_and_repair_keeps_the_rest(
    whole: tuple[Path, Samples], table: str, column: str, key: str, kind: FaultKind
) -> None:
    root, samples = whole
    path = the_block(root)
    if table == "sources":
        database = sqlite3.connect(path)
        database.execute("UPDATE sources SET first_series = 1")
        database.commit()
        database.close()
    else:
        damage(path, table, column, key)
    assert {fault.kind for fault in verify_block(path)} == {kind}
    (done,) = repair(root)
    assert done.quarantined == root / "quarantine" / path.name
    assert done.quarantined.exists()
    assert all(not list(verify_block(each)) for each in (root / "blocks").iterdir())
    store = open_store(root)
    left = stored_samples(store)
    assert left.items() <= samples.items()
    assert len(left) >= 30 * len(SERIES)
    store.close()


def test_a_damaged_posting_is_named_and_repaired_without_a_loss(posted: tuple[Path, Samples]) -> None:
    root, samples = posted
    path = the_block(root)
    damage(path, "postings", "series", "length(value)")
    assert {fault.kind for fault in verify_block(path)} == {FaultKind.INDEX}
    repair(root)
    store = open_store(root)
    assert stored_samples(store) == samples
    store.close()


def test_a_block_that_is_no_database_is_moved_aside_at_the_start(whole: tuple[Path, Samples]) -> None:
    root, _ = whole
    path = the_block(root)
    path.write_bytes(b"nonsense" * 100)
    store = open_store(root)
    assert len(stored_samples(store)) == 30 * len(SERIES)
    assert (root / "quarantine" / path.name).exists()
    assert store.damages.quarantined == 1
    store.close()


def test_a_running_store_mends_a_block_with_a_damaged_index(posted: tuple[Path, Samples]) -> None:
    root, samples = posted
    path = the_block(root)
    damage(path, "postings", "series", "length(value)")
    store = open_store(root)
    for name in METRICS:
        for posting in ("0", "1", "2", "3"):
            stored_samples(store, (*equal("__name__", name), *equal("path", posting)))
    assert any(block.damage for block in store.blocks())
    store.maintenance.run(0)
    assert stored_samples(store) == samples
    assert (root / "quarantine" / path.name).exists()
    store.close()


def test_a_merge_leaves_a_damaged_slab_out_and_moves_its_block_aside(whole: tuple[Path, Samples]) -> None:
    root, samples = whole
    path = the_block(root)
    damage(path, "slabs", "data", "slab_id")
    store = open_store(root)
    seal_all(store)
    left = stored_samples(store)
    assert 0 < len(samples) - len(left) <= 100 * 4
    assert (root / "quarantine" / path.name).exists()
    with store.reader() as reader:
        assert reader.select((), 0, 2**50).warnings == ()
    store.close()


@pytest.mark.parametrize(
    ("table", "column", "key"),
    [("slabs", "data", "slab_id"), ("cut_chunks", "timestamps", "chunk_id"), ("entries", "rows", "sequence")],
)
def test_a_damaged_journal_is_named_and_repaired(
    whole: tuple[Path, Samples], table: str, column: str, key: str
) -> None:
    root, samples = whole
    damage(root / "journal.sqlite", table, column, key)
    (fault,) = verify_journal(root / "journal.sqlite")
    assert "does not match its checksum" in str(fault)
    (done,) = repair(root)
    assert done.quarantined.exists()
    store = open_store(root)
    left = stored_samples(store)
    assert left.items() < samples.items()
    seal_all(store)
    assert stored_samples(store) == left
    store.close()


def test_a_damaged_journal_entry_stops_the_start_and_says_where(whole: tuple[Path, Samples]) -> None:
    root, _ = whole
    sequence = damage(root / "journal.sqlite", "entries", "rows", "sequence")
    with pytest.raises(CorruptData, match=f"entry {sequence} does not match"):
        open_store(root)


def test_any_flipped_bit_is_found_or_changes_no_answer(whole: tuple[Path, Samples], tmp_path: Path) -> None:
    root, samples = whole
    moments = random.Random(11)
    original = the_block(root).read_bytes()
    for attempt in range(60):
        copy = tmp_path / f"copy-{attempt}"
        shutil.copytree(root, copy)
        path = the_block(copy)
        place = moments.randrange(len(original) * 8)
        flipped = bytearray(original)
        flipped[place // 8] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        is_found = bool(list(verify_block(path)))
        store = open_store(copy)
        left = stored_samples(store)
        store.close()
        assert left.items() <= samples.items(), place
        assert is_found or left == samples, place
        shutil.rmtree(copy)
