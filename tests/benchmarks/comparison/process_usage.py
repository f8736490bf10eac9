"""What a process costs: CPU and memory as /proc tells them, and the size of a folder."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_BLOCK_BYTES = 512


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a process and its descendants at `at` on the monotonic clock."""

    cpu_seconds: float
    resident_bytes: int
    at: float


def usage_of(process_id: int) -> Usage:
    cpu_ticks, resident_pages = _cpu_and_memory(process_id)
    for child in _descendants(process_id):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            ticks, pages = _cpu_and_memory(child)
            cpu_ticks, resident_pages = cpu_ticks + ticks, resident_pages + pages
    return Usage(cpu_ticks / _TICKS_PER_SECOND, resident_pages * _PAGE_BYTES, time.monotonic())


def folder_bytes(folder: Path) -> int:
    """Of all files in it; of a file with holes, or one that was reserved and not filled, only what it takes."""
    return sum(_file_bytes(path) for path in folder.rglob("*"))


def _file_bytes(path: Path) -> int:
    try:
        status = path.stat()
    except FileNotFoundError:  # the system has just merged it into another
        return 0
    if not stat.S_ISREG(status.st_mode):
        return 0
    # A file system that has not placed a new file yet says 0 blocks.
    taken = status.st_blocks * _BLOCK_BYTES or status.st_size
    return min(status.st_size, taken)


def _cpu_and_memory(process_id: int) -> tuple[int, int]:
    """Ticks of all its threads, and pages."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]), int(fields[21])


def _descendants(process_id: int) -> Iterator[int]:
    for thread in Path(f"/proc/{process_id}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, thread.read_text().split()):
                yield child
                yield from _descendants(child)
