"""What a query answers."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace

import numpy as np

from monitor.model.frame import Frame
from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.samples import Indices
from monitor.promql.context import QueryContext
from monitor.promql.functions.names import drop_names, merge_equal
from monitor.promql.ranges.range_vectors import SampleRuns
from monitor.promql.steps import Steps
from monitor.promql.values import Vector


class ResultType(enum.Enum):
    """As in the HTTP API."""

    VECTOR = "vector"
    MATRIX = "matrix"
    SCALAR = "scalar"
    STRING = "string"


ResultValue = Frame | SampleRuns | float | str


@dataclass(frozen=True, slots=True)
class QueryStatistics:
    samples: int
    """Loaded from the store."""
    series: int
    """In the result."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By phase: `preparation`, `evaluation` (reading included) and `result_sort`."""
    samples_by_step: Indices | None = None
    """(T,) looked at by each step, as upstream counts them; None if they were not counted."""


@dataclass(frozen=True, slots=True, eq=False)
class QueryResult:
    """`value` by `type`:

    - VECTOR: a Frame of one step, in the order in which upstream gives it.
    - MATRIX: of a range query a Frame over `steps`, sorted by labels; of an instant query SampleRuns, sorted too.
    - SCALAR: a float. STRING: a str.

    Frames have no series without values. The annotations are ready to be shown.
    """

    type: ResultType
    value: ResultValue
    steps: Steps
    warnings: tuple[str, ...]
    infos: tuple[str, ...]
    statistics: QueryStatistics


def final_vector(vector: Vector, context: QueryContext) -> Vector:
    """With the names dropped that operations left for the end (delayed name removal)."""
    if vector.drops_name is None or not vector.drops_name.any():
        return vector
    flags = vector.drops_name
    dropped = drop_names(vector.labels.take(flags))
    if dropped.size == vector.size:
        return merge_equal(replace(vector, labels=dropped), context.plan, context)
    labels = LabelFrame.concat([dropped, vector.labels.take(~flags)])
    rows = np.concatenate([np.flatnonzero(flags), np.flatnonzero(~flags)])
    back = np.argsort(rows)
    return merge_equal(replace(vector, labels=labels.take(back)), context.plan, context)


def vector_frame(vector: Vector) -> Frame:
    """Without series that have no value."""
    if vector.histograms is None or not vector.histogram_mask().any():
        return Frame(vector.labels, vector.values, vector.present).compact()
    values = np.where(vector.histogram_mask(), np.nan, vector.values)
    return Frame(vector.labels, values, vector.present, vector.histograms).compact()


def sorted_frame(vector: Vector, context: QueryContext) -> Frame:
    order, labels = context.derive(context.plan, "result order", (vector.labels,), lambda: _in_order(vector.labels))
    if vector.present is None or vector.any_present().all():
        return vector_frame(vector.take(order, labels))
    order = order[vector.any_present()[order]]
    return vector_frame(vector.take(order, vector.labels.take(order)))


def _in_order(labels: LabelFrame) -> tuple[Rows, LabelFrame]:
    """The order, and the labels in it."""
    order = labels.order()
    return order, labels.take(order)
