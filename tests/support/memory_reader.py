"""A store in memory for tests, filled from series in the notation of Prometheus's own tests:

load 5m
  requests_total{job="a"} 0+10x5 _ stale 7
  latency_seconds {{count:3 sum:4 buckets:[1 2]}}+{{count:1 sum:1 buckets:[1]}}x5

Native histograms are kept as their components, as a store does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
from native_histograms import HistogramSpec, parse_histogram

from monitor.model.durations import parse_duration_ms
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.matchers import match_rows
from monitor.model.native_histograms import COMPONENT_LABEL
from monitor.model.samples import ABSENT, STALE, Values, has_gaps, is_absent
from monitor.storage.interfaces import Bundle, Selection, SelectionSize, Selector, Stripe

_NUMBER = r"[+-]?(?:[\d_]+\.?[\d_]*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf|nan)"
_ITEM = re.compile(
    rf"(?:(?P<gap>_)|(?P<stale>stale)|(?P<start>{_NUMBER})(?P<increment>[+-]{_NUMBER[5:]})?)(?:x(?P<times>\d+))?",
    re.IGNORECASE,
)
_HISTOGRAM = re.compile(r"(?P<start>\{\{[^}]*\}\})(?:\+(?P<increment>\{\{[^}]*\}\}))?(?:x(?P<times>\d+))?")
_WORD = re.compile(rf"{_HISTOGRAM.pattern.replace('?P<', '?P<_')}|\S+")
_LABEL = re.compile(
    r"\s*([\w:.\-]+|\"(?:\\.|[^\"\\])*\")\s*(?:=\s*(\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`))?\s*,?"
)
_NAME = re.compile(r"[a-zA-Z_:][\w:]*")


@dataclass(slots=True)
class MemorySeries:
    """The samples of one series by timestamp."""

    labels: Labels
    samples: dict[int, float] = field(default_factory=dict)


class MemoryReader:
    """A Reader, and a Queryable that gives itself. Series with the same timestamps share a stripe."""

    def __init__(self) -> None:
        self._series: dict[Labels, MemorySeries] = {}
        self._labels_by_selector: dict[Selector, tuple[LabelFrame, list[MemorySeries]]] = {}

    def load(self, text: str) -> None:
        """Adds what a script of `load` blocks says."""
        step_ms = 0
        for line in filter(None, (line.strip() for line in text.split("\n"))):
            if line.startswith("load "):
                step_ms = parse_duration_ms(line.split()[1])
            elif not line.startswith("#"):
                labels, rest = parse_series(line)
                samples = {index * step_ms: value for index, value in parse_values(rest)}
                self.add(labels, {at: value for at, value in samples.items() if isinstance(value, float)})
                self.add_histograms(
                    labels, {at: value for at, value in samples.items() if isinstance(value, HistogramSpec)}
                )

    def add_histograms(self, labels: Mapping[str, str], samples: Mapping[int, HistogramSpec]) -> None:
        components: dict[str, dict[int, float]] = {}
        for at, histogram in samples.items():
            for text, value in histogram.components().items():
                components.setdefault(text, {})[at] = value
        for text, values in components.items():
            self.add({**labels, COMPONENT_LABEL: text}, values)

    def add(self, labels: Mapping[str, str], samples: Mapping[int, float]) -> None:
        if not samples:
            return
        key = Labels(labels)
        series = self._series.setdefault(key, MemorySeries(key))
        series.samples.update(samples)
        series.samples = dict(sorted(series.samples.items()))
        self._labels_by_selector.clear()

    def all_series(self) -> list[MemorySeries]:
        return list(self._series.values())

    def reader(self) -> AbstractContextManager[MemoryReader]:
        return nullcontext(self)

    def select(self, selector: Selector, start_ms: int, end_ms: int) -> Selection:
        labels, series = self._matching(selector)
        stripes: dict[tuple[int, ...], list[tuple[int, list[float]]]] = {}
        for row, each in enumerate(series):
            inside = {at: value for at, value in each.samples.items() if start_ms <= at <= end_ms}
            if inside:
                stripes.setdefault(tuple(inside), []).append((row, list(inside.values())))
        return Selection(labels, tuple(_stripe(times, rows) for times, rows in stripes.items()))

    def size(self, selector: Selector, start_ms: int, end_ms: int, roughly_below: int = 0) -> SelectionSize:
        del roughly_below
        labels, series = self._matching(selector)
        return SelectionSize(labels.size, sum(start_ms <= at <= end_ms for each in series for at in each.samples))

    def series(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> LabelFrame:
        del start_ms, end_ms
        labels = LabelFrame.of([series.labels for series in self._series.values()])
        rows = np.zeros(labels.size, np.bool_) | (not selectors)
        for selector in selectors:
            rows |= match_rows(labels, selector)
        return labels.take(rows)

    def _matching(self, selector: Selector) -> tuple[LabelFrame, list[MemorySeries]]:
        if selector not in self._labels_by_selector:
            every = list(self._series.values())
            labels = LabelFrame.of([series.labels for series in every])
            rows = np.flatnonzero(match_rows(labels, selector))
            self._labels_by_selector[selector] = labels.take(rows), [every[row] for row in rows]
        return self._labels_by_selector[selector]


class SharedStripeReader(MemoryReader):
    """As MemoryReader, but all series of a selection are one stripe, with absent cells where one has no sample."""

    def select(self, selector: Selector, start_ms: int, end_ms: int) -> Selection:
        labels, series = self._matching(selector)
        times = sorted({at for each in series for at in each.samples if start_ms <= at <= end_ms})
        if not times:
            return Selection(labels, ())
        values = np.array([[each.samples.get(at, ABSENT) for at in times] for each in series])
        kept = np.flatnonzero((~is_absent(values)).any(axis=1))
        values = np.ascontiguousarray(values[kept])
        return Selection(labels, (Stripe(kept, np.array(times, np.int64), values, not has_gaps(values)),))


class BundleReader(SharedStripeReader):
    """As SharedStripeReader, but every two series share timestamps, and all of a selection are one bundle."""

    def select(self, selector: Selector, start_ms: int, end_ms: int) -> Selection:
        selection = super().select(selector, start_ms, end_ms)
        if not selection.apart:
            return selection
        (stripe,) = selection.apart
        size, pairs = len(stripe.timestamps_ms), -(-len(stripe.rows) // 2)
        row_counts = np.full(pairs, 2)
        row_counts[-1] = len(stripe.rows) - 2 * (pairs - 1)
        times = np.tile(stripe.timestamps_ms, pairs)

        def read(first: int, stop: int) -> Values:
            return stripe.values[2 * first : 2 * stop].reshape(-1).copy()

        bundle = Bundle(stripe.rows, row_counts, times, np.arange(pairs) * size, read, pairs if stripe.dense else 0)
        return Selection(selection.labels, (), (), bundle)


def _stripe(times: tuple[int, ...], rows: list[tuple[int, list[float]]]) -> Stripe:
    values: Values = np.array([samples for _, samples in rows])
    return Stripe(np.array([row for row, _ in rows]), np.array(times, np.int64), values, not has_gaps(values))


def parse_series(line: str) -> tuple[Labels, str]:
    """The label set at the start of a line, and what follows it."""
    labels: dict[str, str] = {}
    name = _NAME.match(line)
    rest = line
    if name:
        labels[METRIC_NAME] = name[0]
        rest = line[name.end() :]
    rest = rest.lstrip()
    if rest.startswith("{") and not rest.startswith("{{"):
        position = 1
        while rest[position:].lstrip()[0] != "}":
            label = _LABEL.match(rest, position)
            assert label, f"got {line!r}, want a label at {rest[position:]!r}"
            if label[2] is None:
                labels[METRIC_NAME] = unquote(label[1])
            else:
                labels[unquote(label[1]) if label[1].startswith('"') else label[1]] = unquote(label[2])
            position = label.end()
        rest = rest[position:].lstrip()[1:]
    return Labels(labels), rest.strip()


def unquote(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    return text[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape")


def parse_values(text: str) -> Iterator[tuple[int, float | HistogramSpec]]:
    """The samples of a series line by their position; gaps are left out."""
    index = 0
    for word in (found[0] for found in _WORD.finditer(text)):
        histogram = _HISTOGRAM.fullmatch(word)
        if histogram:
            for sample in _repeated_histogram(histogram):
                yield index, sample
                index += 1
            continue
        item = _ITEM.fullmatch(word)
        assert item, f"got {word!r}, want a value such as 1, 1+2x3, _x4 or stale"
        if item["gap"]:
            index += int(item["times"] or 1)
            continue
        increment = float(item["increment"].replace("_", "")) if item["increment"] else 0.0
        value = STALE if item["stale"] else float(item["start"].replace("_", ""))
        for _ in range(int(item["times"] or 0) + 1):
            yield index, value
            value = value + increment if item["increment"] else value
            index += 1


def _repeated_histogram(item: re.Match[str]) -> Iterator[HistogramSpec]:
    sample = parse_histogram(item["start"])
    for _ in range(int(item["times"] or 0) + 1):
        yield sample
        sample = sample.plus(parse_histogram(item["increment"])) if item["increment"] else sample
