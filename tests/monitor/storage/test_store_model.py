"""The store against a model that keeps every sample in a dict, over random histories with crashes in them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from manual_clock import ManualClock

from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.model.matchers import Matcher, MatchOp
from monitor.model.samples import ABSENT, STALE, is_absent
from monitor.storage.blocks.maintenance import MaintenanceSettings
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.store import Store, StoreSettings

SPAN_MS = 60_000
SETTINGS = StoreSettings(
    head=HeadSettings(chunk_rows_max=6, block_span_ms=SPAN_MS, rows_bytes=2**20),
    maintenance=MaintenanceSettings(seal_delay_ms=0, seal_quiet_ms=0, retention_ms=0),
)
SOURCES = ("a", "b")
NAMES = ("up", "requests_total", "latency_bucket")

series_sets = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 3)), min_size=1, max_size=6, unique=True)
values = st.sampled_from([0.0, -0.0, 1.5, float("inf"), float("nan"), STALE, 1e300])


def labels_of(source: str, series: tuple[str, int]) -> Labels:
    # Series of path 0 exist in both scraped sources: two sources of one series.
    owner = "" if series[1] == 0 and source in SOURCES else source
    return Labels({"__name__": series[0], "path": str(series[1]), "job": owner})


class StoreMachine(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.clock = ManualClock(now_ms=0)
        self.store = Store(self.root, SETTINGS, self.clock)
        self.model: dict[tuple[Labels, int], int] = {}
        self.now_ms = 10_000
        self.layouts: dict[str, list[Labels]] = {}
        self.rows = {name: self.store.open_source(name) for name in SOURCES}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.root)

    def remember(self, labels: Labels, timestamp_ms: int, value: float) -> None:
        bits = int(np.float64(value).view(np.uint64))
        if not is_absent(np.array([value]))[0]:
            self.model.setdefault((labels, timestamp_ms), bits)

    @rule(source=st.sampled_from(SOURCES), chosen=series_sets)
    def change_layout(self, source: str, chosen: list[tuple[str, int]]) -> None:
        layout = [labels_of(source, series) for series in chosen]
        self.rows[source].set_layout(LabelFrame.of(layout))
        self.ended = getattr(self, "ended", {})
        gone = [labels for labels in self.layouts.get(source, []) if labels not in layout]
        pending = [labels for labels in self.ended.get(source, []) if labels not in layout]
        self.ended[source] = list(dict.fromkeys([*pending, *gone]))
        self.layouts[source] = layout

    @rule(source=st.sampled_from(SOURCES), step_ms=st.integers(1, 9_000), data=st.data())
    def append_row(self, source: str, step_ms: int, data: st.DataObject) -> None:
        layout = self.layouts.get(source)
        if layout is None:
            return
        self.now_ms += step_ms
        row = np.array([data.draw(values) for _ in layout])
        self.rows[source].append_row(self.now_ms, row)
        for labels, value in zip(layout, row, strict=True):
            self.remember(labels, self.now_ms, value)
        for labels in self.ended.pop(source, []):
            self.remember(labels, self.now_ms, STALE)

    @rule(
        source=st.sampled_from(SOURCES),
        chosen=series_sets,
        age_ms=st.integers(-5_000, 150_000),
        steps=st.lists(st.integers(1, 20_000), min_size=1, max_size=8),
        holes=st.integers(0, 255),
    )
    def push_block(self, source: str, chosen: list[tuple[str, int]], age_ms: int, steps: list[int], holes: int) -> None:
        layout = [labels_of("pushed-" + source, series) for series in chosen]
        times = self.now_ms - age_ms + np.cumsum([0, *steps])[: len(steps)]
        times = times[times >= 0]
        if not len(times):
            return
        block = np.arange(len(times) * len(layout), dtype=float).reshape(len(times), -1)
        flat = block.reshape(-1)
        flat[[i for i in range(len(flat)) if holes >> (i % 8) & 1]] = ABSENT
        self.store.append("pushed-" + source, LabelFrame.of(layout), times.astype(np.int64), block)
        for t, row in zip(times.tolist(), block, strict=True):
            for labels, value in zip(layout, row, strict=True):
                self.remember(labels, t, value)

    @rule(
        name=st.sampled_from(NAMES),
        path=st.integers(0, 3),
        age_ms=st.integers(0, 150_000),
        span_ms=st.integers(0, 90_000),
    )
    def delete_series(self, name: str, path: int, age_ms: int, span_ms: int) -> None:
        start_ms, end_ms = self.now_ms - age_ms, self.now_ms - age_ms + span_ms
        selectors = ((Matcher("__name__", MatchOp.EQUAL, name),), (Matcher("path", MatchOp.EQUAL, str(path)),))
        self.store.delete_series(selectors, start_ms, end_ms)
        for labels, t in list(self.model):
            if start_ms <= t <= end_ms and (labels["__name__"] == name or labels.get("path") == str(path)):
                del self.model[labels, t]

    @rule()
    def clean_tombstones(self) -> None:
        self.store.clean_tombstones()

    @rule()
    def commit(self) -> None:
        self.store.committer.commit_once()

    @rule(advance_ms=st.integers(0, 2 * SPAN_MS))
    def maintain(self, advance_ms: int) -> None:
        self.now_ms += advance_ms
        self.store.maintenance.run(self.now_ms)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.reopen(self.root)

    @rule()
    def crash_after_a_commit(self) -> None:
        self.store.committer.commit_once()
        copy = Path(tempfile.mkdtemp())
        shutil.copytree(self.root, copy, dirs_exist_ok=True)
        self.store.close()
        shutil.rmtree(self.root)
        self.reopen(copy)

    def reopen(self, root: Path) -> None:
        self.root = root
        self.store = Store(root, SETTINGS, self.clock)
        self.rows = {name: self.store.open_source(name) for name in SOURCES}
        self.layouts, self.ended = {}, {}

    @invariant()
    def every_sample_is_there(self) -> None:
        if hasattr(self, "store"):
            stored = self.stored((), -(2**40), 2**50)
            assert dict(stored.items() - self.model.items()) == dict(self.model.items() - stored.items()) == {}

    @invariant()
    def a_part_of_it_is_selected(self) -> None:
        if not hasattr(self, "store"):
            return
        selector = (Matcher("__name__", MatchOp.REGEX, "up|requests_total"), Matcher("path", MatchOp.NOT_EQUAL, "1"))
        start_ms, end_ms = self.now_ms - 70_000, self.now_ms - 3_000
        expected = {
            (labels, t): bits
            for (labels, t), bits in self.model.items()
            if start_ms <= t <= end_ms and labels["__name__"] != "latency_bucket" and labels.get("path") != "1"
        }
        assert self.stored(selector, start_ms, end_ms) == expected

    def stored(self, selector: tuple[Matcher, ...], start_ms: int, end_ms: int) -> dict[tuple[Labels, int], int]:
        with self.store.reader() as reader:
            selection = reader.select(selector, start_ms, end_ms)
        all_labels = selection.labels.all_labels()
        assert len(set(all_labels)) == len(all_labels)
        found: dict[tuple[Labels, int], int] = {}
        seen: set[int] = set()
        for stripe in selection.stripes:
            assert seen.isdisjoint(stripe.rows.tolist())
            seen.update(stripe.rows.tolist())
            assert (np.diff(stripe.timestamps_ms) > 0).all()
            absent = is_absent(stripe.values)
            assert not (stripe.dense and absent.any())
            for i, j in zip(*np.nonzero(~absent), strict=True):
                key = all_labels[stripe.rows[i]], int(stripe.timestamps_ms[j])
                found[key] = int(stripe.values[i, j].view(np.uint64))
        return found


StoreMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, report_multiple_bugs=False
)
TestStoreModel = StoreMachine.TestCase
