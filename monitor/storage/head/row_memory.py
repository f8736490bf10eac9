"""Memory for the rows of a chunk: what no row has used yet takes none, and what a chunk leaves goes back at once."""

from __future__ import annotations

import mmap

import numpy as np

from monitor.model.samples import Values

MAPPED_FROM_BYTES = 1 << 16
"""Below this the part of a page that is left over would be as much as what mapping saves."""
_VALUE_BYTES = 8


def new_rows(rows: int, columns: int) -> Values:
    """An undefined matrix (rows, columns).

    A large one is mapped: its pages become resident as rows are written. One from the allocator would soon be
    resident as a whole, for its pages were another chunk's before, and after a cut it may stay behind as a hole.
    """
    size_bytes = rows * columns * _VALUE_BYTES
    if size_bytes < MAPPED_FROM_BYTES:
        return np.empty((rows, columns))
    pages = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        pages.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(pages, np.float64).reshape(rows, columns)
