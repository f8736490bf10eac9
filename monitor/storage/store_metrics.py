"""What the store says of itself under /metrics."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from monitor.storage.store import Store


class StoreCollector:
    """A prometheus_client collector over the store's own counts, read when somebody asks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        head = self._store.head.stats()
        blocks = [block.meta for block in self._store.blocks()]
        commits, cache = self._store.committer.stats, self._store.cache
        yield _gauge("head_series", "Series with samples that are in no block yet.", head.series)
        yield _gauge("head_chunks", "Chunks that are in no block yet.", head.chunks)
        yield _gauge("head_rows", "Rows in memory: scrapes, of any number of series each.", head.rows)
        yield _gauge("head_min_time_seconds", "Oldest sample that is in no block yet.", head.min_ms / 1000)
        yield _gauge("head_max_time_seconds", "Newest sample.", head.max_ms / 1000)
        yield _gauge("blocks", "Sealed blocks.", len(blocks))
        yield _gauge("block_samples", "Samples in sealed blocks.", sum(meta.samples for meta in blocks))
        yield _gauge("full", "1 while the disk takes no more and samples are refused.", self._store.head.state.is_full)
        yield _counter("commits", "Commits to the journal.", commits.commits)
        yield _counter("failed_commits", "Commits that the disk did not take.", commits.failed)
        yield _counter("journal_entry_bytes", "Bytes of rows written to the journal.", commits.entry_bytes)
        yield _counter("slab_bytes", "Bytes of slabs written to the journal.", commits.slab_bytes)
        yield _counter("cut_chunks", "Chunks that became slabs.", commits.cut_chunks)
        yield _gauge("slab_cache_bytes", "Decoded slabs kept for queries.", cache.bytes)
        yield _counter("slab_cache_hits", "Slabs that a query found decoded.", cache.hits)
        yield _gauge(
            "tombstones", "Deletions that some block has not applied yet.", len(self._store.tombstones.entries)
        )
        damages = self._store.damages
        yield _counter(
            "damage_encounters", "How often damaged data was left out of an answer or a block.", damages.encounters
        )
        yield _gauge("damaged_places", "Damaged places met since the start.", len(damages.places))
        yield _counter("quarantined_files", "Damaged files moved aside.", damages.quarantined)
        yield _counter("slab_cache_misses", "Slabs that a query had to decode.", cache.misses)


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"plimsoll_storage_{name}", help_text, value=float(value))


def _counter(name: str, help_text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"plimsoll_storage_{name}", help_text, value=float(value))
