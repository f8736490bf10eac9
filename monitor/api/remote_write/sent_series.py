"""Series that come again in the order in which they came before are known by comparing bytes.

An agent sends one sample of each of its series round after round, in the same order, but its requests begin and end
elsewhere each time. So a request repeats parts of earlier ones, but for the values and times: these parts are runs of
series that need neither be decoded nor looked up.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import DTypeLike, NDArray

from monitor.api.remote_write.write_request import (
    SAMPLE_BYTES,
    WriteRequest,
    decode_any,
    decode_usual,
    decompress,
    usual_samples,
)
from monitor.errors import BadRequest
from monitor.model.label_frame import Rows
from monitor.model.protobuf_fields import read_varint
from monitor.storage.head.push_groups import KeyRun, RunKeys

_READ_RATIO_MAX = 6
"""Reading more of earlier requests than so many times the size of this one takes longer than decoding it."""
_ROUNDS = 2
SERIES_MIN = 32
"""Fewer series in a request are decoded in less time than it takes to compare them."""
_SERIES_TAG = 0x0A
_LONG_FROM, _VERY_LONG_FROM = 0x80, 0x4000
"""The length of a series that has so many bytes takes two bytes, and three."""
# Where the value and the time of a sample stand in it; everything else of a request says which series it is.
_VALUE_AT, _TIME_AT = 3, 12
Ends = NDArray[np.int32]
Flags = NDArray[np.bool_]


class SentSeries:
    """The series of a request with one sample each. `ends` (K,) are those of the series in its body."""

    def __init__(self, compressed: bytes, ends: Ends) -> None:
        self._compressed = compressed
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def size_bytes(self) -> int:
        """Of the body."""
        return int(self._ends[-1])

    def keys(self) -> list[bytes]:
        """Of all series, in order."""
        plain, starts = self._plain(), self._starts()
        is_long = np.frombuffer(plain, np.uint8)[starts + 1] >= _LONG_FROM
        label_starts, label_ends = starts + 2 + is_long, self._ends - SAMPLE_BYTES
        return [plain[first:end] for first, end in zip(label_starts.tolist(), label_ends.tolist(), strict=True)]

    def head(self, index: int) -> bytes:
        """What comes before the sample of a series."""
        return self._plain()[self._starts()[index] : self._ends[index] - SAMPLE_BYTES]

    def index_of(self, head: bytes, first: int) -> int | None:
        """Which series from `first` on begins with `head`, if any."""
        starts = self._starts()
        place = self._plain().find(head, starts[first]) if first < len(starts) else -1
        index = int(starts.searchsorted(place))
        return index if index < len(starts) and starts[index] == place else None

    def repeated(self, body: bytes, position: int, first: int) -> Ends:
        """Where series end in `body` from `position` on as long as they are those from `first` on of these."""
        before, now = np.frombuffer(self._plain(), np.uint8), np.frombuffer(body, np.uint8)[position:]
        start = int(self._starts()[first])
        size = min(len(now), len(before) - start)
        differs = before[start : start + size] != now[:size]
        ends = self._ends[first:] - start
        ends = ends[: np.searchsorted(ends, size, side="right")]
        _clear(differs, ends - SAMPLE_BYTES + _VALUE_AT, np.uint64)
        _clear(differs, ends - SAMPLE_BYTES + _TIME_AT, np.uint32)
        _clear(differs, ends - SAMPLE_BYTES + _TIME_AT + 4, np.uint16)
        same = int(differs.argmax()) if size else 0
        if not size or not differs[same]:
            same = size
        return ends[: np.searchsorted(ends, same, side="right")] + position

    def _plain(self) -> bytes:
        return decompress(self._compressed, self.size_bytes)

    def _starts(self) -> Ends:
        return np.append(np.zeros(1, np.int32), self._ends[:-1])


class SentRequests:
    """Decodes requests, and remembers series of them: about twice as many as `series()` says there are.

    Any thread may decode. What is remembered without need, because its agent sends something else now, is forgotten
    first as long as there is room for a whole round of all agents beside it.
    """

    def __init__(self, series: Callable[[], int]) -> None:
        self._known_series = series
        self._lock = threading.Lock()
        self._recent: OrderedDict[SentSeries, None] = OrderedDict()
        """Those that came last at the end."""
        self._series = 0
        """Of all that are remembered."""
        self._places: dict[bytes, tuple[SentSeries, int]] = {}
        """Where a request may begin: with the first series of an earlier one, or where the last one ended."""
        self._resumed: dict[SentSeries, bytes] = {}
        """The heads at the latter places."""

    @property
    def remembered_series(self) -> int:
        return self._series

    def decode(self, body: bytes, bytes_max: int) -> WriteRequest:
        """Of a compressed body. Raises BadRequest with what is wrong, or if it would be larger than `bytes_max`."""
        plain = decompress(body, bytes_max)
        try:
            repeated = self._repeated(plain)
            if repeated is not None:
                return repeated
            usual = decode_usual(plain)
            return decode_any(plain) if usual is None else self._remembered(body, plain, usual)
        except (ValueError, IndexError) as error:
            raise BadRequest(f"remote write request: {error}") from None

    def _repeated(self, plain: bytes) -> WriteRequest | None:
        """The request, if all of it are series that were sent before."""
        runs: list[KeyRun] = []
        ends: list[Ends] = []
        position = read_bytes = 0
        while position < len(plain) and read_bytes <= _READ_RATIO_MAX * len(plain):
            place = self._place_of(_head_at(plain, position), runs[-1] if runs else None)
            if place is None:
                return None
            sent, first = place
            found = sent.repeated(plain, position, first)
            if not len(found):
                return None
            runs.append(KeyRun(sent, first, first + len(found)))
            ends.append(found)
            position = int(found[-1])
            read_bytes += sent.size_bytes
        if not runs or position < len(plain):
            return None
        samples = usual_samples(plain, np.concatenate(ends) - SAMPLE_BYTES)
        if samples is None:
            return None
        self._note(runs, sent)
        return WriteRequest(RunKeys(runs), np.ones(len(samples[0]), np.intp), *samples)

    def _place_of(self, head: bytes, last: KeyRun | None) -> tuple[SentSeries, int] | None:
        """Where a series was sent before, given the run of series before it."""
        place = self._places.get(head)
        if place is None and last is not None and isinstance(last.kept, SentSeries):
            # Some series may be missing now: a target is down, or has fewer of them.
            index = last.kept.index_of(head, last.end)
            return None if index is None else (last.kept, index)
        return place

    def _note(self, runs: list[KeyRun], last: SentSeries) -> None:
        """These came again; the next request may begin where the last of them ended."""
        end = runs[-1].end
        head = last.head(end) if end < len(last) else None
        with self._lock:
            for kept in {run.kept for run in runs}:
                if isinstance(kept, SentSeries) and kept in self._recent:
                    self._recent.move_to_end(kept)
            if last not in self._recent:
                return
            self._forget_place(self._resumed.pop(last, None), last)
            if head is not None and head not in self._places:
                self._resumed[last] = head
                self._places[head] = last, end

    def _remembered(self, body: bytes, plain: bytes, request: WriteRequest) -> WriteRequest:
        """The same request; its series are known from now on, if it is one that an agent would repeat."""
        keys = list(request.keys)
        if len(keys) < SERIES_MIN or len(request.values) != len(keys) or request.counts.max() != 1:
            return request
        lengths = np.fromiter(map(len, keys), np.intp, len(keys)) + SAMPLE_BYTES
        ends = np.cumsum(lengths + 2 + (lengths >= _LONG_FROM))
        if ends[-1] != len(plain) or lengths.max() >= _VERY_LONG_FROM:
            return request  # there is something else between the series
        sent = SentSeries(body, ends.astype(np.int32))
        with self._lock:
            replaced = self._places.get(sent.head(0))
            if replaced is not None and replaced[1] == 0:
                self._forget(replaced[0])
            self._places[sent.head(0)] = sent, 0
            self._recent[sent] = None
            self._series += len(sent)
            while self._series > _ROUNDS * self._known_series() + len(sent):
                self._forget(next(iter(self._recent)))
        return replace(request, keys=RunKeys([KeyRun(sent, 0, len(sent))], keys))

    def _forget(self, sent: SentSeries) -> None:
        del self._recent[sent]
        self._series -= len(sent)
        self._forget_place(sent.head(0), sent)
        self._forget_place(self._resumed.pop(sent, None), sent)

    def _forget_place(self, head: bytes | None, sent: SentSeries) -> None:
        if head is not None and self._places.get(head, (None, 0))[0] is sent:
            del self._places[head]


def _head_at(body: bytes, position: int) -> bytes:
    """What comes before the sample of a series that begins there; empty if none does."""
    if body[position] != _SERIES_TAG:
        return b""
    length, start = read_varint(body, position + 1)
    return body[position : start + length - SAMPLE_BYTES] if SAMPLE_BYTES <= length <= len(body) - start else b""


def _clear(flags: Flags, places: Rows | Ends, word: DTypeLike) -> None:
    """Unsets as many flags as `word` has bytes, from each of `places` on."""
    if len(places):
        size = np.dtype(word).itemsize
        words = np.ndarray((len(flags) - size + 1,), word, flags, strides=(1,))
        words[places] = 0
