"""What the rest of the service sees of a store: the same seams for ours and for a remote engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from monitor.model.label_frame import LabelFrame, Rows
from monitor.model.matchers import Matcher
from monitor.model.samples import Indices, Timestamps, Values

Selector = tuple[Matcher, ...]


class Stripe:
    """R series that share N timestamps: one piece of a selection.

    `rows` (R,) are the series, as rows of the selection's labels; `timestamps_ms` (N,) ascend strictly;
    `values` (R, N) is C-contiguous and read-only. A dense stripe holds a number in every cell. In others a cell may be
    a stale marker or absent (monitor/model/samples.py).

    A stripe may be made with a function instead of values: they are read when they are first asked for, and then kept.
    `read` gives them without keeping them. Both raise CorruptData if that fails; selecting again passes over what is
    damaged.
    """

    __slots__ = ("_values", "dense", "rows", "timestamps_ms")

    def __init__(
        self, rows: Rows, timestamps_ms: Timestamps, values: Values | Callable[[], Values], dense: bool
    ) -> None:
        self.rows = rows
        self.timestamps_ms = timestamps_ms
        self.dense = dense
        self._values = values

    @property
    def values(self) -> Values:
        if callable(self._values):
            self._values = self._values()
        return self._values

    def read(self) -> Values:
        return self._values() if callable(self._values) else self._values

    @property
    def cells(self) -> int:
        return len(self.rows) * len(self.timestamps_ms)


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """V stripes with few series each, laid end to end: there is no Python object for any of them.

    `rows` (R,) are the series, vector after vector, `row_counts` (V,) > 0 of each. `timestamps_ms` holds those of all
    vectors, which begin at `vector_starts` (V,) and ascend strictly within each. None is empty. `read_vectors(first,
    stop)` gives the values of the vectors from `first` to `stop` - 1, laid end to end: row after row of each. It raises
    CorruptData as a stripe does. The first `dense_vectors` are dense.
    """

    rows: Rows
    row_counts: Indices
    timestamps_ms: Timestamps
    vector_starts: Indices
    read_vectors: Callable[[int, int], Values]
    dense_vectors: int

    @property
    def dense(self) -> bool:
        """Whether all vectors are."""
        return self.dense_vectors == len(self.row_counts)

    @property
    def vector_sizes(self) -> Indices:
        """(V,) timestamps of each vector."""
        return np.diff(self.vector_starts, append=len(self.timestamps_ms))

    @property
    def cells(self) -> int:
        return int(self.row_counts @ self.vector_sizes)

    def stripes(self) -> list[Stripe]:
        """One by one."""
        rows = np.split(self.rows, np.cumsum(self.row_counts)[:-1])
        times = np.split(self.timestamps_ms, self.vector_starts[1:])
        return [
            Stripe(rows[vector], times[vector], partial(self._read_stripe, vector), vector < self.dense_vectors)
            for vector in range(len(rows))
        ]

    def _read_stripe(self, vector: int) -> Values:
        values = self.read_vectors(vector, vector + 1).reshape(int(self.row_counts[vector]), -1)
        values.flags.writeable = False
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The series that a selector found, S different label sets, and their samples.

    Each series is in exactly one stripe, or in none if it has no sample in the time asked for. Most of a selection over
    many small sources is in `bundle`, the rest in the stripes `apart`. `warnings` name damaged data that was left out.
    """

    labels: LabelFrame
    apart: tuple[Stripe, ...]
    warnings: tuple[str, ...] = ()
    bundle: Bundle | None = None

    @property
    def stripes(self) -> tuple[Stripe, ...]:
        """All of them."""
        return self.apart if self.bundle is None else (*self.apart, *self.bundle.stripes())

    @property
    def samples(self) -> int:
        in_bundle = 0 if self.bundle is None else self.bundle.cells
        return in_bundle + sum(stripe.cells for stripe in self.apart)


@dataclass(frozen=True, slots=True)
class SelectionSize:
    """How many series a selector finds, and about how many samples they have in the time asked for."""

    series: int
    samples: int


class Reader(Protocol):
    """A consistent view of the store. Times are inclusive at both ends."""

    def select(self, selector: Selector, start_ms: int, end_ms: int) -> Selection: ...

    def size(self, selector: Selector, start_ms: int, end_ms: int, roughly_below: int = 0) -> SelectionSize:
        """What `select` would give, without reading a sample.

        Up to `roughly_below` samples may be a guess from the number of series alone, but none that is too low unless
        series have more than ten samples a second.
        """
        ...

    def series(self, selectors: Sequence[Selector], start_ms: int, end_ms: int) -> LabelFrame:
        """The label sets that match any selector (all if there is none) and may have samples then."""
        ...


class Queryable(Protocol):
    """Where readers come from."""

    def reader(self) -> AbstractContextManager[Reader]: ...


class Appender(Protocol):
    """Where samples go."""

    def append(self, source: str, labels: LabelFrame, timestamps_ms: Timestamps, values: Values) -> None:
        """Adds T samples of each of S series of one source.

        `timestamps_ms` (T,) ascend strictly; `values` (T, S), ABSENT where a series has no sample. The label sets
        differ from each other. Passing the same `labels` object again is cheap: the layout is known by identity.
        A sample older than what its series already has is kept beside it; one at the same time is ignored.
        """
        ...


class RowAppender(Protocol):
    """One source whose series are all sampled at the same instants, such as a scraped target."""

    def set_layout(self, labels: LabelFrame) -> int:
        """From the next row on, column s of a row is the series `labels[s]`, whatever came before.

        The label sets differ from each other. Series of the previous layout that are not in this one get a stale
        marker at the next row's timestamp. Returns how many series the previous layout did not have.
        """
        ...

    def append_row(self, timestamp_ms: int, values: Values) -> None:
        """One row (S,) under the current layout. A cell may be STALE or ABSENT. The values are copied.

        A row that is not younger than the last is kept among the late samples.
        """
        ...


class RowStore(Protocol):
    """Where row appenders come from."""

    def open_source(self, key: str, interval_ms: int | None = None) -> RowAppender:
        """The source named `key`; the same key after a restart continues the same series.

        `interval_ms` is the time expected between rows.
        """
        ...
