"""Protobuf messages field by field, without knowing what they mean."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT_BYTES_MAX = 10
_UINT64_MAX = 2**64 - 1


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
    """(field number, start, end) of each field; a varint's or fixed number's own bytes."""
    while position < end:
        tag, position = read_varint(data, position)
        start, position = value_bounds(data, tag & 7, position)
        if position > end:
            raise ValueError(f"got a field that ends at {position}, want {end} at most")
        yield tag >> 3, start, position


def value_bounds(data: bytes, wire_type: int, position: int) -> tuple[int, int]:
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


def zigzag(value: int) -> int:
    """A varint as a sint32 or sint64."""
    return (value >> 1) ^ -(value & 1)


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
