"""CSV with a header: timestamp_ms (or timestamp), value, and a column for each label, __name__ among them.

An empty label is none. An empty value is a stale marker: the series ended there. `timestamp` is RFC 3339 or Unix
seconds. A record that spans lines is named by its first.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import compress

from monitor.history.columns import TIMES, VALUE, label_of
from monitor.history.imports.parsed_lines import ParsedLines, SampleLines, check_time, series_key
from monitor.history.imports.record_splitter import Lines
from monitor.model.samples import STALE
from monitor.scrape.exposition.go_float import parse_value

KEYS_MAX = 100_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Header:
    """`is_label` says which columns are labels; `names` are those columns' names."""

    columns: int
    time: int
    value: int
    read_time: Callable[[str], int]
    is_label: Sequence[bool]
    names: Sequence[str]


class CsvLines:
    """See LineParser. Without a good header every line is refused."""

    def __init__(self) -> None:
        self._header: _Header | None = None
        self._header_fault = ""
        self._keys: dict[tuple[str, ...], bytes] = {}

    def parse(self, lines: Lines) -> ParsedLines:
        found = SampleLines()
        for number, record in _records(lines, found):
            try:
                if self._header is not None:
                    self._read(self._header, record, number, found)
                elif self._header_fault:
                    raise ValueError("the header is wrong")
                else:
                    self._read_header(record)
            except ValueError as error:
                found.refuse(number, str(error))
        return found.parsed()

    def _read_header(self, record: list[str]) -> None:
        try:
            self._header = _header_of([name.strip() for name in record])
        except ValueError as error:
            self._header_fault = str(error)
            raise

    def _read(self, header: _Header, record: list[str], number: int, found: SampleLines) -> None:
        if len(record) != header.columns:
            raise ValueError(f"got {len(record)} fields, want {header.columns} as in the header")
        timestamp_ms = check_time(header.read_time(record[header.time]))
        value = _read_value(record[header.value])
        found.add(number, self._key(header, tuple(compress(record, header.is_label))), timestamp_ms, value)

    def _key(self, header: _Header, values: tuple[str, ...]) -> bytes:
        known = self._keys.get(values)
        if known is not None:
            return known
        if len(self._keys) >= KEYS_MAX:
            self._keys.clear()
        key = self._keys[values] = series_key(dict(zip(header.names, values, strict=True)))
        return key


def _records(lines: Lines, found: SampleLines) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, fields) of each record that is not empty."""
    try:
        text = lines.text.decode("utf-8-sig" if lines.first_line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        line = lines.first_line + lines.text.count(b"\n", 0, error.start)
        found.refuse(line, f"got invalid UTF-8, and the lines around it cannot be told apart: {error.reason}")
        return
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    while True:
        number = lines.first_line + reader.line_num
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            found.refuse(number, str(error))
            continue
        if record and any(record):
            yield number, record


def _header_of(names: list[str]) -> _Header:
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"header: got {min(repeated)!r} twice, want each column once")
    times = [name for name in TIMES if name in names]
    if len(times) != 1 or VALUE not in names or "__name__" not in names:
        raise ValueError(f"header: got {','.join(names)}, want timestamp_ms or timestamp, value, __name__ and labels")
    is_label = [name not in (*TIMES, VALUE) for name in names]
    read_time = _read_ms if times[0] == "timestamp_ms" else _read_timestamp
    labels = [label_of(name) for name in compress(names, is_label)]
    return _Header(len(names), names.index(times[0]), names.index(VALUE), read_time, is_label, labels)


def _read_value(text: str) -> float:
    if not text:
        return STALE
    try:
        return parse_value(text.encode())
    except ValueError as error:
        raise ValueError(f"value: got {text!r}: {error}") from None


def _read_ms(text: str) -> int:
    if not (text.isascii() and text.lstrip("-").isdigit() and len(text) < 20):
        raise ValueError(f"timestamp_ms: got {text!r}, want whole milliseconds")
    return int(text)


def _read_timestamp(text: str) -> int:
    try:
        seconds = parse_value(text.encode())
    except ValueError:
        return _read_rfc3339(text)
    if not math.isfinite(seconds):
        raise ValueError(f"timestamp: got {text!r}, want RFC 3339 or Unix seconds")
    return round(seconds * 1000)


def _read_rfc3339(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"timestamp: got {text!r}, want RFC 3339 or Unix seconds") from None
    if moment.tzinfo is None:
        raise ValueError(f"timestamp: got {text!r} without a time zone, want one such as Z")
    return (moment - _EPOCH) // timedelta(milliseconds=1)
