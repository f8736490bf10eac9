"""Query results as JSON, from columns to text: no Python object is made for a point, and one join for thousands.

A matrix is written run by run, a run being the points of one series, as an alternation of leads and values:

    {"metric":{…},"values":[[t0,"    1    "],[t1,"    2    "]]},{"metric":{…},"values":[[t0,"    3    "]]}
    lead of a run's first point    value   lead   value   lead of the next run's first point   value   end
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress

import numpy as np
import orjson

from monitor.api.shapes.float_text import float_text, float_texts, short_timestamp_text, timestamp_text, timestamp_texts
from monitor.api.shapes.histogram_json import histogram_pieces
from monitor.model.frame import Frame
from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.model.samples import Indices, Mask, Timestamps, Values
from monitor.promql.limits import Guard
from monitor.promql.plan import Memo
from monitor.promql.ranges.range_vectors import SampleRuns
from monitor.promql.results import QueryResult, ResultType
from monitor.promql.syntax.go_text import with_replacement

_KNOWN_SERIES_MAX = 64
_POINTS_MAX = 16_384
"""Points a piece: its lists stay in the processor's cache, and no call holds the interpreter for more than 2 ms."""


def metric_texts(labels: LabelFrame) -> list[bytes]:
    """The S label sets as JSON objects."""
    columns = [_label_texts(name, labels.columns[name]) for name in labels.names()]
    if not columns:
        return [b"{}"] * labels.size
    return [b"{" + b"".join(pairs)[1:] + b"}" for pairs in zip(*columns, strict=True)]


def _label_texts(name: str, column: LabelColumn) -> list[bytes]:
    """`,"name":"value"` for each set that has the label, else nothing."""
    start = b"," + json_text(name) + b":"
    codes = column.codes.tolist()
    text_by_code = {code: start + json_text(column.values[code]) for code in set(codes) if code}
    text_by_code[0] = b""
    return [text_by_code[code] for code in codes]


def json_text(text: str) -> bytes:
    """A JSON string; what is not UTF-8 becomes U+FFFD, as Go's encoder has it."""
    try:
        return orjson.dumps(text)
    except orjson.JSONEncodeError:
        return orjson.dumps(with_replacement(text))


def result_pieces(result: QueryResult, guard: Guard, memo: Memo | None = None) -> Iterator[bytes]:
    """The value of `data.result` in pieces. `guard` is asked between them; `memo` is of the plan, for small results."""
    value = result.value
    at_ms = result.steps.start_ms
    if result.type is ResultType.SCALAR:
        assert isinstance(value, float), f"BUG: got {type(value).__name__}, want a float"
        yield b'[%b,"%b"]' % (short_timestamp_text(at_ms), float_text(value).encode())
    elif isinstance(value, str):
        yield b"[%b,%b]" % (short_timestamp_text(at_ms), json_text(value))
    elif isinstance(value, Frame | SampleRuns) and value.histograms is not None:
        yield from histogram_pieces(result, metric_texts(value.labels), guard)
    elif isinstance(value, SampleRuns):
        yield from _runs(value, metric_texts(value.labels), guard)
    elif result.type is ResultType.VECTOR:
        assert isinstance(value, Frame), f"BUG: got {type(value).__name__}, want a Frame"
        yield from _vector(value, _known_metric_texts(value.labels, memo), at_ms, guard)
    else:
        assert isinstance(value, Frame), f"BUG: got {type(value).__name__}, want a Frame"
        yield from _matrix(value, _known_metric_texts(value.labels, memo), result.steps.times_ms(), guard)


def _known_metric_texts(labels: LabelFrame, memo: Memo | None) -> Sequence[bytes]:
    """As `metric_texts`, made once for a plan as long as its result has the same few series."""
    if memo is None or labels.size > _KNOWN_SERIES_MAX:
        return metric_texts(labels)
    return memo.derive("metric texts", (labels,), lambda: metric_texts(labels))


