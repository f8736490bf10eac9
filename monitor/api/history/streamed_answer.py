"""An answer that is made while it is sent: at no time is more than a piece of it in memory."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send

from monitor.api.answers import Answer
from monitor.api.worker_pool import WorkerPool

logger = logging.getLogger(__name__)

_GZIP_LEVEL = 1
_GZIP_WINDOW_BITS = 31


@dataclass(frozen=True, slots=True)
class StreamedAnswer(Answer):
    """`pieces` are ready to be sent, `rest` makes the others; each is made in a thread of `work`.

    It holds a place of `work` and gives it back at the end. If the client goes away, no more is made. If making a piece
    fails, the connection is broken off, so that the client sees that the file is not whole.
    """

    rest: Iterator[bytes] = field(default_factory=lambda: iter(()))
    work: WorkerPool | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.work is not None, "BUG: got no pool"
        gone = asyncio.create_task(_wait_until_gone(receive))
        try:
            await self._send(scope, send, self.work, gone)
        finally:
            gone.cancel()
            self.work.leave()

    async def _send(self, scope: Scope, send: Send, work: WorkerPool, gone: asyncio.Task[None]) -> None:
        headers = [(b"content-type", self.content_type), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        while not gone.done():
            try:
                next_piece = await work.start(lambda: next(self.rest, None))
            except Exception:
                logger.exception("an answer to %s breaks off", scope["path"])
                raise
            if next_piece is None:
                await send({"type": "http.response.body", "body": b""})
                return
            if next_piece:
                await send({"type": "http.response.body", "body": next_piece, "more_body": True})


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same in gzip."""
    compressor = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW_BITS)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()
