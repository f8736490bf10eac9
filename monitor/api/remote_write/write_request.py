"""Remote write 1.0: a WriteRequest (prompb/remote.proto, types.proto) as columns.

    WriteRequest  1: TimeSeries …   3: MetricMetadata …
    TimeSeries    1: Label …   2: Sample …   3: Exemplar …   4: Histogram …
    Label         1: name   2: value
    Sample        1: value (fixed64)   2: timestamp (varint, milliseconds)

What real senders write (labels first, then samples of 18 bytes each) is read with a handful of array operations for
all series together; any other valid encoding is read field by field, with the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cramjam
import numpy as np
from numpy.typing import NDArray

from monitor.errors import BadRequest
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.protobuf_fields import fields, read_varint, signed, value_bounds
from monitor.model.samples import Timestamps, Values

_LABELS_MAX = 1_000
_USUAL_SAMPLE = np.dtype(
    {"names": ["head", "value", "tail"], "formats": ["<u4", "<f8", "<u8"], "offsets": [0, 3, 10], "itemsize": 18}
)
"""Field 2 of 16 bytes: a double, then a timestamp of six varint bytes, as all from November 1972 to 2109 have.

    byte     0        1        2            3 … 10   11          12 … 17
             tag 12   length   value tag 9  value    time tag 10 time

`head` and `tail` are whole words that hold the bytes before and behind the value, and one byte of it each.
"""
SAMPLE_BYTES = _USUAL_SAMPLE.itemsize
_HEAD_MASK, _HEAD = np.uint32(0x00FFFFFF), np.uint32(0x091012)
_TAIL_MASK, _TAIL = np.uint64(0x80808080_8080FF00), np.uint64(0x00808080_80801000)
"""The time's tag, and that its first five bytes go on and the last one does not."""


@dataclass(frozen=True, slots=True, eq=False)
class WriteRequest:
    """`keys` are the encoded labels of K series in the order they came; series k has `counts[k]` samples."""

    keys: Sequence[bytes]
    counts: NDArray[np.intp]
    timestamps_ms: Timestamps
    values: Values
    histograms: tuple[tuple[bytes, bytes], ...] = ()
    """Native histograms: the key of a series and the encoded message, in the order they came."""


def decompress(body: bytes, bytes_max: int) -> bytes:
    """Undoes snappy (block format). Raises BadRequest if it is not snappy or would be larger than `bytes_max`."""
    try:
        length, _ = read_varint(body, 0)
        if length > bytes_max:
            raise BadRequest(f"snappy body: got {length} bytes uncompressed, want at most {bytes_max}")
        plain = bytes(cramjam.snappy.decompress_raw(body))
    except (cramjam.DecompressionError, ValueError, IndexError) as error:
        raise BadRequest(f"snappy body does not decode: {error}") from None
    return plain


def decode_write_request(body: bytes) -> WriteRequest:
    """Raises BadRequest with the position of what is wrong."""
    try:
        return decode_usual(body) or decode_any(body)
    except (ValueError, IndexError) as error:
        raise BadRequest(f"remote write request: {error}") from None


def decode_labels(key: bytes) -> Labels:
    """The label set of a series key. Raises BadRequest on what Prometheus refuses as well."""
    try:
        pairs = [_decode_label(key, start, end) for number, start, end in fields(key, 0, len(key)) if number == 1]
    except (ValueError, IndexError) as error:
        raise BadRequest(f"remote write labels: {error}") from None
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise BadRequest(f"remote write labels: got a label name twice in {names}")
    if "" in names:
        raise BadRequest("remote write labels: got an empty label name")
    labels = Labels(pairs)
    if METRIC_NAME not in labels:
        raise BadRequest(f"remote write labels: got {labels}, want a metric name")
    return labels


def _decode_label(key: bytes, start: int, end: int) -> tuple[str, str]:
    name = value = b""
    for number, first, last in fields(key, start, end):
        if number == 1:
            name = key[first:last]
        elif number == 2:
            value = key[first:last]
    return name.decode(), value.decode()


# Field by field.


def _series_bounds(body: bytes) -> tuple[list[int], list[int]]:
    """Where the TimeSeries messages begin and end."""
    starts: list[int] = []
    ends: list[int] = []
    position, end = 0, len(body)
    while position < end:
        # One- and two-byte lengths are nearly all; the general reader would cost as much as all the rest.
        if body[position] == 0x0A and position + 2 < end:
            length, start = body[position + 1], position + 2
            if length >= 0x80:
                if body[start] < 0x80:
                    length, start = length & 0x7F | body[start] << 7, start + 1
                else:
                    length, start = read_varint(body, position + 1)
            position = start + length
            if position > end:
                raise ValueError(f"got a series that ends at {position}, want {end} at most")
            starts.append(start)
            ends.append(position)
            continue
        tag, after_tag = read_varint(body, position)
        start, position = value_bounds(body, tag & 7, after_tag)
        if position > end:
            raise ValueError(f"got a field that ends at {position}, want {end} at most")
        if tag == 0x0A:
            starts.append(start)
            ends.append(position)
    return starts, ends


