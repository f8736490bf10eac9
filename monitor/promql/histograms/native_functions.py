"""The histogram_… functions over native histograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from monitor.errors import Span
from monitor.model.labels import METRIC_NAME
from monitor.model.native_histograms import COUNT, SUM
from monitor.model.samples import Mask, Values
from monitor.promql.aggregation.groups import Groups
from monitor.promql.annotations import for_metric
from monitor.promql.context import QueryContext
from monitor.promql.functions.names import without_names
from monitor.promql.histograms.bucket_layout import BUCKET_LABEL, find_buckets
from monitor.promql.histograms.cells import VectorCells, numbers_of
from monitor.promql.histograms.statistics import Estimates, averages, fractions, quantiles, variances
from monitor.promql.syntax.nodes import Call
from monitor.promql.values import Vector

_NUMBERS: Mapping[str, Callable[[VectorCells], Values]] = MappingProxyType(
    {
        "histogram_avg": lambda found: averages(found.cells),
        "histogram_count": lambda found: found.cells[:, COUNT],
        "histogram_stddev": lambda found: np.sqrt(variances(found.shape, found.cells)),
        "histogram_stdvar": lambda found: variances(found.shape, found.cells),
        "histogram_sum": lambda found: found.cells[:, SUM],
    }
)


def histogram_numbers(node: Call, vector: Vector, context: QueryContext) -> Vector:
    """What one number says of each histogram; nothing for floats."""
    return without_names(numbers_of(vector, _NUMBERS[node.function]), node, context)


def native_quantiles(quantile: Values, vector: Vector, span: Span, context: QueryContext) -> Vector:
    """`quantile` (T,) of the histograms, with the labels that they have."""

    def formula(found: VectorCells) -> Values:
        estimates = quantiles(quantile[found.steps], found.shape, found.cells)
        _inform(estimates.lost, "input to histogram_quantile has NaN observations, result is NaN", vector, found)
        skewed = "input to histogram_quantile has NaN observations, result is skewed higher"
        _inform(estimates.skewed, skewed, vector, found)
        return estimates.values

    def _inform(where: Mask, message: str, vector: Vector, found: VectorCells) -> None:
        inform_of_rows(where, message, vector, found, span, context)

    return numbers_of(vector, formula)


def native_fractions(lower: Values, upper: Values, vector: Vector, span: Span, context: QueryContext) -> Vector:
    """The share of the observations between `lower` and `upper` (T,), with the labels of the histograms."""
    message = "input to histogram_fraction has NaN observations, which are excluded from all fractions"

    def formula(found: VectorCells) -> Values:
        estimates: Estimates = fractions(lower[found.steps], upper[found.steps], found.shape, found.cells)
        inform_of_rows(estimates.skewed, message, vector, found, span, context)
        return estimates.values

    return numbers_of(vector, formula)


def inform_of_rows(
    where: Mask, message: str, vector: Vector, found: VectorCells, span: Span, context: QueryContext
) -> None:
    """One info for each metric among the histograms `where` (N,)."""
    if not where.any():
        return
    for name in _metric_names(vector, found.rows[where], context):
        context.annotations.inform(f"{message}{for_metric(name)}", span)


def _metric_names(vector: Vector, rows: np.ndarray[tuple[int], np.dtype[np.intp]], context: QueryContext) -> set[str]:
    """Upstream has dropped the names by then, unless it does so at the very end."""
    if not context.features.promql_delayed_name_removal:
        return {""}
    return set(vector.labels.column(METRIC_NAME).take(np.unique(rows)).texts())


def without_conflicts(vector: Vector, span: Span, context: QueryContext) -> Vector:
    """Without what is both a native histogram and, under the same labels but for `le`, a classic one.

    `vector` has native histograms.
    """
    natives = vector.histogram_mask()
    column = vector.labels.column(BUCKET_LABEL)
    is_classic = np.ones(vector.size, np.bool_)
    is_classic[find_buckets(vector.labels).bad_rows] = False
    classics = vector.mask() & ~natives & is_classic[:, None]
    natives = natives & (column.codes == 0)[:, None]
    groups = Groups(vector.labels.drop([BUCKET_LABEL]).group())
    both = (groups.any(natives) & groups.any(classics))[groups.group]
    if not both.any():
        return vector
    rows = np.flatnonzero((natives & both).any(axis=1))
    for name in _metric_names(vector, rows, context):
        message = f"vector contains a mix of classic and native histograms{for_metric(name)}"
        context.annotations.warn(message, span)
    return replace(vector, present=vector.mask() & ~((natives | classics) & both))
