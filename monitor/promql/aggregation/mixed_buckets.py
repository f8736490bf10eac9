"""Tells when buckets with different upper bounds are added up: a quantile over that sum is a wrong number.

    sum by (le) (rate(http_server_request_duration_seconds_bucket[5m]))    over servers of two frameworks

The bucket le="0.1" then counts the requests of those servers that have such a bucket, and +Inf those of all. Prometheus
says nothing of it, so only the canonical metrics are looked at, which make it easy to do.
"""

from __future__ import annotations

import numpy as np

from monitor.model.canonical_histograms import CANONICAL_HISTOGRAMS
from monitor.model.label_frame import LabelFrame, Rows
from monitor.promql.aggregation.groups import Groups
from monitor.promql.annotations import for_metric
from monitor.promql.context import QueryContext
from monitor.promql.histograms.bucket_layout import BUCKET_LABEL
from monitor.promql.syntax.nodes import Aggregation, Node, VectorSelector, children
from monitor.promql.values import Vector

_SUM = "sum"
_BUCKETS = frozenset(f"{name}_bucket" for name in CANONICAL_HISTOGRAMS)
MESSAGE = (
    "buckets with different upper bounds are added up, which makes quantiles wrong: aggregate by framework as well"
)


def warn_of_mixed_buckets(
    node: Aggregation, groups: Groups, labels: LabelFrame, vector: Vector, context: QueryContext
) -> None:
    """A warning if `groups` of the series `vector` add up buckets of canonical histograms that differ in their bounds.

    `labels` (G,) are those of the groups. The label work is done once for each set of series.
    """
    if node.operator != _SUM or BUCKET_LABEL not in labels.columns:
        return
    name = context.derive(node, "canonical metric", (), lambda: _canonical_metric(node))
    if not name:
        return
    histogram = context.derive(node, "mixed buckets", (labels,), lambda: _mixed_histograms(groups, labels))
    if histogram is not None and _is_mixed(groups, histogram, vector):
        context.annotations.warn(MESSAGE + for_metric(name), node.span)


def _canonical_metric(node: Node) -> str:
    """The canonical buckets that `node` reads; empty if it reads something else."""
    if isinstance(node, VectorSelector):
        return node.name if node.name in _BUCKETS else ""
    return next((name for child in children(node) if (name := _canonical_metric(child))), "")


def _mixed_histograms(groups: Groups, labels: LabelFrame) -> Rows | None:
    """(G,) the histogram that each group is a bucket of; None if in each the buckets have equally many series."""
    histogram = labels.drop([BUCKET_LABEL]).group().group
    return histogram if _differ(groups.sizes[:, None], histogram) else None


def _is_mixed(groups: Groups, histogram: Rows, vector: Vector) -> bool:
    """Whether at some step the buckets of a histogram that are there have different numbers of series."""
    return vector.present is None or _differ(groups.count(vector.present, vector.steps), histogram)


def _differ(counts: Rows, histogram: Rows) -> bool:
    """`counts` (G, T). A bucket that is not there at a step, 0, differs from nothing."""
    most = np.zeros((int(histogram.max(initial=-1)) + 1, counts.shape[1]), counts.dtype)
    np.maximum.at(most, histogram, counts)
    return bool(((counts > 0) & (counts < most[histogram])).any())