def _vector(frame: Frame, metrics: Sequence[bytes], at_ms: int, guard: Guard) -> Iterator[bytes]:
    if not frame.series:
        yield b"[]"
        return
    time = timestamp_text(at_ms)
    values = np.ascontiguousarray(frame.values[:, 0])
    for first in range(0, frame.series, _POINTS_MAX):
        guard.check()
        end = first + _POINTS_MAX
        leads = [b'"]},{"metric":%b,"value":[%b,"' % (metric, time) for metric in metrics[first:end]]
        piece = _interleaved(leads, values[first:end], is_first=first == 0, closing=b'"]},')
        yield piece if end < frame.series else piece + b'"]}]'


def _matrix(frame: Frame, metrics: Sequence[bytes], timestamps_ms: Timestamps, guard: Guard) -> Iterator[bytes]:
    if not frame.series:
        yield b"[]"
        return
    leads = _leads(timestamp_texts(timestamps_ms))
    rows = max(1, _POINTS_MAX // max(1, len(leads)))
    for first in range(0, frame.series, rows):
        guard.check()
        end = first + rows
        present = None if frame.present is None else frame.present[first:end]
        yield _matrix_piece(metrics[first:end], leads, frame.values[first:end], present, is_first=first == 0)
    yield b'"]]}]'


def _matrix_piece(
    metrics: Sequence[bytes], leads: list[bytes], values: Values, present: Mask | None, *, is_first: bool
) -> bytes:
    """R series over T steps, each with a value at some step."""
    all_leads = leads * len(metrics)
    if present is None or present.all():
        starts = np.arange(len(metrics)) * len(leads)
        return _run_piece(metrics, starts, all_leads, values.ravel(), is_first=is_first)
    counts = present.sum(axis=1)
    kept = list(compress(all_leads, present.ravel().tolist()))
    return _run_piece(metrics, np.cumsum(counts) - counts, kept, values[present], is_first=is_first)


def _leads(times: list[bytes]) -> list[bytes]:
    """What stands before each value, `"],[time,"`."""
    return (b'"],[' + b',"\0"],['.join(times) + b',"').split(b"\0")


def _runs(runs: SampleRuns, metrics: Sequence[bytes], guard: Guard) -> Iterator[bytes]:
    size = runs.labels.size
    if not size:
        yield b"[]"
        return
    first = 0
    while first < size:
        guard.check()
        begin = int(runs.starts[first])
        # At least one run, however long; otherwise as many as fit.
        end = max(first + 1, int(np.searchsorted(runs.starts, begin + _POINTS_MAX, side="right")) - 1)
        points = slice(begin, int(runs.starts[end]))
        leads = _leads(timestamp_texts(runs.timestamps_ms[points]))
        starts = runs.starts[first:end] - begin
        yield _run_piece(metrics[first:end], starts, leads, runs.values[points], is_first=first == 0)
        first = end
    yield b'"]]}]'


def _run_piece(
    metrics: Sequence[bytes], starts: Indices, leads: list[bytes], values: Values, *, is_first: bool
) -> bytes:
    """Points laid end to end; the run of `metrics[r]` begins at `starts[r]`."""
    for metric, start in zip(metrics, starts.tolist(), strict=True):
        leads[start] = b'"]]},{"metric":%b,"values":[%b' % (metric, leads[start][3:])
    return _interleaved(leads, values, is_first=is_first, closing=b'"]]},')


def _interleaved(leads: Sequence[bytes], values: Values, *, is_first: bool, closing: bytes) -> bytes:
    """lead, text, lead, text, … The first point of all has nothing before it to close: it opens the list."""
    items = [b""] * (2 * len(leads))
    items[0::2] = leads
    items[1::2] = float_texts(values)
    if is_first:
        items[0] = b"[" + items[0].removeprefix(closing)
    return b"".join(items)
