"""What of a selection is found once and kept."""

from __future__ import annotations

from pathlib import Path

from stored_samples import SPAN_MS, append_rows, open_store

from monitor.storage.blocks.slab_cache import SlabCache
from monitor.storage.reading.resolve import resolve

SERIES = [{"__name__": "up", "job": job} for job in ("a", "b")]


def test_the_sections_of_a_block_are_found_once_while_time_moves_within_its_vectors(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append_rows(store, "target", SERIES, 0, 10)
    store.maintenance.seal(SPAN_MS)
    (match,) = resolve((), store.head.state.table, store.blocks()).blocks
    cache = SlabCache(1 << 20)

    before = [section.rows for _, section in match.sections(0, 5_000, cache)]
    after = [section.rows for _, section in match.sections(1_000, 6_000, cache)]

    assert len(before) == 1
    assert [id(rows) for rows in before] == [id(rows) for rows in after]
    assert list(match.sections(SPAN_MS, 2 * SPAN_MS, cache)) == []
    store.close()
