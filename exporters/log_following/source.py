"""What a log gives: whole lines, wherever they come from, and the state it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from exporters.log_following.readiness import Awaited


@dataclass(frozen=True, slots=True)
class FollowSettings:
    """`block_bytes`: read at once, and the longest line; a longer one is dropped and counted.

    `rotation_grace_seconds`: how long a file that was renamed is read on. Servers write to the old one until they are
    told to open the new one, and each of their workers does that in its own time.
    """

    block_bytes: int = 1 << 20
    rotation_grace_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """`is_open`: there is something to read from. `has_writer`: a pipe that ends once its writer does, and has not yet.

    `problem` says why it is not open, where something says so.
    `incomplete_lines` ended without a line break: their writer died, or the file was replaced in the middle of them.
    `behind_bytes`: written but not read yet; 0 where that cannot be known.
    """

    is_open: bool
    problem: str = ""
    has_writer: bool = False
    renamed: int = 0
    truncated: int = 0
    overlong_lines: int = 0
    incomplete_lines: int = 0
    behind_bytes: int = 0


DEFAULT_FOLLOW_SETTINGS = FollowSettings()


class LogSource(Protocol):
    def read(self) -> bytes:
        """The next lines, each with its line break; b"" when there is nothing new. Never blocks."""
        ...

    @property
    def awaited(self) -> Awaited | None:
        """Ready once `read` can go on. None where only another `read` tells."""
        ...

    def status(self) -> SourceStatus: ...

    def close(self) -> None: ...
