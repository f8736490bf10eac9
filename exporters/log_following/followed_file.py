"""Follows a log by its name: over renaming and creating anew, copying and truncating, and our own restarts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from exporters.log_following.open_file import FilePosition, OpenFile
from exporters.log_following.source import DEFAULT_FOLLOW_SETTINGS, FollowSettings, SourceStatus

logger = logging.getLogger(__name__)


class Start(Enum):
    """Where the first reading of a log begins, if its position is not known."""

    BEGINNING = "beginning"
    END = "end"


@dataclass(frozen=True, slots=True)
class _Retired:
    """A file whose name was taken from it. Read until it has been silent to `deadline_seconds`."""

    file: OpenFile
    deadline_seconds: float


class FollowedFile:
    """A LogSource. What a writer adds to a file that was copied and truncated, between the two, is lost by that method.

    Two renamings between two calls of `read` lose the file between them, if it was written to at all.
    """

    def __init__(
        self,
        path: Path,
        start: Start,
        monotonic: Callable[[], float],
        settings: FollowSettings = DEFAULT_FOLLOW_SETTINGS,
        positions: Sequence[FilePosition] = (),
    ) -> None:
        """`positions` are those of an earlier life, oldest file first; they go before `start`."""
        self._path = path
        self._monotonic = monotonic
        self._settings = settings
        self._current: OpenFile | None = None
        self._retired: list[_Retired] = []
        self._problem = ""
        self._renamed = self._truncated = self._overlong_lines = self._incomplete_lines = 0
        self._start(start, positions)

    def read(self) -> bytes:
        self._look_for_renaming()
        for retired in tuple(self._retired):
            lines = retired.file.read_lines()
            if lines:
                return lines
            if self._monotonic() >= retired.deadline_seconds:
                self._retired.remove(retired)
                self._close(retired.file)
        return self._current.read_lines() if self._current else b""

    @property
    def positions(self) -> tuple[FilePosition, ...]:
        """Where reading goes on, oldest file first."""
        return tuple(file.position for file in self._files())

    @property
    def awaited(self) -> None:
        """A file is always readable, also when there is nothing new in it."""
        return None

    def status(self) -> SourceStatus:
        files = self._files()
        return SourceStatus(
            is_open=self._current is not None and not self._problem and self._path.exists(),
            problem=self._problem,
            renamed=self._renamed,
            truncated=self._truncated + sum(file.truncated for file in files),
            overlong_lines=self._overlong_lines + sum(file.overlong_lines for file in files),
            incomplete_lines=self._incomplete_lines,
            behind_bytes=sum(file.behind_bytes for file in files),
        )

    def close(self) -> None:
        for file in self._files():
            file.close()
        self._current, self._retired = None, []

    def _files(self) -> list[OpenFile]:
        current = [self._current] if self._current else []
        return [*(retired.file for retired in self._retired), *current]

    def _start(self, start: Start, positions: Sequence[FilePosition]) -> None:
        self._current = self._open(self._path)
        by_identity = {(position.device, position.inode): position for position in positions}
        if self._current is not None:
            position = by_identity.pop(self._current.identity, None)
            if position is not None:
                self._truncated += not self._current.resume(position)
            elif not positions and start is Start.END:
                self._current.seek_end()
        for path in self._siblings() if by_identity else ():
            self._resume_renamed(path, by_identity)
        if by_identity:
            logger.warning(
                "%s: %d earlier files are gone; what was not read of them is lost", self._path, len(by_identity)
            )

    def _siblings(self) -> list[Path]:
        return [path for path in self._path.parent.iterdir() if path.name.startswith(self._path.name)]

    def _resume_renamed(self, path: Path, by_identity: dict[tuple[int, int], FilePosition]) -> None:
        file = self._open(path)
        if file is None:
            return
        position = by_identity.pop(file.identity, None)
        if position is None or not file.resume(position):
            file.close()
            return
        self._renamed += 1
        self._retire(file)

    def _look_for_renaming(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:  # between the renaming and the new file
            return
        except OSError as error:
            self._problem = f"{self._path}: {error.strerror or error}"
            return
        if self._current is not None and self._current.identity == (status.st_dev, status.st_ino):
            return
        new = self._open(self._path)
        if new is None:
            return
        if self._current is not None:
            self._renamed += 1
            self._retire(self._current)
        self._current = new

    def _retire(self, file: OpenFile) -> None:
        self._retired.append(_Retired(file, self._monotonic() + self._settings.rotation_grace_seconds))

    def _open(self, path: Path) -> OpenFile | None:
        """None if it cannot be opened; of the log itself that is told by `status`."""
        problem, file = "", None
        try:
            file = OpenFile(path, self._settings.block_bytes)
        except OSError as error:
            problem = f"{path}: {error.strerror or error}"
        if path == self._path:
            self._problem = problem
        return file

    def _close(self, file: OpenFile) -> None:
        self._incomplete_lines += file.behind_bytes > 0
        self._truncated += file.truncated
        self._overlong_lines += file.overlong_lines
        file.close()
