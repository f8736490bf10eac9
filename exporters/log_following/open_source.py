"""From what the user names to the source of its lines."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from exporters.errors import NoSuchLog
from exporters.log_following.byte_stream import ByteStream
from exporters.log_following.followed_file import FollowedFile, Start
from exporters.log_following.open_file import FilePosition
from exporters.log_following.source import DEFAULT_FOLLOW_SETTINGS, FollowSettings, LogSource

STANDARD_INPUT = "-"


def open_source(
    name: str,
    start: Start,
    monotonic: Callable[[], float],
    positions: Sequence[FilePosition] = (),
    settings: FollowSettings = DEFAULT_FOLLOW_SETTINGS,
) -> LogSource:
    """`-` is standard input; a FIFO is read as one; anything else is a file to follow, which need not be there yet."""
    if name == STANDARD_INPUT:
        return ByteStream(os.dup(sys.stdin.fileno()), is_fifo=False, settings=settings)
    path = Path(name)
    if path.exists() and stat.S_ISFIFO(path.stat().st_mode):
        return ByteStream(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), is_fifo=True, settings=settings)
    return FollowedFile(path, start, monotonic, settings, positions)


def check_open(name: str, source: LogSource) -> None:
    """Raises NoSuchLog if there is nothing to read from."""
    status = source.status()
    if not status.is_open:
        raise NoSuchLog(name, status.problem)
