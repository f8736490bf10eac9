"""Decodes remote write requests, knowing what was sent before (see sent_series.py)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.api.remote_write.sent_series import SERIES_MAX, Ends, SentSeries, series_ends
from monitor.api.remote_write.write_request import (
    SAMPLE_BYTES,
    WriteRequest,
    decode_any,
    decode_usual,
    decompress,
    usual_samples,
)
from monitor.errors import BadRequest
from monitor.model.protobuf_fields import read_varint
from monitor.storage.head.hash_runs import HashRuns
from monitor.storage.head.push_groups import KeyRun, RunKeys

SERIES_MIN = 32
"""Fewer series in a request are decoded in less time than it takes to compare them."""
_RUNS_MIN, _RUN_SERIES_MIN = 8, 48
"""Comparing a run takes as long as decoding so many series. If they are shorter, the first few are looked at."""
_ROUNDS = 2
_FIRST_TAG = 0x0A
"""Of a series in a request, and of a label in a series."""
_UINT64_MASK = 2**64 - 1


class SentRequests:
    """Decodes requests, and remembers series of them: about twice as many as `series()` says there are.

    Any thread may decode. What is remembered without need, because its agent sends something else now, is forgotten
    first as long as there is room for a whole round of all agents beside it.
    """

    def __init__(self, series: Callable[[], int]) -> None:
        self._known_series = series
        self._lock = threading.Lock()
        self._numbers = count()
        self._pieces: OrderedDict[int, SentSeries] = OrderedDict()
        """By number; those that came last at the end."""
        self._places = HashRuns()
        """Where each series is, by the hash of its key: SERIES_MAX times its piece's number, and its place in there."""
        self._remembered_series = 0

    @property
    def remembered_series(self) -> int:
        return self._remembered_series

    def decode(self, body: bytes, bytes_max: int) -> WriteRequest:
        """Of a compressed body. Raises BadRequest with what is wrong, or if it would be larger than `bytes_max`."""
        plain = decompress(body, bytes_max)
        try:
            runs = self._runs(plain)
            repeated = self._repeated(plain, runs)
            if repeated is not None:
                return repeated
            usual = decode_usual(plain)
            if usual is None:
                return decode_any(plain)
            return usual if _are_short(runs) else self._remembered(plain, usual)
        except (ValueError, IndexError) as error:
            raise BadRequest(f"remote write request: {error}") from None

    def _runs(self, plain: bytes) -> list[_Run]:
        """What the request begins with: runs of series that were sent before, as long as they are not short."""
        runs: list[_Run] = []
        position = 0
        while position < len(plain) and not _are_short(runs):
            run = self._run_at(plain, position)
            if run is None:
                break
            runs.append(run)
            position = int(run.ends[-1])
        return runs

    def _repeated(self, plain: bytes, runs: list[_Run]) -> WriteRequest | None:
        """The request, if the runs are all of it."""
        if not runs or runs[-1].ends[-1] < len(plain):
            return None
        samples = usual_samples(plain, np.concatenate([_sample_places(run) for run in runs]))
        if samples is None:
            return None
        self._touch({run.sent for run in runs})
        keys = RunKeys([KeyRun(run.sent, run.first, run.first + len(run.ends)) for run in runs])
        counts = np.repeat([run.sent.samples for run in runs], [len(run.ends) for run in runs])
        return WriteRequest(keys, counts.astype(np.intp), *samples)

    def _run_at(self, plain: bytes, position: int) -> _Run | None:
        for sent, first in self._places_of(_key_at(plain, position)):
            ends = sent.repeated(plain, position, first)
            if len(ends):
                return _Run(sent, first, ends)
        return None

    def _places_of(self, key: bytes) -> Iterator[tuple[SentSeries, int]]:
        """Where a series was sent, or one with the same hash; the newest places first."""
        hashed = np.uint64(hash(key) & _UINT64_MASK)
        for run in reversed(self._places.runs):
            for place in reversed(run.find(hashed)):
                sent = self._pieces.get(place // SERIES_MAX)
                if sent is not None:
                    yield sent, place % SERIES_MAX

    def _touch(self, pieces: set[SentSeries]) -> None:
        with self._lock:
            for sent in pieces:
                if sent.number in self._pieces:
                    self._pieces.move_to_end(sent.number)

    def _remembered(self, plain: bytes, request: WriteRequest) -> WriteRequest:
        """The same request; its series are known from now on, if it is one that an agent would repeat."""
        keys, samples = list(request.keys), int(request.counts[0])
        if len(keys) < SERIES_MIN or samples == 0 or (request.counts != samples).any():
            return request
        ends = series_ends(keys, samples, plain)
        if ends is None:
            return request
        bounds = [*range(0, len(keys), SERIES_MAX), len(keys)]
        with self._lock:
            pieces = [self._add(plain, ends, samples, first, end) for first, end in pairwise(bounds)]
            places = np.concatenate([sent.number * SERIES_MAX + np.arange(len(sent)) for sent in pieces])
            self._places.add(np.fromiter(map(hash, keys), np.int64, len(keys)).view(np.uint64), places)
            self._forget(_ROUNDS * self._known_series() + len(keys))
        return replace(request, keys=RunKeys([KeyRun(sent, 0, len(sent)) for sent in pieces], keys))

    def _add(self, plain: bytes, ends: NDArray[np.int64], samples: int, first: int, end: int) -> SentSeries:
        start = int(ends[first - 1]) if first else 0
        of_piece = (ends[first:end] - start).astype(np.int32)
        sent = SentSeries(next(self._numbers), plain[start : ends[end - 1]], of_piece, samples)
        self._pieces[sent.number] = sent
        self._remembered_series += len(sent)
        return sent

    def _forget(self, series_max: int) -> None:
        """What came least recently, until there are so many."""
        while self._remembered_series > series_max:
            _, sent = self._pieces.popitem(last=False)
            self._remembered_series -= len(sent)
        if len(self._places) > 2 * self._remembered_series:
            left = np.fromiter(self._pieces, np.int64, len(self._pieces))
            self._places = self._places.only(lambda places: np.isin(places // SERIES_MAX, left))


class _Run(NamedTuple):
    """Series of `sent` from `first` on that came again; in the request they end at `ends`."""

    sent: SentSeries
    first: int
    ends: Ends


def _are_short(runs: list[_Run]) -> bool:
    """Whether these are so many for their series that decoding takes no longer: the series come in any order."""
    return len(runs) > _RUNS_MIN + sum(len(run.ends) for run in runs) // _RUN_SERIES_MIN


def _sample_places(run: _Run) -> NDArray[np.int64]:
    """Where the samples of its series begin in the request."""
    places = run.ends[:, None] + SAMPLE_BYTES * np.arange(-run.sent.samples, 0)
    return places.reshape(-1)


def _key_at(body: bytes, position: int) -> bytes:
    """The key of a series that begins there, labels first; empty if none does."""
    length, start = read_varint(body, position + 1)
    end = start + length
    if body[position] != _FIRST_TAG or end > len(body):
        return b""
    label_end = start
    while label_end < end and body[label_end] == _FIRST_TAG:
        length, label_start = read_varint(body, label_end + 1)
        label_end = label_start + length
    return body[start:label_end] if label_end < end else b""
