"""The series of a chunk's columns as they stand on disk: runs of (batch id, offset in the batch, length).

Numbers in memory change when the series table is made anew; batch ids never do.
"""

from __future__ import annotations

import numpy as np

from monitor.errors import CorruptData
from monitor.storage.head.series_table import SeriesNumbers, SeriesTable


def encode_runs(table: SeriesTable, numbers: SeriesNumbers) -> bytes:
    """int64 triples, little-endian."""
    firsts, ids = table.batch_bounds()
    wide = numbers.astype(np.int64)
    batch = np.searchsorted(firsts, wide, side="right") - 1
    is_start = np.ones(len(wide), np.bool_)
    is_start[1:] = (wide[1:] != wide[:-1] + 1) | (batch[1:] != batch[:-1])
    starts = np.flatnonzero(is_start)
    lengths = np.diff(np.append(starts, len(wide)))
    runs = np.stack([ids[batch[starts]], wide[starts] - firsts[batch[starts]], lengths], axis=1)
    return runs.astype("<i8").tobytes()


def decode_runs(data: bytes, first_by_batch: dict[int, int]) -> SeriesNumbers:
    """The series numbers, given where each batch stands now."""
    runs = np.frombuffer(data, "<i8").reshape(-1, 3).tolist()
    try:
        parts = [
            np.arange(first_by_batch[batch] + offset, first_by_batch[batch] + offset + count, dtype=np.uint32)
            for batch, offset, count in runs
        ]
    except KeyError as error:
        raise CorruptData(f"a chunk names batch {error.args[0]}, which is missing") from None
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, np.uint32)
