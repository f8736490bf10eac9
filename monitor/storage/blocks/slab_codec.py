"""Matrices of samples and vectors of timestamps as bytes. FORMAT.md draws them.

Every coding keeps every bit of a float64, the payloads of NaNs included. What a slab is good at differs: pcodec
(https://github.com/pcodec/pcodec) for numbers with noise, zstd over byte planes for what repeats or hardly changes.
"""

from __future__ import annotations

import enum
import struct
from typing import Any
from zlib import crc32

import numpy as np
from cramjam import DecompressionError, zstd
from numpy.typing import NDArray
from pcodec import ChunkConfig, DeltaSpec, standalone

from monitor.errors import CorruptData
from monitor.model.samples import Timestamps, Values
from monitor.storage.blocks.byte_planes import planes_of, values_of
from monitor.storage.blocks.decimal_numbers import Integers, WholeNumbers, corrected, decimal_values, whole_numbers

# Level 4 is the knee: against level 8 it gives up 1 to 3 % of size for a third less time on 240-row slabs of counters.
# Not looking for the best kind of differences, but taking those in time, halves the time again for 3 % of size.
_QUICK = ChunkConfig(compression_level=4, delta_spec=DeltaSpec.try_consecutive(1))
_THOROUGH = ChunkConfig(compression_level=8)
_ZSTD_LEVEL = 9
# A sixteenth of a slab of 256 series tells which coding suits it; a smaller one is tried as a whole.
_TRIED_VALUES_MAX = 1 << 15
# Trying all codings takes as long as four to six slabs take in one of them.
_ENCODED_ALIKE = 7
_LENGTH = struct.Struct("<I")


class Coding(enum.IntEnum):
    """The first byte of a slab.

    FLOATS is one pcodec array, FLOAT_PLANES the byte planes of the bits. The others hold whole numbers, each value
    times a power of ten: as one pcodec array, as byte planes, as planes of the differences from row to row in time,
    and of what these differ from those of the series before. NEAR_… are the same with a correction of each value.
    """

    FLOATS = 0
    FLOAT_PLANES = 1
    WHOLE = 2
    WHOLE_PLANES = 3
    STEPS = 4
    STEPS_ACROSS = 5
    NEAR_WHOLE = 6
    NEAR_WHOLE_PLANES = 7
    NEAR_STEPS = 8
    NEAR_STEPS_ACROSS = 9

    @property
    def is_near(self) -> bool:
        return self >= Coding.NEAR_WHOLE

    def near(self) -> Coding:
        """The same with corrections."""
        return Coding(self + _NEAR)

    def exact(self) -> Coding:
        """The same without corrections."""
        return Coding(self - _NEAR) if self.is_near else self


_NEAR = Coding.NEAR_WHOLE - Coding.WHOLE


def encode_values(values: Values) -> bytes:
    """A matrix (S, T) in the coding that is quick to write."""
    return _encoded(Coding.FLOATS, standalone.simple_compress(np.ascontiguousarray(values).reshape(-1), _QUICK))


