"""Rows take memory as they are written, and give it back when the chunk goes."""

import sys
from pathlib import Path

import pytest

from monitor.storage.head.row_memory import MAPPED_FROM_BYTES, new_rows

MIB = 2**20


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("rows", [1, MAPPED_FROM_BYTES // 80 - 1, MAPPED_FROM_BYTES // 80 + 1])
def test_a_matrix_of_any_size_holds_what_is_written(rows):
    matrix, other = new_rows(rows, 10), new_rows(rows, 10)
    matrix[:], other[:] = 1.5, 2.5
    assert matrix.shape == (rows, 10)
    assert (matrix == 1.5).all()


def test_a_matrix_without_columns_is_empty():
    assert new_rows(5, 0).shape == (5, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_only_rows_that_were_written_are_resident_and_none_once_the_matrix_is_gone():
    before = resident_bytes()
    matrix = new_rows(64, MIB // 8)
    matrix[:16] = 1.0
    assert 12 * MIB < resident_bytes() - before < 32 * MIB
    del matrix
    assert resident_bytes() - before < 4 * MIB
