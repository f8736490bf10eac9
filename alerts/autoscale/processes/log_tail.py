"""The last bytes that a process wrote."""

from __future__ import annotations


class LogTail:
    """Keeps the newest `size` bytes."""

    __slots__ = ("_bytes", "_size", "written")

    def __init__(self, size: int) -> None:
        self._size = size
        self._bytes = bytearray()
        self.written = 0

    def write(self, data: bytes) -> None:
        self._bytes += data
        self.written += len(data)
        if len(self._bytes) > 2 * self._size:
            del self._bytes[: -self._size]

    def text(self) -> str:
        """The newest `size` bytes, from the first whole line on."""
        tail = bytes(self._bytes[-self._size :])
        if self.written > len(tail):
            tail = tail.partition(b"\n")[2]
        return tail.decode("utf-8", "replace")
