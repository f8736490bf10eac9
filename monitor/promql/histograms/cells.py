"""Native histograms of a vector as rows of matrices: one matrix for each shape that occurs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.model.native_histograms import Histograms, HistogramShape, NativeHistogram
from monitor.model.samples import Indices, Values
from monitor.promql.values import Vector


@dataclass(frozen=True, slots=True, eq=False)
class ShapeCells:
    """N histograms of one shape: `cells` (N, C), and which they are among those that were asked for, (N,)."""

    shape: HistogramShape
    cells: Values
    positions: Indices


@dataclass(frozen=True, slots=True, eq=False)
class VectorCells:
    """N histograms of one shape, and in which row and at which step of a vector they stand, (N,) each."""

    shape: HistogramShape
    cells: Values
    rows: Indices
    steps: Indices


def by_shape(histograms: Sequence[NativeHistogram]) -> Iterator[ShapeCells]:
    positions: dict[int, list[int]] = {}
    for position, histogram in enumerate(histograms):
        positions.setdefault(id(histogram.shape), []).append(position)
    for places in positions.values():
        cells = np.stack([histograms[place].cells for place in places])
        yield ShapeCells(histograms[places[0]].shape, cells, np.array(places))


def vector_cells(vector: Vector) -> Iterator[VectorCells]:
    """All histograms of a vector."""
    if vector.histograms is None:
        return
    rows, steps = np.nonzero(vector.histogram_mask())
    for found in by_shape(vector.histograms[rows, steps].tolist()):
        yield VectorCells(found.shape, found.cells, rows[found.positions], steps[found.positions])


def numbers_of(vector: Vector, formula: Callable[[VectorCells], Values]) -> Vector:
    """`formula` gives a number (N,) for each histogram; other cells are absent."""
    values = np.zeros(vector.values.shape)
    for found in vector_cells(vector):
        values[found.rows, found.steps] = formula(found)
    return replace(vector, values=values, present=vector.histogram_mask(), histograms=None)


def as_objects(histograms: Sequence[NativeHistogram | None], shape: tuple[int, ...]) -> Histograms:
    """An array of objects, whatever they look like to NumPy."""
    result = np.empty(len(histograms), object)
    result[:] = histograms
    return result.reshape(shape)
