"""Native histograms: what a sample of one is, and how stores keep it as float series.

A histogram is a row of cells under a shape: count, sum, zero count, the negative buckets, the positive buckets.
Histograms of one shape are added, scaled and compared as rows of a matrix.

A store keeps no histograms. Each cell that ever was in use is a float series of its own, a component, which has the
labels of the histogram and COMPONENT_LABEL besides: `0/p12` is the positive bucket 12 of schema 0. The components of
one histogram are sampled at the same instants, so they share a timestamp vector like the series of a scraped target.
Where a bucket has no sample and the count has one, the bucket is empty; where the count has none there is no histogram.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from monitor.model.go_math import exp2
from monitor.model.samples import Mask, Values

COMPONENT_LABEL = "__histogram_component__"
CUSTOM_SCHEMA = -53
"""The buckets have the upper bounds `custom_bounds`, and the last one ends at infinity."""
SCHEMA_MIN = -4
SCHEMA_MAX = 8
"""With schema n a bucket ends at 2^(2^-n) times the end of the one before it."""

COUNT, SUM, ZERO_COUNT = 0, 1, 2
BUCKETS = 3
"""Where in a row of cells the buckets begin."""

BucketIndices = NDArray[np.int64]
Histograms = NDArray[np.object_]
"""A NativeHistogram or None in each cell."""


_NOTHING: Histograms = np.array(None, object)


class ResetHint(enum.IntEnum):
    """What a histogram says of itself, numbered as in remote write."""

    UNKNOWN = 0
    RESET = 1
    NOT_RESET = 2
    GAUGE = 3


@dataclass(frozen=True, slots=True, eq=False)
class HistogramShape:
    """What the cells of a row mean. `negative` (K,) and `positive` (P,) are the bucket indices, ascending.

    The bucket i of an exponential schema holds what is above the bound i - 1 and not above the bound i; negative
    buckets mirror that. With custom bounds the bucket i ends at bound i, and there are positive buckets only.
    """

    schema: int
    zero_threshold: float
    custom_bounds: tuple[float, ...]
    negative: BucketIndices
    positive: BucketIndices

    @property
    def is_custom(self) -> bool:
        return self.schema == CUSTOM_SCHEMA

    @property
    def cells(self) -> int:
        return BUCKETS + len(self.negative) + len(self.positive)

    @property
    def positive_start(self) -> int:
        """Where in a row of cells the positive buckets begin."""
        return BUCKETS + len(self.negative)

    def has_scale_of(self, other: HistogramShape) -> bool:
        """Whether buckets of the same index are the same buckets."""
        return (
            self.schema == other.schema
            and self.zero_threshold == other.zero_threshold
            and self.custom_bounds == other.custom_bounds
        )


@dataclass(frozen=True, slots=True, eq=False)
class NativeHistogram:
    """`cells` as `shape` says; never changed in place."""

    shape: HistogramShape
    cells: Values
    hint: ResetHint = ResetHint.UNKNOWN

    @property
    def count(self) -> float:
        return float(self.cells[COUNT])

    @property
    def sum(self) -> float:
        return float(self.cells[SUM])

    @property
    def zero_count(self) -> float:
        return float(self.cells[ZERO_COUNT])


@dataclass(frozen=True, slots=True, eq=False)
class OrderedBuckets:
    """The B buckets of a shape from the lowest to the highest: their bounds, and their columns in a row of cells.

    `has_lower` and `has_upper` say whether a bound belongs to the bucket.
    """

    lower: Values
    upper: Values
    has_lower: Mask
    has_upper: Mask
    columns: BucketIndices


def empty_shape(like: HistogramShape) -> HistogramShape:
    """The same scale without buckets."""
    nothing = np.empty(0, np.int64)
    return HistogramShape(like.schema, like.zero_threshold, like.custom_bounds, nothing, nothing)


def upper_bounds(shape: HistogramShape, indices: BucketIndices) -> Values:
    """Of positive buckets; the mirror image of the lower bounds of negative ones (getBound upstream)."""
    if shape.is_custom:
        bounds = np.array([-np.inf, *shape.custom_bounds, np.inf])
        return bounds[np.clip(indices, -1, len(shape.custom_bounds)) + 1]
    if shape.schema < 0:
        fractions, exponents = np.ones(len(indices)), indices << -shape.schema
    else:
        fractions = _fractions(shape.schema)[indices & ((1 << shape.schema) - 1)]
        exponents = indices >> shape.schema
    with np.errstate(over="ignore", under="ignore"):
        bounds = np.ldexp(fractions, np.clip(exponents, -4096, 4096).astype(np.int32))
    # What would be 2^1024 is the largest float: the bucket behind it is for infinities.
    return np.where((fractions == 1) & (exponents == 1024), np.finfo(np.float64).max, bounds)


@lru_cache
def _fractions(schema: int) -> Values:
    """The bounds from 1 to 2, the latter not included: what upstream's table exponentialBounds was made with."""
    if schema == 0:
        return np.ones(1)
    fractions = np.repeat(_fractions(schema - 1), 2)
    fractions[1::2] *= exp2(exp2(np.array(-float(schema))))
    return fractions


