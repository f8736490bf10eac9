"""One open log file, read by whole lines from a position that is always the start of a line."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

# Bytes before the position that are compared at each read. Two log lines that differ in nothing but a time stamp
# differ in these: they hold the end of the line before.
_GUARD_BYTES = 256


@dataclass(frozen=True, slots=True)
class FilePosition:
    """Where reading goes on: `offset` bytes into the file of that inode. `guard` is a hash of the bytes before it."""

    device: int
    inode: int
    offset: int
    guard: str


class OpenFile:
    """Stays the same file when its name goes to another one."""

    def __init__(self, path: Path, block_bytes: int) -> None:
        """Raises OSError, for anything but a regular file too."""
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(self._descriptor)
            raise OSError(errno.EINVAL, "not a regular file")
        self.identity = (status.st_dev, status.st_ino)
        self._block_bytes = block_bytes
        self._offset = 0
        self._guard = b""
        self._in_overlong_line = False
        self.overlong_lines = 0
        self.truncated = 0

    @property
    def position(self) -> FilePosition:
        return FilePosition(*self.identity, self._offset, _hash(self._guard))

    @property
    def behind_bytes(self) -> int:
        return max(os.fstat(self._descriptor).st_size - self._offset, 0)

    def resume(self, position: FilePosition) -> bool:
        """Goes to `position`. False, and to the start, if the file's content up to there is not what it was."""
        self.seek(position.offset)
        if self._offset == position.offset and _hash(self._guard) == position.guard:
            return True
        self.seek(0)
        return False

    def seek(self, offset: int) -> None:
        """To `offset`, or to the end of a shorter file."""
        self._offset = min(offset, os.fstat(self._descriptor).st_size)
        guard_start = max(self._offset - _GUARD_BYTES, 0)
        self._guard = os.pread(self._descriptor, self._offset - guard_start, guard_start)

    def seek_end(self) -> None:
        """Behind the last whole line there is."""
        size = os.fstat(self._descriptor).st_size
        start = max(size - self._block_bytes, 0)
        tail = os.pread(self._descriptor, size - start, start)
        self.seek(start + tail.rfind(b"\n") + 1)

    def read_lines(self) -> bytes:
        """The next whole lines, b"" if there is none. A file that was emptied or rewritten is read from its start."""
        while block := self._read_block():
            cut = block.rfind(b"\n") + 1
            if cut:
                lines = self._take(block[:cut])
                if lines:
                    return lines
            elif len(block) >= self._block_bytes:
                self._skip_overlong(block)
            else:
                break
        return b""

    def close(self) -> None:
        os.close(self._descriptor)

    def _read_block(self) -> bytes:
        guard_start = self._offset - len(self._guard)
        data = os.pread(self._descriptor, self._block_bytes + len(self._guard), guard_start)
        if data.startswith(self._guard):
            return data[len(self._guard) :]
        self.truncated += 1
        self._offset, self._guard, self._in_overlong_line = 0, b"", False
        return os.pread(self._descriptor, self._block_bytes, 0)

    def _take(self, lines: bytes) -> bytes:
        """`lines` without the rest of an overlong line that they may begin with."""
        self._advance(lines)
        if not self._in_overlong_line:
            return lines
        self._in_overlong_line = False
        return lines.partition(b"\n")[2]

    def _advance(self, read: bytes) -> None:
        self._offset += len(read)
        self._guard = (self._guard + read[-_GUARD_BYTES:])[-_GUARD_BYTES:]

    def _skip_overlong(self, block: bytes) -> None:
        if not self._in_overlong_line:
            self.overlong_lines += 1
        self._in_overlong_line = True
        self._advance(block)


def _hash(guard: bytes) -> str:
    return blake2b(guard, digest_size=8).hexdigest()