def encode_values_small(values: Values) -> bytes:
    """A matrix (S, T) in the coding that suits it best: for blocks, which are written once and kept."""
    values = np.ascontiguousarray(values)
    sample = values[: max(1, _TRIED_VALUES_MAX // values.shape[1])] if values.size > _TRIED_VALUES_MAX else values
    tried = _candidates(sample)
    best = min(tried, key=lambda coding: len(tried[coding]))
    if sample is values:
        return tried[best]
    data = _encode_alike(best, values)
    return min(_encode_floats(values), _encode_float_planes(values), key=len) if data is None else data


class SlabEncoder:
    """Encodes the slabs of one block as `encode_values_small` does, without trying every coding on every slab.

    Slabs of one metric are good at the same things, whatever source they are of: what was smallest counts for some
    more of them, as long as they are whole numbers if those were, and not if those were not.
    """

    def __init__(self) -> None:
        self._chosen: dict[str, tuple[Coding, int]] = {}

    def encode(self, metric: str, values: Values) -> bytes:
        """A matrix (S, T) of series of one metric."""
        coding, left = self._chosen.get(metric, (Coding.FLOATS, 0))
        data = _encode_alike(coding, values) if left else None
        if data is None:
            data, left = encode_values_small(values), _ENCODED_ALIKE + 1
        self._chosen[metric] = Coding(data[0]), left - 1
        return data


def _encode_alike(coding: Coding, values: Values) -> bytes | None:
    """None if the values are of another kind than the coding is for."""
    values = np.ascontiguousarray(values)
    whole = whole_numbers(values)
    return _encode(coding, values, whole) if coding in _fitting(whole, *values.shape) else None


def _candidates(values: Values) -> dict[Coding, bytes]:
    whole = whole_numbers(values)
    return {coding: _encode(coding, values, whole) for coding in _fitting(whole, *values.shape)}


def _fitting(whole: WholeNumbers | None, series: int, rows: int) -> list[Coding]:
    if whole is None:
        return [Coding.FLOATS, Coding.FLOAT_PLANES]
    codings = [Coding.WHOLE, Coding.WHOLE_PLANES]
    if rows > 1:
        codings.append(Coding.STEPS)
        if series > 1:
            codings.append(Coding.STEPS_ACROSS)
    return codings if whole.corrections is None else [Coding.FLOATS, *(coding.near() for coding in codings)]


def _encode(coding: Coding, values: Values, whole: WholeNumbers | None) -> bytes:
    if coding is Coding.FLOATS:
        return _encode_floats(values)
    if coding is Coding.FLOAT_PLANES:
        return _encode_float_planes(values)
    assert whole is not None, f"BUG: got no whole numbers, want some for {coding.name}"
    numbers = _encode_whole(coding.exact(), whole.numbers)
    if not coding.is_near:
        return _encoded(coding, bytes([whole.decimals]), numbers)
    assert whole.corrections is not None, f"BUG: got no corrections, want some for {coding.name}"
    corrections = _compress(planes_of(whole.corrections))
    return _encoded(coding, bytes([whole.decimals]), _LENGTH.pack(len(corrections)), corrections, numbers)


def _encode_whole(coding: Coding, numbers: Integers) -> bytes:
    if coding is Coding.WHOLE:
        encoded: bytes = standalone.simple_compress(numbers.reshape(-1), _THOROUGH)
        return encoded
    if coding is Coding.WHOLE_PLANES:
        return _compress(planes_of(numbers))
    steps = np.diff(numbers, axis=1)
    if coding is Coding.STEPS_ACROSS:
        steps = np.diff(steps, axis=0, prepend=0)
    return _compress(planes_of(steps) + np.ascontiguousarray(numbers[:, 0]).tobytes())


def _encode_floats(values: Values) -> bytes:
    return _encoded(Coding.FLOATS, standalone.simple_compress(values.reshape(-1), _THOROUGH))


def _encode_float_planes(values: Values) -> bytes:
    return _encoded(Coding.FLOAT_PLANES, _compress(planes_of(values.view(np.int64), is_signed=False)))


def _encoded(coding: Coding, *parts: bytes) -> bytes:
    return b"".join([bytes([coding]), *parts])


def _compress(data: bytes) -> bytes:
    return bytes(zstd.compress(data, level=_ZSTD_LEVEL))


def decode_values(data: bytes, series: int, rows: int) -> Values:
    """The matrix (S, T) again, read-only. Raises CorruptData if it is not one of that shape."""
    try:
        coding = Coding(data[0])
    except (IndexError, ValueError):
        raise CorruptData(f"a slab begins with {data[:1]!r}, want one of the codings 0 to {max(Coding)}") from None
    values = _decode_values(coding, data, series, rows)
    values.flags.writeable = False
    return values


def _decode_values(coding: Coding, data: bytes, series: int, rows: int) -> Values:
    count = series * rows
    if coding is Coding.FLOATS:
        return _decompress_numbers(data[1:], count, np.dtype(np.float64)).reshape(series, rows)
    if coding is Coding.FLOAT_PLANES:
        bits = values_of(_decompress(data[1:], 8 * count + 1), count, is_signed=False)
        return bits.view(np.float64).reshape(series, rows)
    decimals, data = data[1] if len(data) > 1 else 0, data[2:]
    if not coding.is_near:
        return decimal_values(_decode_whole(coding, data, series, rows), decimals)
    (length,) = _LENGTH.unpack(data[: _LENGTH.size].ljust(_LENGTH.size, b"\0"))
    corrections, numbers = data[_LENGTH.size :][:length], data[_LENGTH.size :][length:]
    values = decimal_values(_decode_whole(coding.exact(), numbers, series, rows), decimals)
    return corrected(values, values_of(_decompress(corrections, 8 * count + 1), count).reshape(series, rows))


def _decode_whole(coding: Coding, data: bytes, series: int, rows: int) -> Integers:
    count = series * rows
    if coding is Coding.WHOLE:
        return _decompress_numbers(data, count, np.dtype(np.int64)).reshape(series, rows)
    if coding is Coding.WHOLE_PLANES:
        return values_of(_decompress(data, 8 * count + 1), count).reshape(series, rows)
    plain = _decompress(data, 8 * count + 1)
    numbers = np.empty((series, rows), np.int64)
    planes, first = plain[: len(plain) - 8 * series], plain[len(plain) - 8 * series :]
    if len(first) != 8 * series:
        raise CorruptData(f"a slab has {len(first)} bytes of first values, want {8 * series}")
    numbers[:, 0] = np.frombuffer(first, "<i8")
    numbers[:, 1:] = values_of(planes, count - series).reshape(series, rows - 1)
    if coding is Coding.STEPS_ACROSS:
        np.cumsum(numbers[:, 1:], axis=0, out=numbers[:, 1:])
    return np.cumsum(numbers, axis=1, out=numbers)


def _decompress(data: bytes, size_max: int) -> bytes:
    """Plain bytes, at most `size_max`."""
    buffer = bytearray(size_max)
    try:
        size = zstd.decompress_into(data, buffer)
    except DecompressionError as error:
        raise CorruptData(f"a slab does not decode: {error}") from error
    return bytes(memoryview(buffer)[:size])


def encode_timestamps(timestamps_ms: Timestamps) -> bytes:
    encoded: bytes = standalone.simple_compress(np.ascontiguousarray(timestamps_ms), _QUICK)
    return encoded


def decode_timestamps(data: bytes, rows: int) -> Timestamps:
    timestamps_ms: Timestamps = _decompress_numbers(data, rows, np.dtype(np.int64))
    timestamps_ms.flags.writeable = False
    return timestamps_ms


def _decompress_numbers(data: bytes, count: int, dtype: np.dtype[np.generic]) -> NDArray[Any]:
    try:
        array: NDArray[Any] | None = standalone.simple_decompress(data)
    except (RuntimeError, TypeError) as error:
        raise CorruptData(f"a slab does not decode: {error}") from error
    if array is None or array.size != count or array.dtype != dtype:
        got = "nothing" if array is None else f"{array.size} of {array.dtype}"
        raise CorruptData(f"a slab decodes to {got}, want {count} of {dtype}")
    return array


def checksum(*parts: bytes) -> int:
    """CRC-32 over `parts` laid end to end."""
    value = 0
    for part in parts:
        value = crc32(part, value)
    return value
