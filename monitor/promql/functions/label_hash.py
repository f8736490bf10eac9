"""The hash that Prometheus computes of a label set: XXH64 (Collet) over its names and values."""

from __future__ import annotations

from monitor.model.labels import Labels

_MASK = 2**64 - 1
_PRIME_1 = 0x9E3779B185EBCA87
_PRIME_2 = 0xC2B2AE3D27D4EB4F
_PRIME_3 = 0x165667B19E3779F9
_PRIME_4 = 0x85EBCA77C2B2AE63
_PRIME_5 = 0x27D4EB2F165667C5
_LONG_TEXT = 255


def label_hash(labels: Labels) -> int:
    """Labels.Hash() of Prometheus's default build (model/labels/labels_stringlabels.go)."""
    return xxh64(b"".join(_sized(text) for pair in labels.items() for text in pair))


def _sized(text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    if len(data) < _LONG_TEXT:
        return bytes([len(data)]) + data
    return b"\xff" + len(data).to_bytes(3, "little") + data


def xxh64(data: bytes) -> int:
    """XXH64 with seed 0."""
    position = 0
    if len(data) >= 32:
        lanes = [(_PRIME_1 + _PRIME_2) & _MASK, _PRIME_2, 0, -_PRIME_1 & _MASK]
        while position + 32 <= len(data):
            for lane in range(4):
                lanes[lane] = _round(lanes[lane], _word(data, position + 8 * lane, 8))
            position += 32
        result = sum(_rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            result = ((result ^ _round(0, lane)) * _PRIME_1 + _PRIME_4) & _MASK
    else:
        result = _PRIME_5
    return _avalanche(_tail((result + len(data)) & _MASK, data, position))


def _tail(result: int, data: bytes, position: int) -> int:
    while position + 8 <= len(data):
        result ^= _round(0, _word(data, position, 8))
        result = (_rotate(result, 27) * _PRIME_1 + _PRIME_4) & _MASK
        position += 8
    if position + 4 <= len(data):
        result ^= _word(data, position, 4) * _PRIME_1 & _MASK
        result = (_rotate(result, 23) * _PRIME_2 + _PRIME_3) & _MASK
        position += 4
    for byte in data[position:]:
        result ^= byte * _PRIME_5 & _MASK
        result = _rotate(result, 11) * _PRIME_1 & _MASK
    return result


def _avalanche(result: int) -> int:
    result = (result ^ result >> 33) * _PRIME_2 & _MASK
    result = (result ^ result >> 29) * _PRIME_3 & _MASK
    return result ^ result >> 32


def _round(lane: int, word: int) -> int:
    return _rotate((lane + word * _PRIME_2) & _MASK, 31) * _PRIME_1 & _MASK


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & _MASK


def _word(data: bytes, position: int, size: int) -> int:
    return int.from_bytes(data[position : position + size], "little")
