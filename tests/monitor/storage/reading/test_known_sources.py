"""What is known of small sources is what a reader would see if it looked at them anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from manual_clock import ManualClock

from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.model.matchers import Matcher, MatchOp
from monitor.model.samples import ABSENT
from monitor.storage.interfaces import Reader, Selection
from monitor.storage.journal.slab_reader import SlabReaders
from monitor.storage.reading.head_sections import HeadSections
from monitor.storage.reading.known_sources import KnownSources, RecentSources, TimeSpan
from monitor.storage.reading.resolve import ResolveCache, Resolved
from monitor.storage.reading.source_parts import HeadView
from monitor.storage.store import Store, StoreSettings

UP = (Matcher("__name__", MatchOp.EQUAL, "up"),)
SOURCES = 4
TIME = TimeSpan(0, 9_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Each source has `up` and `load`: 0 and 1 at 1 s, 10 and 11 at 2 s."""
    opened = Store(tmp_path, StoreSettings(), ManualClock(now_ms=0))
    sources = [opened.open_source(f"source {number}") for number in range(SOURCES)]
    for number, source in enumerate(sources):
        names = [Labels({"__name__": name, "instance": str(number)}) for name in ("up", "load")]
        source.set_layout(LabelFrame.of(names))
        append(opened, number, 1_000, 0.0)
        append(opened, number, 2_000, 10.0)
    yield opened
    opened.close()


def append(store: Store, number: int, at_ms: int, value: float) -> None:
    store.open_source(f"source {number}").append_row(at_ms, np.array([value, value + 1]))


def samples(selection: Selection) -> dict[str, list[tuple[int, float]]]:
    """By instance."""
    return {
        selection.labels.labels(int(row))["instance"]: list(zip(stripe.timestamps_ms.tolist(), values, strict=True))
        for stripe in selection.stripes
        for row, values in zip(stripe.rows.tolist(), stripe.values.tolist(), strict=True)
    }


def selected(reader: Reader, start_ms: int = 0, end_ms: int = 9_000) -> dict[str, list[tuple[int, float]]]:
    return samples(reader.select(UP, start_ms, end_ms))


def asked(store: Store, start_ms: int = 0, end_ms: int = 9_000) -> dict[str, list[tuple[int, float]]]:
    with store.reader() as reader:
        return selected(reader, start_ms, end_ms)


BEFORE = [(1_000, 0.0), (2_000, 10.0)]


def test_a_new_row_of_one_source_is_seen_beside_what_is_known_of_the_others(store: Store) -> None:
    assert asked(store) == {str(number): BEFORE for number in range(SOURCES)}
    append(store, 2, 3_000, 20.0)

    assert asked(store) == {"0": BEFORE, "1": BEFORE, "2": [*BEFORE, (3_000, 20.0)], "3": BEFORE}


def test_another_time_is_another_part_of_what_is_known(store: Store) -> None:
    asked(store)

    assert asked(store, 2_000, 2_000) == {str(number): [(2_000, 10.0)] for number in range(SOURCES)}
    assert asked(store, 3_000, 9_000) == {}


def test_a_reader_does_not_see_rows_that_came_after_it_began(store: Store) -> None:
    with store.reader() as early:
        append(store, 1, 3_000, 20.0)
        assert asked(store)["1"] == [*BEFORE, (3_000, 20.0)]

        assert selected(early)["1"] == BEFORE
    assert asked(store)["1"] == [*BEFORE, (3_000, 20.0)]


def test_rows_on_their_way_into_slabs_and_in_them_stay_known_once(store: Store) -> None:
    asked(store)
    with store.head.state.lock:
        store.open_source("source 3").give_up_chunks()
    assert asked(store)["3"] == BEFORE

    store.committer.commit_once()
    append(store, 3, 3_000, 20.0)

    assert asked(store)["3"] == [*BEFORE, (3_000, 20.0)]
    assert asked(store, 3_000, 9_000) == {"3": [(3_000, 20.0)]}


def test_a_sample_that_fills_a_gap_is_seen(store: Store) -> None:
    append(store, 0, 3_000, ABSENT)
    assert asked(store)["0"][:2] == BEFORE
    append(store, 0, 3_000, 20.0)

    assert asked(store)["0"] == [*BEFORE, (3_000, 20.0)]


