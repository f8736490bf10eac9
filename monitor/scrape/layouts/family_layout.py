"""Layouts of bodies that are metric families in protobuf (exposition/metric_families.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from struct import unpack

import numpy as np

from monitor.config.scrape_config import HistogramScraping
from monitor.errors import ExpositionError
from monitor.model.label_frame import LabelColumn, Rows
from monitor.model.labels import METRIC_NAME
from monitor.model.native_histograms import Component, Part
from monitor.model.samples import Values
from monitor.scrape.exposition.exposed_histogram import NativeOutline
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat, MetricType
from monitor.scrape.exposition.go_float import format_openmetrics_float
from monitor.scrape.exposition.metric_families import (
    ExposedMetrics,
    MetricOutline,
    label_pairs,
    read_metric_families,
)
from monitor.scrape.exposition.parse_exposition import FamilyMetadata
from monitor.scrape.layouts.layout import ExposedSeries, HistogramCells, Layout
from monitor.scrape.layouts.layout_change import LayoutChange, Numbers, joined_series

_HEADS = (Part.COUNT, Part.SUM, Part.HINT, Part.ZERO_COUNT, Part.ZERO_THRESHOLD)


class FamilyLayout(Layout):
    """`outlines` are those of the metrics in body order. Cell c of a row is number `order[c]` of a body, the stamped
    cell s has the timestamp of the stamped outline `stamp_order[s]`."""

    __slots__ = ("order", "outlines", "stamp_order")

    def __init__(
        self,
        outlines: list[MetricOutline],
        samples: Sequence[_Sample],
        series: ExposedSeries,
        metadata: tuple[FamilyMetadata, ...],
    ) -> None:
        plain = sum(not sample.is_stamped for sample in samples)
        keys = [sample.key for sample in samples]
        super().__init__(ExpositionFormat.PROTOBUF, len(keys), keys, plain, series, metadata, _cells(samples))
        self.outlines = outlines
        self.fits_like = hash(tuple(outlines))
        self.order: Rows = np.array([number for sample in samples for number in sample.numbers], np.intp)
        stamps = [sample.stamp for sample in samples[plain:] for _ in sample.numbers]
        self.stamp_order: Rows = np.array(stamps, np.intp)

    def numbers(self, metrics: ExposedMetrics) -> Numbers:
        """What a body of this layout says."""
        values: Values = np.array(metrics.numbers, np.float64)[self.order]
        return Numbers(values, np.array(metrics.timestamps_ms, np.int64)[self.stamp_order])


@dataclass(frozen=True, slots=True)
class _Sample:
    """A sample of a metric: `numbers` are where its cells stand among those of the body, `components` what they are,
    empty for a float. `stamp` counts the stamped metrics before its own."""

    outline: MetricOutline
    name: str
    numeric_label: tuple[str, str] | None
    numbers: range
    stamp: int
    components: tuple[str, ...] = ()

    @property
    def is_stamped(self) -> bool:
        return self.outline.is_stamped

    @property
    def key(self) -> bytes:
        return b"\xff".join([self.name.encode(), *map(str.encode, self.numeric_label or ()), self.outline.labels])

    def labels(self) -> dict[str, str]:
        """Raises ValueError."""
        pairs = [(METRIC_NAME, self.name), *label_pairs(self.outline.labels)]
        if self.numeric_label is not None:
            pairs.append(self.numeric_label)
        labels = dict(pairs)
        if len(labels) < len(pairs) or "" in labels:
            names = sorted(name for name, _ in pairs)
            raise ValueError(f"got label names {names} of {self.name!r}, want names that are unique and not empty")
        return labels


class FamilyLayoutBuilder:
    """Reads a body as numbers of the layout `before`, of another one that `find` gives for its outlines, or of a new
    one. Nothing that others use is changed, so building may happen in any thread."""

    def __init__(
        self,
        body: bytes,
        histograms: HistogramScraping,
        cells_max: int,
        before: Layout | None,
        find: Callable[[list[MetricOutline]], FamilyLayout | None],
    ) -> None:
        self._body = body
        self._histograms = histograms
        self._cells_max = cells_max
        self._before = before
        self._find = find

    def build(self) -> LayoutChange:
        """Raises ExpositionError, and ScrapeError if a limit is exceeded."""
        before = self._before
        expected = before.outlines if isinstance(before, FamilyLayout) else ()
        metrics = read_metric_families(self._body, self._histograms, self._cells_max, expected)
        if isinstance(before, FamilyLayout) and before.outlines == metrics.outlines:
            return LayoutChange(before, numbers=before.numbers(metrics))
        found = self._find(metrics.outlines)
        if found is not None:
            return LayoutChange(found, numbers=found.numbers(metrics))
        return self._change(metrics)

    def _change(self, metrics: ExposedMetrics) -> LayoutChange:
        before = self._before if isinstance(self._before, FamilyLayout) else None
        known = {} if before is None else {key: row for row, key in enumerate(before.keys)}
        samples = sorted(_samples(metrics.outlines), key=lambda sample: (sample.is_stamped, bool(sample.components)))
        rows: list[int] = []
        new_labels: list[dict[str, str]] = []
        for sample in samples:
            row = known.get(sample.key)
            if row is None:
                row = -1 - len(new_labels)
                new_labels.append(_labels_of(sample, metrics))
            rows.append(row)
        types = tuple(sample.outline.family.type for sample in samples)
        series = joined_series(None if before is None else before.series, rows, new_labels, types)
        layout = FamilyLayout(metrics.outlines, samples, series, metrics.families)
        rows_before = np.maximum(np.array(rows, np.intp), -1)
        return LayoutChange(layout, self._before, None if before is None else rows_before, layout.numbers(metrics))


def _labels_of(sample: _Sample, metrics: ExposedMetrics) -> dict[str, str]:
    try:
        return sample.labels()
    except (ValueError, IndexError) as error:
        family = metrics.families.index(sample.outline.family) + 1
        raise ExpositionError(family, str(error), len(metrics.outlines), "metric family") from None


def _samples(outlines: Sequence[MetricOutline]) -> Iterator[_Sample]:
    """In body order."""
    start = stamp = 0
    for outline in outlines:
        family = outline.family
        if outline.bounds is not None:
            label = "quantile" if family.type is MetricType.SUMMARY else "le"
            bucket_name = family.family if family.type is MetricType.SUMMARY else f"{family.family}_bucket"
            yield _Sample(outline, f"{family.family}_count", None, range(start, start + 1), stamp)
            yield _Sample(outline, f"{family.family}_sum", None, range(start + 1, start + 2), stamp)
            start += 2
            for bound in unpack(f"<{len(outline.bounds) // 8}d", outline.bounds):
                text = format_openmetrics_float(bound)
                yield _Sample(outline, bucket_name, (label, text), range(start, start + 1), stamp)
                start += 1
        if outline.native is not None:
            components = tuple(map(str, _components(outline.native)))
            yield _Sample(outline, family.family, None, range(start, start + len(components)), stamp, components)
            start += len(components)
        elif outline.bounds is None:
            yield _Sample(outline, family.family, None, range(start, start + 1), stamp)
            start += 1
        stamp += outline.is_stamped


def _components(native: NativeOutline) -> Iterator[Component]:
    for part in _HEADS:
        yield Component(native.schema, (), part)
    for bucket in native.negative:
        yield Component(native.schema, (), Part.NEGATIVE, bucket)
    for bucket in native.positive:
        yield Component(native.schema, (), Part.POSITIVE, bucket)


def _cells(samples: Sequence[_Sample]) -> HistogramCells | None:
    if not any(sample.components for sample in samples):
        return None
    owners = [row for row, sample in enumerate(samples) for _ in sample.numbers]
    texts = [text for sample in samples for text in (sample.components or ("",))]
    plain_floats = next(row for row, sample in enumerate(samples) if sample.components or sample.is_stamped)
    return HistogramCells(np.array(owners, np.intp), LabelColumn.of(texts), plain_floats)
