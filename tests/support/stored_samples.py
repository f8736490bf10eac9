"""Small stores with known samples, and everything a store holds as one dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from manual_clock import ManualClock

from monitor.errors import CorruptData
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.model.matchers import Matcher, MatchOp
from monitor.model.samples import is_absent
from monitor.storage.blocks.maintenance import MaintenanceSettings
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.interfaces import Selection
from monitor.storage.store import Store, StoreSettings

SPAN_MS = 60_000
INTERVAL_MS = 1_000
Samples = dict[tuple[Labels, int], int]
"""The bits of each value, by series and time."""


def settings_of(**maintenance: object) -> StoreSettings:
    """Spans of a minute, sealed at once, kept for good unless said otherwise."""
    given = {"seal_delay_ms": 0, "seal_quiet_ms": 0, "retention_ms": 0, "idle_ms": 45_000, **maintenance}
    return StoreSettings(
        head=HeadSettings(chunk_rows_max=20, block_span_ms=SPAN_MS),
        maintenance=MaintenanceSettings(**given),  # type: ignore[arg-type]
    )


def open_store(root: Path, settings: StoreSettings | None = None) -> Store:
    return Store(root, settings or settings_of(), ManualClock(now_ms=0))


def append_rows(store: Store, source: str, series: Sequence[Mapping[str, str]], first: int, end: int) -> None:
    """Rows `first` to `end`, the latter not included, a second apart; series s has 1000 * row + s."""
    times = np.arange(first, end) * INTERVAL_MS
    values = np.arange(first, end)[:, None] * 1000.0 + np.arange(len(series))
    store.append(source, LabelFrame.of(series), times, values)


def seal_all(store: Store, now_ms: int = 2**50) -> None:
    """Makes blocks of everything, and merges them."""
    with store.head.state.lock:
        for source in store.head.state.sources.values():
            source.give_up_chunks()
    store.maintenance.run(now_ms)


def stored_samples(store: Store, selector: tuple[Matcher, ...] = ()) -> Samples:
    with store.reader() as reader:
        try:
            return samples_of(reader.select(selector, -(2**62), 2**62))
        except CorruptData:  # it is known now, and passed over
            return samples_of(reader.select(selector, -(2**62), 2**62))


def samples_of(selection: Selection) -> Samples:
    labels = selection.labels.all_labels()
    return {
        (labels[stripe.rows[i]], int(stripe.timestamps_ms[j])): int(stripe.values[i, j].view(np.uint64))
        for stripe in selection.stripes
        for i, j in zip(*np.nonzero(~is_absent(stripe.values)), strict=True)
    }


def equal(name: str, value: str) -> tuple[Matcher, ...]:
    return (Matcher(name, MatchOp.EQUAL, value),)
