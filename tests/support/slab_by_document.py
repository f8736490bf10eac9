"""A slab read as monitor/storage/FORMAT.md says, with nothing of the store's code and nothing clever."""

from __future__ import annotations

import struct

import cramjam
import numpy as np
from pcodec import standalone


def read_slab(blob: bytes, series: int, rows: int) -> np.ndarray:  # type: ignore[type-arg]
    coding, count = blob[0], series * rows
    if coding == 0:
        return standalone.simple_decompress(blob[1:]).reshape(series, rows)
    if coding == 1:
        bits, _ = _planes(unzip(blob[1:]), count, folded=False)
        return np.array([struct.unpack("<d", struct.pack("<Q", number))[0] for number in bits]).reshape(series, rows)
    if coding >= 6:
        (length,) = struct.unpack("<I", blob[2:6])
        exact = read_slab(bytes([coding - 4, blob[1]]) + blob[6 + length :], series, rows)
        corrections, _ = _planes(unzip(blob[6 : 6 + length]), count)
        return (exact.view(np.int64).reshape(-1) + corrections).view(np.float64).reshape(series, rows)
    if coding == 2:
        whole = standalone.simple_decompress(blob[2:]).tolist()
    elif coding == 3:
        whole, _ = _planes(unzip(blob[2:]), count)
    else:
        whole = _from_steps(unzip(blob[2:]), series, rows, across=coding == 5)
    return np.array([number / 10 ** blob[1] for number in whole]).reshape(series, rows)


def unzip(data: bytes) -> bytes:
    return bytes(cramjam.zstd.decompress(data))


def _planes(plain: bytes, count: int, *, folded: bool = True) -> tuple[list[int], bytes]:
    """The numbers, and what follows their planes."""
    width = plain[0]
    planes = [plain[1 + plane * count : 1 + (plane + 1) * count] for plane in range(width)]
    numbers = [sum(plane[position] << (8 * place) for place, plane in enumerate(planes)) for position in range(count)]
    return [_unfolded(number) for number in numbers] if folded else numbers, plain[1 + width * count :]


def _unfolded(number: int) -> int:
    return -(number + 1) // 2 if number % 2 else number // 2


def _from_steps(plain: bytes, series: int, rows: int, *, across: bool) -> list[int]:
    steps, rest = _planes(plain, series * (rows - 1))
    firsts = struct.unpack(f"<{series}q", rest)
    whole: list[int] = []
    before = [0] * (rows - 1)
    for number in range(series):
        mine = steps[number * (rows - 1) : (number + 1) * (rows - 1)]
        before = [step + (other if across else 0) for step, other in zip(mine, before, strict=True)]
        total = firsts[number]
        whole.append(total)
        for step in before:
            total += step
            whole.append(total)
    return whole
