"""Whole numbers as byte planes: all lowest bytes, then all next ones, … for a general compressor to find what repeats.

One byte says how many planes W there are, 1 to 8; plane w holds byte w of all N numbers, the lowest first. Signed
numbers are folded before, 0, -1, 1, -2, … to 0, 1, 2, 3, … so that small ones of either sign need few planes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.errors import CorruptData

Integers = NDArray[np.int64]


def planes_of(numbers: Integers, *, is_signed: bool = True) -> bytes:
    """The planes of N numbers of any shape, in C order."""
    flat = np.ascontiguousarray(numbers).reshape(-1)
    folded = ((flat << 1) ^ (flat >> 63) if is_signed else flat).view(np.uint64)
    width = max(1, (int(folded.max(initial=0)).bit_length() + 7) // 8)
    planes = folded.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)[:, :width].T
    return bytes([width]) + planes.tobytes()


def values_of(data: bytes, count: int, *, is_signed: bool = True) -> Integers:
    """The N numbers again, (N,). Raises CorruptData if there are not so many."""
    width = data[0] if data else 0
    if not 1 <= width <= 8 or len(data) != 1 + width * count:
        raise CorruptData(f"a slab has {len(data)} bytes of planes, want 1 to 8 planes of {count} bytes and one more")
    planes = np.frombuffer(data, np.uint8, offset=1).reshape(width, count)
    folded = _joined(planes)
    if not is_signed:
        return folded.view(np.int64)
    half, sign = (folded >> np.uint64(1)).view(np.int64), (folded & np.uint64(1)).view(np.int64)
    numbers: Integers = half ^ -sign
    return numbers


def _joined(planes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Shifting plane by plane reads and writes in order, which a transposition of bytes does not."""
    joined: NDArray[np.uint64] = planes[0].astype(np.uint64)
    for position in range(1, len(planes)):
        joined |= planes[position].astype(np.uint64) << np.uint64(8 * position)
    return joined
