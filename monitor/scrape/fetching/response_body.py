"""Bodies as they arrive: decompressed on the way, and cut off at the limit before they fill the memory."""

from __future__ import annotations

import zlib

from monitor.errors import ScrapeError, ScrapeFailure

_GZIP_WINDOW_BITS = 31


class ResponseBody:
    """Collects one body. `encoding` is its Content-Encoding; a decompressed size of `bytes_max` is too much already,
    as in Prometheus."""

    __slots__ = ("_bytes_max", "_encoding", "_inflate", "_parts", "_size")

    def __init__(self, bytes_max: int, encoding: str = "") -> None:
        self._bytes_max = bytes_max
        self._encoding = encoding
        self._parts: list[bytes] = []
        self._size = 0
        self._inflate = zlib.decompressobj(_GZIP_WINDOW_BITS) if encoding == "gzip" else None
        if encoding not in ("", "gzip", "identity"):
            raise ScrapeError(ScrapeFailure.ENCODING, f"got content encoding {encoding!r}, want gzip or identity")

    def expect(self, length: int) -> None:
        """Refuses a body that says beforehand that it is too long."""
        if self._inflate is None and length >= self._bytes_max:
            raise self._too_large()

    def add(self, data: bytes) -> None:
        """Takes the next piece. Raises ScrapeError."""
        if self._inflate is None:
            self._keep(data)
            return
        try:
            while data:
                data = self._inflate_some(data)
        except zlib.error as error:
            raise ScrapeError(ScrapeFailure.ENCODING, f"got a broken gzip body: {error}") from None

    def finish(self) -> bytes:
        """The whole body. Raises ScrapeError if its compressed form is not complete."""
        if self._inflate is not None and not self._inflate.eof:
            raise ScrapeError(ScrapeFailure.TRUNCATED, "the gzip body ends too early")
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def _inflate_some(self, data: bytes) -> bytes:
        """Inflates up to the limit; returns what is left of `data`. A gzip body may be several in a row."""
        if self._inflate is None or self._inflate.eof:
            self._inflate = zlib.decompressobj(_GZIP_WINDOW_BITS)
        self._keep(self._inflate.decompress(data, self._bytes_max - self._size))
        return self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size >= self._bytes_max:
            self._parts.clear()
            raise self._too_large()
        self._parts.append(data)

    def _too_large(self) -> ScrapeError:
        message = f"body_size_limit exceeded: got {self._bytes_max} bytes or more, want fewer"
        return ScrapeError(ScrapeFailure.BODY_SIZE, message)
