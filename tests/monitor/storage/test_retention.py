"""What is kept for how long: by age, by series, by size."""

from __future__ import annotations

from pathlib import Path

import pytest
from stored_samples import INTERVAL_MS, SPAN_MS, append_rows, equal, open_store, seal_all, settings_of, stored_samples

from monitor.storage.blocks.retention import RetentionRule
from monitor.storage.store import Store

SERIES = [{"__name__": "up", "job": "gc"}, {"__name__": "up", "job": "web"}, {"__name__": "slo"}]
ROWS_PER_SPAN = SPAN_MS // INTERVAL_MS
SPANS = 4


def filled(root: Path, **maintenance: object) -> Store:
    store = open_store(root, settings_of(**maintenance))
    for span in range(SPANS):
        append_rows(store, "target", SERIES, span * ROWS_PER_SPAN, (span + 1) * ROWS_PER_SPAN)
        # Not late enough for a merge of the day.
        seal_all(store, (span + 1) * SPAN_MS)
    return store


def first_rows(store: Store) -> dict[str, int]:
    """By job or name of a series, its oldest row."""
    rows: dict[str, int] = {}
    for labels, time in stored_samples(store):
        name = labels.get("job") or labels["__name__"]
        rows[name] = min(rows.get(name, 10**9), time // INTERVAL_MS)
    return rows


def test_without_a_limit_everything_is_kept(tmp_path: Path) -> None:
    store = filled(tmp_path)
    assert first_rows(store) == {"gc": 0, "web": 0, "slo": 0}
    store.close()


def test_blocks_older_than_the_limit_are_deleted(tmp_path: Path) -> None:
    store = filled(tmp_path, retention_ms=SPAN_MS)
    assert first_rows(store) == {"gc": 120, "web": 120, "slo": 120}
    assert len(list((tmp_path / "blocks").iterdir())) == len(store.blocks()) == 2
    store.close()


def test_a_rule_drops_its_series_earlier_and_another_keeps_them_longer(tmp_path: Path) -> None:
    rules = (RetentionRule(equal("job", "gc"), SPAN_MS // 2), RetentionRule(equal("__name__", "slo"), 0))
    store = filled(tmp_path, retention_ms=SPAN_MS, retention_rules=rules)
    assert first_rows(store) == {"gc": 180, "web": 120, "slo": 0}
    assert all(not len(block.select(equal("job", "gc"))) for block in store.blocks()[:-1])
    store.close()


def test_the_first_rule_that_matches_a_series_counts(tmp_path: Path) -> None:
    rules = (RetentionRule(equal("job", "gc"), 0), RetentionRule(equal("__name__", "up"), 1))
    store = filled(tmp_path, retention_rules=rules)
    assert first_rows(store) == {"gc": 0, "web": 180, "slo": 0}
    store.close()


def test_the_oldest_blocks_go_when_all_together_are_too_large(tmp_path: Path) -> None:
    store = filled(tmp_path, retention_ms=10 * SPAN_MS)
    store.close()
    sizes = sum(path.stat().st_size for path in (tmp_path / "blocks").iterdir())
    limit = store.directory.journal_bytes() + sizes // 2
    store = open_store(tmp_path, settings_of(retention_ms=10 * SPAN_MS, retention_bytes=limit))
    store.maintenance.run(SPANS * SPAN_MS)
    assert set(first_rows(store).values()) == {120}
    store.close()


@pytest.mark.parametrize("now_ms", [SPANS * SPAN_MS, 2**50])
def test_a_wrong_clock_deletes_nothing(tmp_path: Path, now_ms: int) -> None:
    store = filled(tmp_path, retention_ms=10 * SPAN_MS)
    store.maintenance.run(now_ms)
    assert set(first_rows(store).values()) == {0}
    store.close()


def test_a_sample_from_the_future_deletes_nothing(tmp_path: Path) -> None:
    store = filled(tmp_path, retention_ms=10 * SPAN_MS)
    append_rows(store, "other", SERIES[:1], 10**9, 10**9 + 1)
    seal_all(store, SPANS * SPAN_MS)
    store.maintenance.seal(store.head.state.span_end_ms(10**12))
    store.maintenance.run(SPANS * SPAN_MS)
    assert first_rows(store)["web"] == 0
    store.close()