def decode_any(body: bytes) -> WriteRequest:
    """Any valid encoding. Raises ValueError or IndexError."""
    starts, ends = _series_bounds(body)
    keys, counts, times, values, histograms = [], [], [], [], []
    for start, end in zip(starts, ends, strict=True):
        labels, count, messages = [], 0, []
        field_start = start
        for number, first, last in fields(body, start, end):
            if number == 1:
                labels.append(body[field_start:last])
            elif number == 2:
                value, time_ms = _decode_sample(body, first, last)
                values.append(value)
                times.append(time_ms)
                count += 1
            elif number == 4:
                messages.append(body[first:last])
            field_start = last
        keys.append(b"".join(labels))
        histograms += [(keys[-1], message) for message in messages]
        counts.append(count)
    return WriteRequest(
        keys, np.array(counts, np.intp), np.array(times, np.int64), np.array(values, np.float64), tuple(histograms)
    )


def _decode_sample(body: bytes, start: int, end: int) -> tuple[float, int]:
    value, time_ms = 0.0, 0
    for number, first, last in fields(body, start, end):
        if number == 1 and last - first == 8:
            value = np.frombuffer(body, "<f8", 1, first)[0]
        elif number == 2:
            time_ms = signed(read_varint(body, first)[0])
    return value, time_ms


# All series together.


def decode_usual(body: bytes) -> WriteRequest | None:
    """The same as `decode_any`, or None if some series is not written the usual way."""
    starts, ends = _series_bounds(body)
    if not starts:
        return None
    series_ends = np.array(ends, np.int64)
    label_ends = _label_ends(np.frombuffer(body, np.uint8), np.array(starts, np.int64), series_ends)
    if label_ends is None:
        return None
    counts, rest = np.divmod(series_ends - label_ends, SAMPLE_BYTES)
    if rest.any():
        return None
    is_single = bool((counts == 1).all())
    samples = usual_samples(body, label_ends) if is_single else _joined_samples(body, label_ends, ends)
    if samples is None:
        return None
    keys = [body[start:end] for start, end in zip(starts, label_ends.tolist(), strict=True)]
    return WriteRequest(keys, counts.astype(np.intp), *samples)


def _joined_samples(body: bytes, starts: NDArray[np.int64], ends: list[int]) -> tuple[Timestamps, Values] | None:
    """Those from each of `starts` to each of `ends`; None if one of them is not written the usual way."""
    # Joining bytes takes a sixtieth of the time that np.concatenate takes over an unaligned dtype.
    view = memoryview(body)
    parts = [view[first:end] for first, end in zip(starts.tolist(), ends, strict=True)]
    return _times_and_values(np.frombuffer(b"".join(parts), _USUAL_SAMPLE))


def usual_samples(body: bytes, places: NDArray[np.integer]) -> tuple[Timestamps, Values] | None:
    """The samples that begin at `places` (N,), all within `body`; None if one of them is not written the usual way."""
    windows = np.ndarray((len(body) - SAMPLE_BYTES + 1,), _USUAL_SAMPLE, body, strides=(1,))
    return _times_and_values(windows[places])


def _times_and_values(samples: NDArray[np.void]) -> tuple[Timestamps, Values] | None:
    # Copies: a strided operation on an unaligned field takes twice as long as one on the copy.
    head, tail = samples["head"].copy(), samples["tail"].copy()
    if ((head & _HEAD_MASK) != _HEAD).any() or ((tail & _TAIL_MASK) != _TAIL).any():
        return None
    return _times_of(tail), samples["value"].copy()


def _times_of(tail: NDArray[np.uint64]) -> Timestamps:
    """The varints of six bytes in the upper bytes of words, all seven-bit groups of a word moved together at a time."""
    groups = tail >> np.uint64(16)
    pairs = (groups & np.uint64(0x007F_007F_007F)) | ((groups & np.uint64(0x7F00_7F00_7F00)) >> np.uint64(1))
    low, middle = pairs & np.uint64(0x3FFF), (pairs >> np.uint64(2)) & np.uint64(0x3FFF << 14)
    times: Timestamps = (low | middle | ((pairs >> np.uint64(4)) & np.uint64(0x3FFF << 28))).view(np.int64)
    return times


def _label_ends(
    body: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Where the labels of each series end, all series stepping over one label at a time."""
    last = len(body) - 1
    positions = starts.copy()
    for _ in range(_LABELS_MAX):
        is_label = (positions < ends) & (body[np.minimum(positions, last)] == 0x0A)
        if not is_label.any():
            return positions
        lengths = body[np.minimum(positions + 1, last)].astype(np.int64)
        is_long = is_label & (lengths >= 0x80)
        if is_long.any():
            second = body[np.minimum(positions + 2, last)].astype(np.int64)
            if (second[is_long] >= 0x80).any():
                return None
            lengths = np.where(is_long, (lengths & 0x7F) + (second << 7) + 1, lengths)
        positions = np.where(is_label, positions + 2 + lengths, positions)
        if (positions > ends).any():
            return None
    return None
