"""Series that come again in the order in which they came before are known by comparing bytes.

An agent sends as many samples of each of its series, round after round, those of one target in the same order. Its
requests begin and end elsewhere each time, and targets may follow each other in another order. So a request repeats
runs of series of earlier ones, but for their samples: these need neither be decoded nor looked up one by one.
"""

from __future__ import annotations

import cramjam
import numpy as np
from numpy.typing import NDArray

from monitor.api.remote_write.write_request import SAMPLE_BYTES, decompress

SERIES_MAX = 1024
"""More series in a piece would take longer to read when a run begins in it, fewer make more runs."""
_LONG_FROM, _VERY_LONG_FROM = 0x80, 0x4000
"""The length of a series that has so many bytes takes two bytes, and three."""
Ends = NDArray[np.int32]


class SentSeries:
    """Some series of a request, each with as many `samples`. `ends` (K,) are where they end in `plain`."""

    def __init__(self, number: int, plain: bytes, ends: Ends, samples: int) -> None:
        self.number = number
        self.samples = samples
        self._ends = ends
        self._compressed = bytes(cramjam.snappy.compress_raw(self._without_samples(plain)))

    def __len__(self) -> int:
        return len(self._ends)

    def keys(self) -> list[bytes]:
        """Of all series, in order."""
        plain, starts = self._plain(), self._starts()
        is_long = np.frombuffer(plain, np.uint8)[starts + 1] >= _LONG_FROM
        label_starts, label_ends = (starts + 2 + is_long).tolist(), self._label_ends().tolist()
        return [plain[first:end] for first, end in zip(label_starts, label_ends, strict=True)]

    def repeated(self, body: bytes, position: int, first: int) -> Ends:
        """Where series end in `body` from `position` on as long as they are those from `first` on of these."""
        start = int(self._starts()[first])
        ends = self._ends[first:] - start
        ends = ends[: np.searchsorted(ends, len(body) - position, side="right")]
        if not len(ends):
            return ends
        before = np.frombuffer(self._plain(), np.uint8, int(ends[-1]), start)
        now = np.frombuffer(body, np.uint8, int(ends[-1]), position)
        heads = np.stack([self._starts()[first:][: len(ends)], self._label_ends()[first:][: len(ends)]], axis=1) - start
        # What differs in each head, and in the samples behind it, which may.
        differs = np.maximum.reduceat((before != now).view(np.uint8), heads.reshape(-1))[::2]
        return ends[: int(differs.argmax()) if differs.any() else len(ends)] + position

    def _plain(self) -> bytes:
        return decompress(self._compressed, int(self._ends[-1]))

    def _starts(self) -> Ends:
        return np.append(np.zeros(1, np.int32), self._ends[:-1])

    def _label_ends(self) -> Ends:
        return self._ends - np.int32(SAMPLE_BYTES * self.samples)

    def _without_samples(self, plain: bytes) -> bytes:
        """Zeros in their place take next to no memory."""
        lengths = np.stack([self._label_ends() - self._starts(), self._ends - self._label_ends()], axis=1)
        is_kept = np.repeat(np.tile(np.array([1, 0], np.uint8), len(self)), lengths.reshape(-1))
        kept: NDArray[np.uint8] = np.frombuffer(plain, np.uint8) * is_kept
        return kept.tobytes()


def series_ends(keys: list[bytes], samples: int, body: bytes) -> NDArray[np.int64] | None:
    """Where series with these keys and so many samples each end in `body`; None if something else is between them."""
    lengths = np.fromiter(map(len, keys), np.int64, len(keys)) + SAMPLE_BYTES * samples
    ends = np.cumsum(lengths + 2 + (lengths >= _LONG_FROM))
    return None if ends[-1] != len(body) or lengths.max() >= _VERY_LONG_FROM else ends
