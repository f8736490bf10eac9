"""The text of a body without its values: what a scrape is compared with, and how only its numbers are read.

A body is split into lines, and from the line of each sample the known text before its value, its prefix, is taken off:

    # TYPE http_requests_total counter       constant: must be equal
    http_requests_total{code="200"} 1027     prefix `http_requests_total{code="200"} `, value text `1027`
    http_requests_total{code="500"} 3        prefix `http_requests_total{code="500"} `, value text `3`

`bytes.removeprefix` leaves a line whole if the prefix is not there, so the summed length of the value texts tells
whether every prefix was there: exactly, and without a comparison of our own. Joined with commas the value texts are a
JSON array, which orjson turns into numbers and struct packs into float64 cells.

Measured for 500 lines of 90 bytes (us): split 35, removeprefix 25, join 7, orjson 15, pack 8, checks 6. That is 0.19 us
a sample; float() for each value alone would be 0.2, the parser of exposition.py takes 8, prometheus_client's 38.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from itertools import compress, repeat
from operator import itemgetter

import numpy as np
import orjson

from monitor.model.samples import Values
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat, Grammar
from monitor.scrape.exposition.parse_exposition import FamilyMetadata
from monitor.scrape.exposition.sample_suffix import read_suffix
from monitor.scrape.layouts.layout import ExposedSeries, Layout

_removeprefix = bytes.removeprefix
_partition = bytes.partition
_NUMBER_CHARACTERS = b"0123456789+-.eE,"
_TIMESTAMP_CHARACTERS = b"0123456789,"
_TIMESTAMP_DIGITS_MAX = 18
_SECONDS_MAX = 2.0**52
_JSON_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_ODD_VALUES = {b"NaN": float("nan"), b"+Inf": float("inf"), b"-Inf": float("-inf"), b"-0": -0.0}


class ValueLines:
    """The lines that hold a value, and the text before it on each."""

    __slots__ = ("_is_member", "prefixes")

    def __init__(self, prefixes: list[bytes], lines: Sequence[int], line_count: int) -> None:
        self.prefixes = prefixes
        self._is_member = [False] * line_count
        for line in lines:
            self._is_member[line] = True

    def __len__(self) -> int:
        return len(self.prefixes)

    def value_texts(self, lines: list[bytes]) -> list[bytes]:
        """What stands behind each prefix; the whole line where the prefix is not there."""
        return list(map(_removeprefix, compress(lines, self._is_member), self.prefixes))

    def lines_outside(self, other: ValueLines) -> list[int]:
        """The lines that hold no value, neither here nor in `other`."""
        members = zip(self._is_member, other._is_member, strict=True)
        return [line for line, (here, there) in enumerate(members) if not (here or there)]


class TextLayout(Layout):
    """P plain samples, each on its line of a text, and Q stamped ones.

    `keys` are the texts before the values. It is not reusable if a value stands behind a name without a blank: then a
    longer name would look like a value.
    """

    __slots__ = (
        "_constants",
        "_fixed_bytes",
        "_grammar",
        "_pack_plain",
        "_pack_stamped",
        "_pick_constants",
        "plain",
        "stamped",
    )

    def __init__(
        self,
        grammar: Grammar,
        lines: list[bytes],
        plain: ValueLines,
        stamped: ValueLines,
        series: ExposedSeries,
        metadata: tuple[FamilyMetadata, ...],
    ) -> None:
        keys = plain.prefixes + stamped.prefixes if stamped else plain.prefixes
        super().__init__(grammar.format, len(lines), keys, len(plain), series, metadata)
        self._grammar = grammar
        self.plain = plain
        self.stamped = stamped
        self._pick_constants = _picker(plain.lines_outside(stamped))
        self._constants = self._pick_constants(lines)
        constant_bytes = sum(map(len, self._constants)) + len(lines) - 1
        self._fixed_bytes = constant_bytes + sum(map(len, keys))
        self._pack_plain = struct.Struct(f"{len(plain)}d").pack_into
        self._pack_stamped = struct.Struct(f"{len(stamped)}d").pack_into
        self.is_reusable = all(prefix.endswith((b" ", b"\t", b"}")) for prefix in keys)

    def read(self, body: bytes, lines: list[bytes], odd: list[int]) -> bool:
        """Reads `body`, whose lines are `lines`, into `values` and `timestamps_ms`; False if it is of another layout
        or malformed, and then they are undefined.

        `odd` are the plain samples whose value was no JSON number when this target was read last (NaN, one with an
        exemplar): they are read one by one, and the list is brought up to date.
        """
        if len(lines) != self.lines or self._pick_constants(lines) != self._constants or not self.is_reusable:
            return False
        texts = self.plain.value_texts(lines)
        joined = b",".join(texts)
        value_bytes = len(joined) - max(0, len(texts) - 1)
        if not self.stamped:
            return value_bytes == len(body) - self._fixed_bytes and self._read_plain(texts, joined, odd)
        stamped_texts = self.stamped.value_texts(lines)
        if value_bytes + sum(map(len, stamped_texts)) != len(body) - self._fixed_bytes:
            return False
        return self._read_plain(texts, joined, odd) and self._read_stamped(stamped_texts)

    def _read_plain(self, texts: list[bytes], joined: bytes, odd: list[int]) -> bool:
        if not odd:
            return _pack_numbers(joined, self._pack_plain, self.values, 0) or self._read_each(texts, odd)
        odd_texts = [texts[column] for column in odd]
        odd_values = [self._plain_value(text) for text in odd_texts]
        for column in odd:
            texts[column] = b"0"
        if not _pack_numbers(b",".join(texts), self._pack_plain, self.values, 0):
            for column, text in zip(odd, odd_texts, strict=True):
                texts[column] = text
            return self._read_each(texts, odd)
        for column, value in zip(odd, odd_values, strict=True):
            if value is None:
                return False
            self.values[column] = value
        return True

    def _read_each(self, texts: list[bytes], odd: list[int]) -> bool:
        values = [self._plain_value(text) for text in texts]
        if None in values:
            return False
        odd[:] = [column for column, text in enumerate(texts) if not _JSON_NUMBER.fullmatch(text) or text == b"-0"]
        self.values[: len(values)] = values
        return True

    def _plain_value(self, text: bytes) -> float | None:
        """The value in what stands behind a prefix; None if that is malformed or has a timestamp."""
        value = _ODD_VALUES.get(text)
        if value is not None:
            return value
        value, timestamp_ms = self._exact(text)
        return value if timestamp_ms is None else None

    def _exact(self, text: bytes) -> tuple[float | None, int | None]:
        match = self._grammar.suffix.fullmatch(text)
        if match is None:
            return None, None
        try:
            return read_suffix(match, self._grammar.format)
        except ValueError:
            return None, None

    def _read_stamped(self, texts: list[bytes]) -> bool:
        value_texts, _, timestamp_texts = zip(*map(_partition, texts, repeat(b" ")), strict=True)
        offset = self.values.itemsize * len(self.plain)
        joined = b",".join(value_texts)
        if _pack_numbers(joined, self._pack_stamped, self.values, offset) and self._read_timestamps(timestamp_texts):
            return True
        return self._read_each_stamped(texts)

    def _read_each_stamped(self, texts: list[bytes]) -> bool:
        for index, text in enumerate(texts):
            value, timestamp_ms = self._exact(text)
            if value is None or timestamp_ms is None:
                return False
            self.values[len(self.plain) + index] = value
            self.timestamps_ms[index] = timestamp_ms
        return True

    def _read_timestamps(self, texts: Sequence[bytes]) -> bool:
        """False if they are not all of the usual form: whole milliseconds, or in OpenMetrics seconds."""
        whole_ms = self.format is ExpositionFormat.PROMETHEUS_TEXT
        joined = b",".join(texts)
        if whole_ms and joined.translate(None, _TIMESTAMP_CHARACTERS):
            return False
        numbers = json_numbers(joined)
        if len(numbers) != len(texts) or len(max(texts, key=len)) > _TIMESTAMP_DIGITS_MAX:
            return False
        if whole_ms:
            self.timestamps_ms[:] = numbers
            return True
        seconds = np.array(numbers, np.float64)
        if np.abs(seconds).max() >= _SECONDS_MAX:
            return False
        self.timestamps_ms[:] = seconds * 1000
        return True


def _picker(indices: Sequence[int]) -> Callable[[list[bytes]], Sequence[bytes]]:
    """A function that takes the elements at `indices` (ascending) out of a list."""
    if len(indices) > 1:
        return itemgetter(*indices)
    return itemgetter(slice(indices[0], indices[0] + 1) if indices else slice(0))


def _pack_numbers(joined: bytes, pack: Callable[..., None], cells: Values, offset: int) -> bool:
    """Writes the numbers in `joined` to `cells` from byte `offset`; False if they are not as many as `pack` takes."""
    try:
        pack(cells, offset, *json_numbers(joined))
    except struct.error:
        return False
    return True


def json_numbers(joined: bytes) -> list[float]:
    """The numbers in `joined`, with commas between them; none if there is anything else.

    Some may be of type int. What is JSON but no number is told by its characters; `-0` is kept out because JSON's
    integers have none.
    """
    if joined.translate(None, _NUMBER_CHARACTERS) or (b"-" in joined and (b"-0," in joined or joined.endswith(b"-0"))):
        return []
    try:
        numbers: list[float] = orjson.loads(b"[%b]" % joined)
    except orjson.JSONDecodeError:
        return []
    return numbers
