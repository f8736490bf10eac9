"""Protobuf messages field by field, without knowing what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from struct import Struct, pack, unpack_from

_VARINT_BYTES_MAX = 10
_UINT64_MAX = 2**64 - 1
unpack_double = Struct("<d").unpack_from
"""The double at a position of bytes, in a tuple."""


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """(value, position behind it)"""
    result = shift = 0
    for index in range(position, position + _VARINT_BYTES_MAX):
        byte = data[index]
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, index + 1
        shift += 7
    raise ValueError(f"got a varint of more than {_VARINT_BYTES_MAX} bytes at {position}")


def fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(field number, start, end) of each field; a varint's or fixed number's own bytes.

    Raises ValueError or IndexError on what is no message.
    """
    while position < end:
        field = next_field(data, position, end)
        yield field
        position = field[2]


def next_field(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """The field at `position`, as in `fields`."""
    tag = data[position]
    start = position + 1
    if tag >= 0x80:
        tag, start = read_varint(data, position)
    # Lengths of one byte are nearly all, and a call for each would take twice the time.
    if tag & 7 == 2 and data[start] < 0x80:
        start += 1
        field_end = start + data[start - 1]
    else:
        start, field_end = value_bounds(data, tag & 7, start)
    if field_end > end:
        raise ValueError(f"got a field that ends at {field_end}, want {end} at most")
    return tag >> 3, start, field_end


def value_bounds(data: bytes, wire_type: int, position: int) -> tuple[int, int]:
    """(start, end) of what follows a tag."""
    if wire_type == 0:
        return position, read_varint(data, position)[1]
    if wire_type == 1:
        return position, position + 8
    if wire_type == 2:
        length, start = read_varint(data, position)
        return start, start + length
    if wire_type == 5:
        return position, position + 4
    raise ValueError(f"got wire type {wire_type} at {position}, want 0, 1, 2 or 5")


def signed(value: int) -> int:
    """A varint as an int64."""
    value &= _UINT64_MAX
    return value - ((value >> 63) << 64)


@lru_cache(maxsize=32_768)
def zigzag_varint(varint: bytes) -> int:
    """The sint64 that these bytes are: there are so few short ones that most are known already."""
    return zigzag(read_varint(varint, 0)[0])


def zigzag(value: int) -> int:
    """A varint as a sint32 or sint64."""
    return (value >> 1) ^ -(value & 1)


def read_varints(data: bytes, start: int, end: int) -> list[int]:
    """Packed ones, or a single one."""
    result = []
    value = shift = 0
    for byte in data[start:end]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            result.append(value)
            value = shift = 0
        elif shift == 7 * _VARINT_BYTES_MAX:
            raise ValueError(f"got a varint of more than {_VARINT_BYTES_MAX} bytes behind {start}")
    if shift:
        raise ValueError(f"got a varint that does not end at {end}")
    return result


def read_double(data: bytes, start: int, end: int) -> float:
    if end - start != 8:
        raise ValueError(f"got {end - start} bytes of a double at {start}, want 8")
    value: float = unpack_double(data, start)[0]
    return value


def read_doubles(data: bytes, start: int, end: int) -> list[float]:
    """Packed ones, or a single one."""
    count, rest = divmod(end - start, 8)
    if rest or end > len(data):
        raise ValueError(f"got {end - start} bytes of doubles at {start}, want a multiple of 8")
    return list(unpack_from(f"<{count}d", data, start))


def pack_doubles(values: list[float]) -> bytes:
    """As they are packed on the wire."""
    return pack(f"<{len(values)}d", *values)


def bytes_field(number: int, content: bytes) -> bytes:
    """A length-delimited field, encoded."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
