"""The k largest values in the way upstream finds them: it decides which of several equal values stay, and their order.

Upstream keeps a binary heap (Go's container/heap) of the values seen so far, the smallest on top, and replaces that
by every larger one. In the heap NaN is less than everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_INSERTION_SORT_MAX = 12
"""Up to this size Go's sort.Sort is an insertion sort, which keeps equal values in their order."""


def top_positions(values: Sequence[float], count: int) -> list[int]:
    """The positions of the `count` largest values, from the largest to the smallest; fewer if there are fewer."""
    if count < 1:
        return []
    heap: list[int] = []
    for position in range(min(count, len(values))):
        heap.append(position)
        _sift_up(heap, values, position)
    for position in range(count, len(values)):
        least = values[heap[0]]
        if least < values[position] or (math.isnan(least) and not math.isnan(values[position])):
            heap[0] = position
            _sift_down(heap, values)
    return _descending(heap, values)


def _is_less(values: Sequence[float], a: int, b: int) -> bool:
    return math.isnan(values[a]) or values[a] < values[b]


def _sift_up(heap: list[int], values: Sequence[float], index: int) -> None:
    while index:
        parent = (index - 1) // 2
        if not _is_less(values, heap[index], heap[parent]):
            return
        heap[index], heap[parent] = heap[parent], heap[index]
        index = parent


def _sift_down(heap: list[int], values: Sequence[float]) -> None:
    index = 0
    while (child := 2 * index + 1) < len(heap):
        if child + 1 < len(heap) and _is_less(values, heap[child + 1], heap[child]):
            child += 1
        if not _is_less(values, heap[child], heap[index]):
            return
        heap[index], heap[child] = heap[child], heap[index]
        index = child


def _descending(heap: list[int], values: Sequence[float]) -> list[int]:
    if len(heap) > _INSERTION_SORT_MAX:
        return sorted(heap, key=lambda position: _descending_key(values[position]))
    result = list(heap)
    for index in range(1, len(result)):
        at = index
        while at and _is_less(values, result[at - 1], result[at]):
            result[at - 1], result[at] = result[at], result[at - 1]
            at -= 1
    return result


def _descending_key(value: float) -> tuple[bool, float]:
    return (True, 0.0) if math.isnan(value) else (False, -value)
