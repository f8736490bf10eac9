"""From the bodies of one target to rows in the store: the part of a scrape that does no waiting."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from prometheus_client import CollectorRegistry

from monitor.errors import ExpositionError, ScrapeError, ScrapeFailure
from monitor.model.samples import ABSENT, STALE, Values
from monitor.scrape.exposition.content_type import format_of
from monitor.scrape.exposition.exposition_grammar import PROMETHEUS_TEXT, ExpositionFormat
from monitor.scrape.exposition.parse_exposition import FamilyMetadata
from monitor.scrape.layouts.family_layout import FamilyLayoutBuilder
from monitor.scrape.layouts.layout import Layout
from monitor.scrape.layouts.layout_builder import LayoutBuilder
from monitor.scrape.layouts.layout_cache import ExpositionReader, LayoutTable
from monitor.scrape.layouts.layout_change import LayoutChange
from monitor.scrape.layouts.series_map import SeriesMap, map_series
from monitor.scrape.report_series import ReportFrames, new_report_frames
from monitor.scrape.scrape_metrics import ScrapeMetrics, new_scrape_metrics
from monitor.scrape.stamped_series import StampedSeries
from monitor.scrape.target import Target
from monitor.storage.interfaces import Appender, RowStore

logger = logging.getLogger(__name__)

_OTHER_LINES_MAX = 10_000
_TOO_LARGE_BODY_BYTES = -1
"""What scrape_body_size_bytes says where the body size limit was exceeded, as upstream."""


@dataclass(frozen=True, slots=True)
class ScrapeResources:
    """Where the samples of all targets go, and what the targets share on the way."""

    rows: RowStore
    stamped: Appender
    layouts: LayoutTable
    reports: ReportFrames
    metrics: ScrapeMetrics


def new_scrape_resources(rows: RowStore, stamped: Appender, registry: CollectorRegistry) -> ScrapeResources:
    """Those of a whole service: `stamped` takes what comes with timestamps of its own, `rows` everything else."""
    return ScrapeResources(rows, stamped, LayoutTable(), new_report_frames(), new_scrape_metrics(registry))


@dataclass(frozen=True, slots=True)
class TargetLimits:
    """What holds for targets whose job sets no limit of its own."""

    body_bytes_max: int
    series_max: int

    def lines_max(self, series_limit: int) -> int:
        """How many lines a body may have: a new layout takes up to 1 kB of memory a line while it is made."""
        return 2 * (series_limit or self.series_max) + _OTHER_LINES_MAX


@dataclass(frozen=True, slots=True)
class _Refused:
    """A layout whose series are over a limit: it need not be worked out again at every scrape."""

    layout: Layout
    failure: ScrapeFailure
    message: str


class TargetRows:
    """Reads bodies and appends rows, for one target.

    `samples_scraped` and `samples_kept` (after metric relabelling) describe the body that was read last. `_mapped` is
    the map of the reader's layout, `_stored` the one that rows are appended under: a body that is refused is not
    stored. `_is_live` tells whether the last row had samples in it.
    """

    def __init__(self, target: Target, resources: ScrapeResources, limits: TargetLimits) -> None:
        self._target = target
        self._resources = resources
        self._series_max = limits.series_max
        self._lines_max = limits.lines_max(target.config.limits.series)
        self._row_appender = resources.rows.open_source(target.key, target.scrape_interval_ms)
        self._reader = ExpositionReader(resources.layouts)
        self._reports = resources.reports.of(target.config.extra_scrape_metrics)
        self._mapped: SeriesMap | None = None
        self._refused: _Refused | None = None
        self._stored: SeriesMap | None = None
        self._row: Values = np.empty(0)
        self._pack_reports: Callable[..., None] = struct.Struct(f"{self._reports.size}d").pack_into
        self._stamped: StampedSeries | None = None
        self._is_live = False
        self._body_bytes = 0
        self.samples_scraped = 0
        self.samples_kept = 0

    @property
    def metadata(self) -> tuple[FamilyMetadata, ...]:
        """What the last good body said of its families."""
        return () if self._reader.layout is None else self._reader.layout.metadata

    def start(self) -> None:
        """Begins a scrape: nothing has been read yet."""
        self.samples_scraped = self.samples_kept = self._body_bytes = 0

    def read(self, body: bytes, content_type: str) -> None:
        """Takes the samples of a body, to be appended next. Raises ScrapeError."""
        builder = self._read_known(body, content_type)
        if builder is not None:
            self._adopt(*self._work_out(builder))
        self._check_sample_limit()

    async def read_beside(self, body: bytes, content_type: str) -> None:
        """As `read`, for large bodies: a new layout takes 20 us a line, which is spent in another thread."""
        builder = self._read_known(body, content_type)
        if builder is not None:
            self._adopt(*await asyncio.to_thread(self._work_out, builder))
        self._check_sample_limit()

    def append(self, timestamp_ms: int, now_ms: int, duration_seconds: float) -> None:
        """Stores what was read last, as one row. Raises StorageError."""
        mapped = self._mapped
        assert mapped is not None, "BUG: got nothing read, want it read before it is appended"
        added = 0 if mapped is self._stored else self._store_layout(mapped, timestamp_ms)
        values, series = mapped.layout.values, mapped.row_series()
        if mapped.cells is not None:
            self._row[:series] = values[mapped.cells]
            if mapped.conversions is not None:
                mapped.conversions.convert(self._row)
        self._report(self._row, 1.0, duration_seconds, added)
        self._row_appender.append_row(timestamp_ms, self._row)
        self._is_live = True
        if self._stamped is not None:
            self._append_stamped(self._stamped, mapped, now_ms)
        if mapped.duplicates:
            self._resources.metrics.duplicate_samples.inc(mapped.duplicates)

    def append_failure(self, timestamp_ms: int, duration_seconds: float, failure: ScrapeFailure) -> None:
        """Stores that there was nothing: a stale marker for each series the first time, then no sample.

        Raises StorageError.
        """
        if failure is ScrapeFailure.BODY_SIZE:
            self._body_bytes = _TOO_LARGE_BODY_BYTES
        if self._stored is None:
            self._store_layout(self._map_of_nothing(), timestamp_ms)
        row = np.full(len(self._row), STALE if self._is_live else ABSENT)
        self._report(row, 0.0, duration_seconds, 0)
        self._row_appender.append_row(timestamp_ms, row)
        self._end_stamped(timestamp_ms)
        self._is_live = False

    def append_end(self, timestamp_ms: int) -> None:
        """Stores a stale marker for every series: the target is scraped no more. Raises StorageError."""
        if self._stored is None:
            return
        row = np.full(len(self._row), STALE)
        if not self._is_live:
            row[: self._stored.row_series()] = ABSENT
        self._row_appender.append_row(timestamp_ms, row)
        self._end_stamped(timestamp_ms)
        self._is_live = False

    def _read_known(self, body: bytes, content_type: str) -> LayoutBuilder | FamilyLayoutBuilder | None:
        """Reads a text of a known layout; otherwise what reads or builds another one."""
        self._body_bytes = len(body)
        config = self._target.config
        # An empty body is an empty exposition whatever its type, as in Prometheus.
        exposition_format = ExpositionFormat.PROMETHEUS_TEXT
        if body:
            exposition_format = format_of(content_type, config.fallback_scrape_protocol)
        if exposition_format is ExpositionFormat.PROTOBUF:
            return self._reader.read_families(body, config.histograms, self._lines_max)
        # Counting takes time, and most bodies are too short to have so many.
        if len(body) > self._lines_max and body.count(b"\n") > self._lines_max:
            raise ScrapeError(ScrapeFailure.LIMIT, f"got more than {self._lines_max} lines, want at most that many")
        builder = self._reader.read(body, exposition_format)
        if builder is not None:
            return builder
        layout = self._reader.layout
        assert layout is not None, "BUG: got no layout of a body that was read"
        if self._refused is not None and self._refused.layout is layout:
            self._refuse(self._refused)
        if self._mapped is None or self._mapped.layout is not layout:
            change = LayoutChange(layout)
            self._adopt(change, self._map(change))
        return None

    def _work_out(self, builder: LayoutBuilder | FamilyLayoutBuilder) -> tuple[LayoutChange, SeriesMap | ScrapeError]:
        """Touches nothing that others use."""
        try:
            change = builder.build()
        except ExpositionError as error:
            self.samples_scraped = self.samples_kept = error.samples
            raise ScrapeError(ScrapeFailure.PARSE, str(error)) from None
        if self._mapped is not None and self._mapped.layout is change.layout:
            return change, self._mapped
        if self._refused is not None and self._refused.layout is change.layout:
            return change, ScrapeError(self._refused.failure, self._refused.message)
        return change, self._map(change)

    def _map(self, change: LayoutChange) -> SeriesMap | ScrapeError:
        try:
            return map_series(change, self._target, self._reports, self._series_max, self._mapped)
        except ScrapeError as error:
            return error

    def _adopt(self, change: LayoutChange, mapped: SeriesMap | ScrapeError) -> None:
        if self._reader.layout is not change.layout:
            self._reader.adopt(change.layout)
        change.put_numbers()
        if isinstance(mapped, ScrapeError):
            self._refused = _Refused(change.layout, mapped.failure, str(mapped))
            self._refuse(self._refused)
        else:
            self._mapped, self._refused = mapped, None

    def _refuse(self, refused: _Refused) -> NoReturn:
        self.samples_scraped = refused.layout.size
        raise ScrapeError(refused.failure, refused.message)

    def _check_sample_limit(self) -> None:
        mapped, limit = self._mapped, self._target.config.limits.samples
        assert mapped is not None, "BUG: got no series map of a body that was read"
        self.samples_scraped, self.samples_kept = mapped.layout.size, mapped.samples_kept
        stored = mapped.samples_kept - mapped.duplicates
        if limit and stored > limit:
            raise ScrapeError(ScrapeFailure.LIMIT, f"sample limit exceeded (got {stored} samples, limit {limit})")

    def _map_of_nothing(self) -> SeriesMap:
        change = LayoutBuilder(b"", [b""], PROMETHEUS_TEXT, None, None).build()
        return map_series(change, self._target, self._reports, self._series_max, None)

    def _store_layout(self, mapped: SeriesMap, timestamp_ms: int) -> int:
        """Makes `mapped` the layout of the rows that follow; returns how many series are new."""
        self._row_appender.set_layout(mapped.labels)
        before = self._stored.stored_keys() if self._stored is not None else set()
        keys = mapped.stored_keys()
        self._end_vanished_stamped(keys, timestamp_ms)
        cells = mapped.row_series() + self._reports.size
        self._row = np.empty(cells) if mapped.cells is not None else mapped.layout.values[:cells]
        self._stamped = None
        if len(mapped.stamped):
            source = f"{self._target.key}/stamped"
            self._stamped = StampedSeries(mapped.stamped_labels, source, self._resources.stamped)
        self._stored = mapped
        self._note_change(mapped)
        return len(keys - before)

    def _note_change(self, mapped: SeriesMap) -> None:
        metrics = self._resources.metrics
        metrics.layout_changes.inc()
        metrics.series_dropped_by_limit.inc(mapped.dropped_by_limit)
        if mapped.dropped_by_limit:
            logger.warning("%s: %d new series are over the series limit", self._target.url, mapped.dropped_by_limit)
        if mapped.duplicates:
            logger.warning("%s: %d samples are of series that came before", self._target.url, mapped.duplicates)

    def _report(self, row: Values, up: float, duration_seconds: float, added: int) -> None:
        """Fills the report cells, which are the last of a row, in the order of report_series.py."""
        config = self._target.config
        offset = row.itemsize * (len(row) - self._reports.size)
        reports = [up, duration_seconds, self.samples_scraped, self.samples_kept, added]
        if config.extra_scrape_metrics:
            reports += [self._target.scrape_timeout_ms / 1000, config.limits.samples, self._body_bytes]
        self._pack_reports(row, offset, *reports)

    def _append_stamped(self, stamped: StampedSeries, mapped: SeriesMap, now_ms: int) -> None:
        layout = mapped.layout
        timestamps_ms = layout.timestamps_ms[mapped.stamped - layout.plain_cells]
        too_far_ahead = stamped.append(timestamps_ms, layout.values[mapped.stamped], now_ms)
        if too_far_ahead:
            self._resources.metrics.samples_too_far_ahead.inc(too_far_ahead)

    def _end_stamped(self, timestamp_ms: int) -> None:
        if self._stamped is not None and self._is_live and self._target.config.track_timestamps_staleness:
            self._stamped.end(timestamp_ms)

    def _end_vanished_stamped(self, keys: set[bytes], timestamp_ms: int) -> None:
        stored = self._stored
        if stored is None or not (self._is_live and self._target.config.track_timestamps_staleness):
            return
        layout = stored.layout
        samples = layout.samples_of(stored.stamped).tolist()
        vanished = np.array([layout.keys[sample] not in keys for sample in samples], np.bool_)
        if vanished.any():
            labels = stored.stamped_labels.take(vanished)
            StampedSeries(labels, f"{self._target.key}/ended", self._resources.stamped).end(timestamp_ms)
