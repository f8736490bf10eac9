"""JSON lines as VictoriaMetrics exports them: {"metric":{…},"values":[…],"timestamps":[…]}, a line for some samples.

A value is a number, "NaN", "Infinity", "-Infinity" or null; null is a stale marker: the series ended there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson

from monitor.history.imports.parsed_lines import YEAR_10000_MS, LineError, ParsedLines, check_time, series_key
from monitor.history.imports.record_splitter import Lines
from monitor.model.samples import STALE, Timestamps, Values

_NUMBERS = {int, float}
_WORDS = {
    "nan": math.nan,
    "inf": math.inf,
    "+inf": math.inf,
    "-inf": -math.inf,
    "infinity": math.inf,
    "+infinity": math.inf,
    "-infinity": -math.inf,
}


class JsonLines:
    """See LineParser."""

    def parse(self, lines: Lines) -> ParsedLines:
        keys, numbers, errors = list[bytes](), list[int](), list[LineError]()
        times, values = list[Timestamps](), list[Values]()
        for number, line in enumerate(lines.text.split(b"\n"), lines.first_line):
            if not line.strip():
                continue
            try:
                key, of_line, at = _read_line(line)
            except ValueError as error:
                errors.append(LineError(number, str(error)))
                continue
            keys.append(key)
            numbers.append(number)
            values.append(of_line)
            times.append(at)
        counts = np.array([len(at) for at in times], np.intp)
        all_times = np.concatenate([np.empty(0, np.int64), *times])
        all_values = np.concatenate([np.empty(0, np.float64), *values])
        return ParsedLines(keys, numbers, counts, all_times, all_values, len(keys), errors)


def _read_line(line: bytes) -> tuple[bytes, Values, Timestamps]:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(entry, dict):
        raise ValueError(f"got {_kind(entry)}, want an object with metric, values and timestamps")
    metric, values, timestamps = entry.get("metric"), entry.get("values"), entry.get("timestamps")
    if not isinstance(metric, dict) or not all(isinstance(value, str) for value in metric.values()):
        raise ValueError("metric: want an object of label names and texts")
    if not isinstance(values, list) or not isinstance(timestamps, list):
        raise ValueError(f"got values as {_kind(values)} and timestamps as {_kind(timestamps)}, want two lists")
    if len(values) != len(timestamps):
        raise ValueError(f"got {len(values)} values and {len(timestamps)} timestamps, want as many")
    return series_key(metric), _values(values), _timestamps(timestamps)


def _values(values: list[Any]) -> Values:
    if set(map(type, values)) <= _NUMBERS:
        return np.array(values, np.float64)
    return np.array([_value(value) for value in values], np.float64)


def _value(value: Any) -> float:
    if type(value) in _NUMBERS:
        return float(value)
    if value is None:
        return STALE
    number = _WORDS.get(value.lower()) if isinstance(value, str) else None
    if number is None:
        raise ValueError(f"values: got {_kind(value)}, want a number, null, NaN or Infinity")
    return number


def _timestamps(timestamps: list[Any]) -> Timestamps:
    for timestamp in timestamps:
        if type(timestamp) is not int:
            raise ValueError(f"timestamps: got {_kind(timestamp)}, want whole milliseconds")
        if not 0 <= timestamp < YEAR_10000_MS:
            check_time(timestamp)
    return np.array(timestamps, np.int64)


def _kind(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 40 else f"{text[:40]}..."
