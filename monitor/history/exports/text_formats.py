"""Samples as JSON lines and as CSV. No value at all is a stale marker: `null` in JSON, an empty field in CSV."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import orjson

from monitor.history.columns import column_of, label_columns
from monitor.history.exports.runs import SeriesRuns
from monitor.model.samples import Values, is_stale

_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_CSV_SPECIAL = frozenset(',"\r\n')


class JsonLinesEncoder:
    """{"metric":{…},"values":[…],"timestamps":[…]} for each series of each piece, as VictoriaMetrics has it."""

    def begin(self) -> bytes:
        return b""

    def encode(self, runs: SeriesRuns) -> bytes:
        lines = []
        for labels, (start, end) in zip(runs.labels.all_labels(), pairwise(runs.starts.tolist()), strict=True):
            metric = orjson.dumps({valid_text(name): valid_text(value) for name, value in labels.items()})
            values = _json_values(runs.values[start:end])
            times = orjson.dumps(np.ascontiguousarray(runs.timestamps_ms[start:end]), option=_NUMPY)
            lines.append(b'{"metric":%b,"values":%b,"timestamps":%b}\n' % (metric, values, times))
        return b"".join(lines)

    def end(self) -> bytes:
        return b""


def _json_values(values: Values) -> bytes:
    values = np.ascontiguousarray(values)
    if np.isfinite(values).all():
        return orjson.dumps(values, option=_NUMPY)
    stale = is_stale(values)
    words = [
        None if is_end else value if np.isfinite(value) else _word(value)
        for value, is_end in zip(values.tolist(), stale.tolist(), strict=True)
    ]
    return orjson.dumps(words)


def _word(value: float) -> str:
    if np.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


class CsvEncoder:
    """A header, then one sample a line: timestamp_ms, value, and a column for each label name, the metric's first."""

    def __init__(self, label_names: Sequence[str]) -> None:
        self._names = label_columns(label_names)

    def begin(self) -> bytes:
        columns = ("timestamp_ms", "value", *(column_of(valid_text(name)) for name in self._names))
        return (",".join(map(_csv_field, columns)) + "\n").encode()

    def encode(self, runs: SeriesRuns) -> bytes:
        texts = [[_csv_field(valid_text(text)) for text in runs.labels.column(name).texts()] for name in self._names]
        behind = [",".join(fields) for fields in zip(*texts, strict=True)] if texts else [""] * runs.labels.size
        stale = is_stale(np.ascontiguousarray(runs.values))
        values = [
            "" if is_end else repr(value) for value, is_end in zip(runs.values.tolist(), stale.tolist(), strict=True)
        ]
        times = runs.timestamps_ms.tolist()
        lines = [
            f"{times[sample]},{values[sample]},{labels}\n"
            for labels, (start, end) in zip(behind, pairwise(runs.starts.tolist()), strict=True)
            for sample in range(start, end)
        ]
        return "".join(lines).encode()

    def end(self) -> bytes:
        return b""


def valid_text(text: str) -> str:
    """What is not UTF-8 becomes U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if not text.isascii() else text


def _csv_field(text: str) -> str:
    if _CSV_SPECIAL.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'
