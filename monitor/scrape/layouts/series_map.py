"""From what a target exposes to the columns of its rows: labels, relabelling, limits. Done once for each layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.config.scrape_config import RelabelRule
from monitor.model.label_frame import LabelColumn, LabelFrame, Rows
from monitor.model.native_histograms import COMPONENT_LABEL
from monitor.model.samples import Mask, Values
from monitor.scrape.layouts.label_checks import check_label_limits, check_names
from monitor.scrape.layouts.layout import Layout
from monitor.scrape.layouts.layout_change import NEW, LayoutChange
from monitor.scrape.relabel import relabel
from monitor.scrape.target import Target
from monitor.scrape.target_labels import attach_target_labels
from monitor.scrape.vocabulary.canonical_rows import CanonicalRows, canonical_key
from monitor.scrape.vocabulary.canonical_series import CanonicalSeries, Factors

NO_ROWS: Rows = np.empty(0, np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class UnitConversions:
    """The values in `cells` (K,) of a row are to be multiplied by `multipliers` (K,) and divided by `divisors` (K,)."""

    cells: Rows
    multipliers: Factors
    divisors: Factors

    def convert(self, row: Values) -> None:
        """Converts the cells of `row` in place."""
        row[self.cells] = row[self.cells] * self.multipliers / self.divisors


@dataclass(frozen=True, slots=True, eq=False)
class SeriesMap:
    """A row has M cells of exposed series, V of canonical ones and R of report series.

    `labels` (M + V + R) are their final labels; cell m < M + V is the layout's cell `cells[m]`, or its cell m if
    `cells` is None. A canonical series (monitor/scrape/vocabulary) copies an exposed one; `conversions` says in which
    cells the unit is another; None if in none of them.
    `stamped` (K,) are the layout's cells with timestamps of their own, and `stamped_labels` (K,) their labels; they are
    in no row. `samples_kept` counts what metric relabelling left, `duplicates` those of it whose series was there
    before in the body, `dropped_by_limit` those left out for the series limit. `relabelled` (N + R) are the labels of
    every row of the layout and of the report series, kept for the next map if there are rules.
    """

    layout: Layout
    labels: LabelFrame
    cells: Rows | None
    stamped: Rows
    stamped_labels: LabelFrame
    samples_kept: int
    duplicates: int
    dropped_by_limit: int
    relabelled: LabelFrame | None
    conversions: UnitConversions | None = None

    def row_series(self) -> int:
        """M + V."""
        return self.layout.cells if self.cells is None else len(self.cells)

    def stored_keys(self) -> set[bytes]:
        """The keys of the exposed series that are stored."""
        layout = self.layout
        if self.cells is None:
            return set(layout.keys)
        stored = layout.samples_of(np.concatenate([self.cells, self.stamped]))
        return {layout.keys[sample] for sample in stored.tolist()}


def map_series(
    change: LayoutChange, target: Target, reports: LabelFrame, series_max: int, previous: SeriesMap | None
) -> SeriesMap:
    """The map for a new layout. Raises ScrapeError if the labels of a series are not valid or over a limit.

    `reports` (R,) are the labels of the report series; `series_max` is the limit where the job has none. `previous`
    is the map of the layout before.
    """
    layout, config = change.layout, target.config
    canonical = layout.canonical(canonical_key(config.vocabulary, target.labels, reports))
    relabelled, kept = _relabelled(change, target, canonical, previous)
    plain = layout.size if not config.honor_timestamps else layout.plain_samples
    rows, stamped = np.flatnonzero(kept[:plain]), plain + np.flatnonzero(kept[plain : layout.size])
    beside = layout.size + np.flatnonzero(kept[layout.size :])
    check_names(relabelled.take(np.concatenate([rows, stamped, beside])), config.name_validation)
    check_label_limits(relabelled.take(np.concatenate([rows, stamped])), config.limits)
    report_rows = np.arange(relabelled.size - reports.size, relabelled.size)
    found = _first_of_each_series(relabelled, report_rows, np.concatenate([rows, beside]))
    unique, beside = found[found < layout.size], found[found >= layout.size]
    stored, stamped_left = _within_limit(unique, stamped, layout, config.limits.series or series_max, previous)
    copies = _copies_of_stored(beside - layout.size, canonical.series.rows, np.setdiff1d(unique, stored))
    cells, stamped_cells = layout.cells_of(stored), layout.cells_of(stamped_left)
    is_whole = len(cells) == layout.cells and len(copies) == canonical.series.size
    copied = np.concatenate([layout.size + copies, report_rows])
    is_as_relabelled = is_whole and layout.histograms is None
    return SeriesMap(
        layout=layout,
        labels=relabelled if is_as_relabelled else _cell_labels(relabelled, layout, cells, copied),
        cells=None if is_whole and not len(copies) else np.concatenate([cells, canonical.series.rows[copies]]),
        stamped=stamped_cells,
        stamped_labels=_cell_labels(relabelled, layout, stamped_cells) if len(stamped_left) else LabelFrame(0, {}),
        samples_kept=len(rows) + len(stamped),
        duplicates=len(rows) - len(unique),
        dropped_by_limit=len(unique) + len(stamped) - len(stored) - len(stamped_left),
        relabelled=relabelled if config.metric_relabel_configs else None,
        conversions=_conversions(canonical.series, copies, len(cells)),
    )


def _cell_labels(relabelled: LabelFrame, layout: Layout, cells: Rows, beside: Rows = NO_ROWS) -> LabelFrame:
    """The labels of `cells` of the layout, and behind them those of the rows `beside`, which are floats."""
    frame = relabelled.take(np.concatenate([layout.samples_of(cells), beside]))
    if layout.histograms is None:
        return frame
    components = layout.histograms.components
    codes = np.concatenate([components.codes[cells], np.zeros(len(beside), np.int32)])
    return frame.with_column(COMPONENT_LABEL, LabelColumn(codes, components.values))


def _copies_of_stored(copies: Rows, sources: Rows, left_out: Rows) -> Rows:
    """`copies` (canonical series, which copy the rows `sources`) without those of series that are over the limit."""
    return copies if not len(left_out) else copies[~np.isin(sources[copies], left_out)]


def _conversions(series: CanonicalSeries, copies: Rows, first_cell: int) -> UnitConversions | None:
    multipliers, divisors = series.multipliers[copies], series.divisors[copies]
    scaled = np.flatnonzero(multipliers != divisors)
    if not len(scaled):
        return None
    return UnitConversions(first_cell + scaled, multipliers[scaled], divisors[scaled])


def _relabelled(
    change: LayoutChange, target: Target, canonical: CanonicalRows, previous: SeriesMap | None
) -> tuple[LabelFrame, Mask]:
    """Final labels of every row of the layout, none for dropped ones, of V canonical series and of the report series;
    (N + V,) what is kept."""
    layout, config = change.layout, target.config
    beside = canonical.series.size
    if not config.metric_relabel_configs:
        frame = attach_target_labels(
            layout.labels_with(canonical.extra), target.labels, config.honor_labels, layout.series.blanks
        )
        return frame, np.ones(layout.size + beside, np.bool_)
    known = previous.relabelled if previous is not None and previous.layout is change.before else None
    before = change.rows_before if change.rows_before is not None else np.full(layout.size, NEW)
    is_new = before == NEW if known is not None else np.ones(layout.size, np.bool_)
    attached = attach_target_labels(layout.series.labels, target.labels, config.honor_labels, layout.series.blanks)
    new = _relabel_rows(attached.take(np.flatnonzero(is_new)), config.metric_relabel_configs)
    extra = attach_target_labels(canonical.extra, target.labels, False, {})
    copies = _relabel_rows(extra.take(np.arange(beside)), config.metric_relabel_configs)
    reports = extra.take(np.arange(beside, extra.size))
    if known is not None:
        old = known.take(before[~is_new])
        order = np.where(is_new, old.size + np.cumsum(is_new) - 1, np.cumsum(~is_new) - 1)
        new = LabelFrame.concat([old, new]).take(order)
    frame = LabelFrame.concat([new, copies])
    return LabelFrame.concat([frame, reports]), _has_labels(frame)


def _relabel_rows(frame: LabelFrame, rules: tuple[RelabelRule, ...]) -> LabelFrame:
    return LabelFrame.of([relabel(labels, rules) or {} for labels in frame.all_labels()])


def _has_labels(frame: LabelFrame) -> Mask:
    mask = np.zeros(frame.size, np.bool_)
    for column in frame.columns.values():
        mask |= column.codes != 0
    return mask


def _first_of_each_series(frame: LabelFrame, reports: Rows, rows: Rows) -> Rows:
    """`rows` without repetitions and without what looks like a report series: no target says itself that it is up."""
    first = frame.take(np.concatenate([reports, rows])).group().first
    return rows[first[len(reports) :] - len(reports)]


def _within_limit(
    rows: Rows, stamped: Rows, layout: Layout, series_max: int, previous: SeriesMap | None
) -> tuple[Rows, Rows]:
    """What is left of both if they have more than `series_max` cells: those stored before first, then others in order,
    and no histogram in part."""
    both, sizes = np.concatenate([rows, stamped]), layout.cells_per_sample()
    if sizes[both].sum() <= series_max:
        return rows, stamped
    keys, known = layout.keys, previous.stored_keys() if previous is not None else set()
    is_known = np.array([keys[row] in known for row in both.tolist()], np.bool_)
    first_known = np.concatenate([both[is_known], both[~is_known]])
    left = np.sort(first_known[np.cumsum(sizes[first_known]) <= series_max])
    return left[np.isin(left, rows)], left[np.isin(left, stamped)]