def test_a_late_row_is_seen(store: Store) -> None:
    asked(store)
    append(store, 0, 1_500, 5.0)

    assert asked(store)["0"] == [(1_000, 0.0), (1_500, 5.0), (2_000, 10.0)]


def test_cut_chunks_are_known_as_long_as_the_time_asked_for_reaches_the_same_ones(store: Store) -> None:
    for number in range(SOURCES):
        with store.head.state.lock:
            store.open_source(f"source {number}").give_up_chunks()
        append(store, number, 3_000, 20.0)
    store.committer.commit_once()
    whole = [*BEFORE, (3_000, 20.0)]

    assert asked(store) == asked(store) == {str(number): whole for number in range(SOURCES)}
    assert asked(store, 2_000, 8_000)["1"] == whole[1:]
    assert asked(store, 2_500, 8_000)["1"] == whole[2:]
    assert asked(store, 2_000, 2_500)["1"] == whole[1:2]


def test_what_was_sealed_meanwhile_is_read_from_its_block(store: Store) -> None:
    assert asked(store)["1"] == BEFORE
    store.maintenance.seal(store.settings.head.block_span_ms)
    assert store.blocks()

    assert asked(store) == asked(store) == {str(number): BEFORE for number in range(SOURCES)}


def test_a_source_goes_on_in_the_head_after_a_block(store: Store) -> None:
    store.maintenance.seal(store.settings.head.block_span_ms)
    for number in range(SOURCES):
        append(store, number, store.settings.head.block_span_ms, 20.0)
    whole = [*BEFORE, (store.settings.head.block_span_ms, 20.0)]
    assert asked(store, 0, 10**7) == {str(number): whole for number in range(SOURCES)}
    append(store, 2, 10**7, 30.0)

    found = asked(store, 0, 10**7)

    assert (found["1"], found["2"]) == (whole, [*whole, (10**7, 30.0)])
    assert asked(store, 1_500, 10**7)["3"] == whole[1:]


def view_of(store: Store) -> HeadView:
    return HeadView(store.head.state.sources, store.head.state.serial, store.readers.sealed.chunk_ids)


def known_after_a_look(store: Store, resolved: Resolved) -> KnownSources:
    view, head = view_of(store), HeadSections(SlabReaders(store.directory.journal), store.cache)
    nothing = KnownSources.nothing(resolved, view)
    parts = nothing.changed(resolved.sources, view, TIME)
    known, rest = nothing.renewed(resolved, parts, view, TIME, head, store.cache)
    assert not rest
    return known


def test_only_so_many_bytes_are_kept(store: Store) -> None:
    first, second = (ResolveCache(1).get(UP, store.head.state.table, ()) for _ in range(2))
    known, view = known_after_a_look(store, first), view_of(store)
    recent = RecentSources(known.size_bytes)

    recent.keep(first, TIME, known)
    assert recent.get(first, TIME, view) is known
    recent.keep(second, TIME, known)

    assert recent.get(second, TIME, view) is known
    assert recent.get(first, TIME, view).together is None


def test_more_than_a_reader_may_see_is_nothing_to_it(store: Store) -> None:
    resolved = ResolveCache(1).get(UP, store.head.state.table, ())
    known, view = known_after_a_look(store, resolved), view_of(store)
    recent = RecentSources(known.size_bytes)
    recent.keep(resolved, TIME, known)

    assert recent.get(resolved, TIME, view._replace(serial=view.serial - 1)).together is None
    assert recent.get(resolved, TIME, view._replace(sealed=frozenset([1]))).together is None


def test_samples_deleted_after_a_query_stay_away_when_their_tombstone_is_gone(store: Store) -> None:
    assert asked(store)["2"] == BEFORE

    store.delete_series([(*UP, Matcher("instance", MatchOp.EQUAL, "2"))], 0, 9_000)
    store.maintenance.run(0)

    assert store.tombstones.entries == ()
    assert np.isnan(asked(store)["2"]).all(axis=0).tolist() == [False, True]


def test_nothing_is_known_for_other_times_of_a_source_with_a_chunk_on_its_way_to_slabs(store: Store) -> None:
    source = store.open_source("source 2")
    source.give_up_chunks()
    append(store, 2, 15_000, 30.0)
    assert source.cutting

    parts = view_of(store).parts(source.source_id, 14_000, 20_000)

    assert len(parts.memory) == 1
    assert not parts.reach.covers(14_000, 20_000)
    assert not parts.reach.covers(1_500, 7_500)
