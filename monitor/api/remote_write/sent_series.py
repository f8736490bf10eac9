"""Series that come again in the order in which they came before are known by comparing bytes.

An agent sends one sample of each of its series round after round, those of one target in the same order. Its requests
begin and end elsewhere each time, and targets may follow each other in another order. So a request repeats runs of
series of earlier ones, but for values and times: these need neither be decoded nor looked up one by one.
"""

from __future__ import annotations

import cramjam
import numpy as np
from numpy.typing import DTypeLike, NDArray

from monitor.api.remote_write.write_request import SAMPLE_BYTES, decompress
from monitor.model.label_frame import Rows

SERIES_MAX = 1024
"""More series in a piece would take longer to read when a run begins in it, fewer make more runs."""
_LONG_FROM, _VERY_LONG_FROM = 0x80, 0x4000
"""The length of a series that has so many bytes takes two bytes, and three."""
# Where the value and the time of a sample stand in it; everything else of a request says which series it is.
_VALUE_AT, _TIME_AT = 3, 12
Ends = NDArray[np.int32]
Flags = NDArray[np.bool_]


class SentSeries:
    """Some series of a request with one sample each. `ends` (K,) are where they end in `plain`."""

    def __init__(self, number: int, plain: bytes, ends: Ends) -> None:
        self.number = number
        self._compressed = bytes(cramjam.snappy.compress_raw(plain))
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    def keys(self) -> list[bytes]:
        """Of all series, in order."""
        plain, starts = self._plain(), self._starts()
        is_long = np.frombuffer(plain, np.uint8)[starts + 1] >= _LONG_FROM
        label_starts, label_ends = starts + 2 + is_long, self._ends - SAMPLE_BYTES
        return [plain[first:end] for first, end in zip(label_starts.tolist(), label_ends.tolist(), strict=True)]

    def repeated(self, body: bytes, position: int, first: int) -> Ends:
        """Where series end in `body` from `position` on as long as they are those from `first` on of these."""
        start = int(self._starts()[first])
        before = np.frombuffer(self._plain(), np.uint8)[start:]
        now = np.frombuffer(body, np.uint8)[position : position + len(before)]
        differs = before[: len(now)] != now
        ends = self._ends[first:] - start
        ends = ends[: np.searchsorted(ends, len(now), side="right")]
        _clear(differs, ends - SAMPLE_BYTES + _VALUE_AT, np.uint64)
        _clear(differs, ends - SAMPLE_BYTES + _TIME_AT, np.uint32)
        _clear(differs, ends - SAMPLE_BYTES + _TIME_AT + 4, np.uint16)
        same = int(differs.argmax()) if differs.any() else len(now)
        return ends[: np.searchsorted(ends, same, side="right")] + position

    def _plain(self) -> bytes:
        return decompress(self._compressed, int(self._ends[-1]))

    def _starts(self) -> Ends:
        return np.append(np.zeros(1, np.int32), self._ends[:-1])


def series_ends(keys: list[bytes], body: bytes) -> NDArray[np.int64] | None:
    """Where series with these keys and one sample each end in `body`; None if there is something else between them."""
    lengths = np.fromiter(map(len, keys), np.int64, len(keys)) + SAMPLE_BYTES
    ends = np.cumsum(lengths + 2 + (lengths >= _LONG_FROM))
    return None if ends[-1] != len(body) or lengths.max() >= _VERY_LONG_FROM else ends


def _clear(flags: Flags, places: Rows | Ends, word: DTypeLike) -> None:
    """Unsets as many flags as `word` has bytes, from each of `places` on."""
    if len(places):
        size = np.dtype(word).itemsize
        words = np.ndarray((len(flags) - size + 1,), word, flags, strides=(1,))
        words[places] = 0
