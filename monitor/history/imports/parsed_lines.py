"""What the parsers of all import formats give: samples by series, and what is wrong with which line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import orjson
from numpy.typing import NDArray

from monitor.history.imports.record_splitter import Lines
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import Timestamps, Values

YEAR_10000_MS = 253_402_300_800_000
_KEY_PREFIX = b"labels:"
"""Keys of other senders begin otherwise: see PushSources."""


@dataclass(frozen=True, slots=True)
class LineError:
    """Line `line`, from 1, is refused."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class ParsedLines:
    """K runs of samples laid end to end; run k has `counts[k]` samples of series `keys[k]` and stood in `lines[k]`.

    The same series may have several runs, in any order. `good_lines` had samples; comments and empty lines do not
    count.
    """

    keys: Sequence[bytes]
    lines: Sequence[int]
    counts: NDArray[np.intp]
    timestamps_ms: Timestamps
    values: Values
    good_lines: int
    errors: Sequence[LineError]


class LineParser(Protocol):
    """A parser of one format, which may remember what earlier lines said, such as a header."""

    def parse(self, lines: Lines) -> ParsedLines: ...


def series_key(labels: Mapping[str, str]) -> bytes:
    """What names a series among pushed ones: equal for equal label sets. Raises ValueError if they are no series."""
    if not labels.get(METRIC_NAME):
        raise ValueError(f"got {Labels(labels)}, want a metric name (__name__)")
    if "" in labels:
        raise ValueError("got an empty label name, want one")
    return _KEY_PREFIX + orjson.dumps({name: value for name, value in sorted(labels.items()) if value})


def label_sets(keys: Sequence[bytes]) -> LabelFrame:
    """The label sets that `series_key` made the keys of."""
    return LabelFrame.of([orjson.loads(key[len(_KEY_PREFIX) :]) for key in keys])


def check_time(timestamp_ms: int) -> int:
    """Raises ValueError unless it is from 1970 to 9999."""
    if not 0 <= timestamp_ms < YEAR_10000_MS:
        raise ValueError(f"got a sample at {timestamp_ms} ms, want a time from 1970 to 9999")
    return timestamp_ms


class SampleLines:
    """Gathers single samples: one for each line."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []
        self._lines: list[int] = []
        self._timestamps_ms: list[int] = []
        self._values: list[float] = []
        self._errors: list[LineError] = []

    def add(self, line: int, key: bytes, timestamp_ms: int, value: float) -> None:
        self._keys.append(key)
        self._lines.append(line)
        self._timestamps_ms.append(timestamp_ms)
        self._values.append(value)

    def refuse(self, line: int, message: str) -> None:
        self._errors.append(LineError(line, message))

    def parsed(self) -> ParsedLines:
        return ParsedLines(
            self._keys,
            self._lines,
            np.ones(len(self._keys), np.intp),
            np.array(self._timestamps_ms, np.int64),
            np.array(self._values, np.float64),
            len(self._keys),
            self._errors,
        )