@lru_cache(maxsize=256)
def ordered_buckets(shape: HistogramShape) -> OrderedBuckets:
    """The zero bucket included, but with custom bounds. Buckets that overlap it begin where it ends."""
    positive_upper, positive_lower = upper_bounds(shape, shape.positive), upper_bounds(shape, shape.positive - 1)
    positive_columns = shape.positive_start + np.arange(len(shape.positive))
    if shape.is_custom:
        every = np.ones(len(shape.positive), np.bool_)
        return OrderedBuckets(positive_lower, positive_upper, shape.positive == 0, every, positive_columns)
    zero = np.array([shape.zero_threshold])
    positive_lower = np.maximum(positive_lower, zero)
    negative = shape.negative[::-1]
    negative_lower = -upper_bounds(shape, negative)
    negative_upper = np.minimum(-upper_bounds(shape, negative - 1), -zero)
    is_positive = np.arange(len(negative) + 1 + len(positive_lower)) > len(negative)
    is_negative = np.arange(len(is_positive)) < len(negative)
    return OrderedBuckets(
        np.concatenate([negative_lower, -zero, positive_lower]),
        np.concatenate([negative_upper, zero, positive_upper]),
        ~is_positive,
        ~is_negative,
        np.concatenate([BUCKETS + np.arange(len(negative))[::-1], [ZERO_COUNT], positive_columns]),
    )


class Part(enum.Enum):
    """Which cell, or property, a component is."""

    COUNT = "count"
    SUM = "sum"
    ZERO_COUNT = "zero"
    ZERO_THRESHOLD = "threshold"
    HINT = "hint"
    NEGATIVE = "n"
    POSITIVE = "p"


@dataclass(frozen=True, slots=True)
class Component:
    """One float series of a histogram. `bucket` means something with NEGATIVE and POSITIVE only."""

    schema: int
    custom_bounds: tuple[float, ...]
    part: Part
    bucket: int = 0

    @property
    def scale(self) -> tuple[int, tuple[float, ...]]:
        return self.schema, self.custom_bounds

    def __str__(self) -> str:
        bounds = f"[{','.join(map(repr, self.custom_bounds))}]" if self.schema == CUSTOM_SCHEMA else ""
        bucket = str(self.bucket) if self.part in (Part.NEGATIVE, Part.POSITIVE) else ""
        return f"{self.schema}{bounds}/{self.part.value}{bucket}"


def parse_component(text: str) -> Component | None:
    """The inverse of `str`; None for a text that is none."""
    scale, _, part = text.partition("/")
    schema, _, bounds = scale.removesuffix("]").partition("[")
    try:
        custom_bounds = tuple(float(bound) for bound in bounds.split(",") if bound)
        if part[:1] in (Part.NEGATIVE.value, Part.POSITIVE.value):
            return Component(int(schema), custom_bounds, Part(part[0]), int(part[1:]))
        return Component(int(schema), custom_bounds, Part(part))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Bucket:
    lower: float
    upper: float
    has_lower: bool
    has_upper: bool
    count: float


def used_buckets(histogram: NativeHistogram) -> list[Bucket]:
    """Those that are not empty, from the lowest to the highest. A zero bucket counts if there is more than 0 in it."""
    ordered = ordered_buckets(histogram.shape)
    counts = histogram.cells[ordered.columns]
    used = np.flatnonzero(np.where(ordered.columns == ZERO_COUNT, counts > 0, counts != 0))
    columns = (ordered.lower, ordered.upper, ordered.has_lower, ordered.has_upper, counts)
    return [Bucket(*each) for each in zip(*(column[used].tolist() for column in columns), strict=True)]


def components_of(histogram: NativeHistogram) -> list[tuple[Component, float]]:
    """What a store keeps of it, empty buckets of its shape included."""
    shape = histogram.shape
    scale = shape.schema, shape.custom_bounds
    heads = [(Part.COUNT, histogram.count), (Part.SUM, histogram.sum), (Part.HINT, float(histogram.hint))]
    if not shape.is_custom:
        heads += [(Part.ZERO_COUNT, histogram.zero_count), (Part.ZERO_THRESHOLD, shape.zero_threshold)]
    found = [(Component(*scale, part), value) for part, value in heads]
    buckets = [(Part.NEGATIVE, bucket) for bucket in shape.negative.tolist()]
    buckets += [(Part.POSITIVE, bucket) for bucket in shape.positive.tolist()]
    counts = histogram.cells[BUCKETS:].tolist()
    return [*found, *((Component(*scale, *bucket), count) for bucket, count in zip(buckets, counts, strict=True))]


def are_histograms(cells: Histograms) -> Mask:
    """Which cells hold one; same shape."""
    return np.asarray(np.not_equal(cells, _NOTHING), np.bool_)
