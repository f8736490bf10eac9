"""From a decoded remote write request to the store: what is good is kept, whatever else is in the request.

A sender repeats a request on 5xx and 429 and drops it on 400. So nothing good may be lost with what is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from monitor.api.context import WritableStore
from monitor.api.remote_write.histogram_components import component_series
from monitor.api.remote_write.histogram_message import HistogramSample, decode_histogram
from monitor.api.remote_write.label_sets import decode_float_label_sets, decode_label_sets
from monitor.api.remote_write.write_request import WriteRequest
from monitor.errors import BadRequest, LimitExceeded
from monitor.storage.head.push_groups import PushedBatch, batch_of

YEAR_10000_MS = 253_402_300_800_000


@dataclass(frozen=True, slots=True)
class Written:
    """`refusal` says why the first of `refused_series` was not taken, or not all of its samples; empty if none."""

    series: int = 0
    samples: int = 0
    refused_series: int = 0
    refusal: str = ""

    def refusing(self, series: int, reason: str) -> Written:
        return replace(self, refused_series=self.refused_series + series, refusal=self.refusal or reason)


def write_samples(store: WritableStore, request: WriteRequest) -> Written:
    """Pushes what the store takes. Raises StorageFull if it takes nothing more."""
    timely, written = _timely(request, Written(len(request.keys)))
    batch = batch_of(timely.keys, decode_float_label_sets, timely.counts, timely.timestamps_ms, timely.values)
    written = _push(store, batch, written)
    return _write_histograms(store, request, written) if request.histograms else written


def _write_histograms(store: WritableStore, request: WriteRequest, written: Written) -> Written:
    samples: list[tuple[bytes, HistogramSample]] = []
    for key, message in request.histograms:
        try:
            samples.append((key, decode_histogram(message)))
        except BadRequest as error:
            written = written.refusing(1, str(error))
    series = list(component_series(samples))
    if not series:
        return written
    components = WriteRequest(
        [each.key for each in series],
        np.array([len(each.values) for each in series], np.intp),
        np.concatenate([each.timestamps_ms for each in series]),
        np.concatenate([each.values for each in series]),
    )
    timely, kept = _timely(components, replace(written, samples=0))
    kept = _push(
        store, batch_of(timely.keys, decode_label_sets, timely.counts, timely.timestamps_ms, timely.values), kept
    )
    return replace(kept, samples=written.samples + (len(samples) if kept.samples else 0))


def _push(store: WritableStore, batch: PushedBatch, written: Written) -> Written:
    if not batch.keys:
        return written
    try:
        too_late = store.push(batch)
    except BadRequest:
        # Nothing of it was taken: the store asks for the labels of all new series first.
        return _push(store, *_well_labelled(batch, written))
    except LimitExceeded as error:
        return _push_halves(store, batch, written, error)
    written = replace(written, samples=written.samples + len(batch.values) - too_late)
    if too_late:
        return written.refusing(0, f"out of order sample: {too_late} samples are older than the late window allows")
    return written


def _push_halves(store: WritableStore, batch: PushedBatch, written: Written, error: LimitExceeded) -> Written:
    """Finds the new series by halving: known ones keep flowing whatever the limit."""
    if len(batch.keys) == 1:
        return written.refusing(1, str(error))
    middle = len(batch.keys) // 2
    written = _push(store, batch.taken(np.arange(middle)), written)
    return _push(store, batch.taken(np.arange(middle, len(batch.keys))), written)


def _timely(request: WriteRequest, written: Written) -> tuple[WriteRequest, Written]:
    """Without samples before 1970 or after the year 9999."""
    times = request.timestamps_ms
    if not len(times) or (times.min() >= 0 and times.max() < YEAR_10000_MS):
        return request, written
    is_timely = (times >= 0) & (times < YEAR_10000_MS)
    owner = np.repeat(np.arange(len(request.keys)), request.counts)
    counts = np.bincount(owner[is_timely], minlength=len(request.keys))
    first_ms = int(times[~is_timely][0])
    reason = f"got a sample at {first_ms} ms, want a time from 1970 to 9999"
    kept = replace(request, counts=counts, timestamps_ms=times[is_timely], values=request.values[is_timely])
    return kept, written.refusing(int((counts < request.counts).sum()), reason)


def _well_labelled(batch: PushedBatch, written: Written) -> tuple[PushedBatch, Written]:
    """Without series whose labels make no sense."""
    is_good = np.ones(len(batch.keys), np.bool_)
    for position, key in enumerate(batch.keys):
        try:
            batch.label_sets([key])
        except BadRequest as error:
            is_good[position] = False
            written = written.refusing(1, str(error))
    return batch.taken(np.flatnonzero(is_good)), written
