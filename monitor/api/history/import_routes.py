"""POST /api/v1/import: samples of any time from 1970 on, read as a stream, durable when the answer comes."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from starlette.requests import ClientDisconnect, Request

from monitor.api.answers import Answer, data_pieces, json_answer
from monitor.api.context import ApiContext
from monitor.api.endpoint import POST, Endpoint, Parameter
from monitor.api.history.context import HistoryContext
from monitor.errors import BadRequest, BodyTimeout, QueryCanceled, UnsupportedMediaType
from monitor.history.imports.importer import FORMAT_BY_TYPE, Imported, Importer, ImportFormat

PIECE_BYTES = 1 << 20
"""Taken in and made durable at a time."""
_GZIP_WINDOW_BITS = 31


class ImportRoutes:
    """The handler of /api/v1/import."""

    def __init__(self, context: ApiContext, history: HistoryContext) -> None:
        self._context = context
        self._history = history

    def endpoints(self) -> tuple[Endpoint, ...]:
        formats = ", ".join(each.value for each in ImportFormat)
        return (
            Endpoint(
                "/api/v1/import",
                self.take,
                "Take samples of any time from 1970 on",
                "200 means that all good lines are on disk; the answer counts the refused ones and names the first."
                " 400 means that there was no good line. The body may be compressed with gzip.",
                tag="history",
                methods=POST,
                parameters=(Parameter("format", f"One of {formats}. Default: by the content type."),),
                body_type="application/jsonl",
            ),
        )

    async def take(self, request: Request) -> Answer:
        limits = self._context.limits
        importer = Importer(self._history.store, _format_of(request), limits.import_line_bytes)
        decode = _decoder(request.headers.get("content-encoding", ""))
        await self._history.work.enter()
        try:
            async for data in self._body(request):
                await self._feed(importer, decode, data)
            decode.finish()
            await self._history.work.start(importer.finish)
            await asyncio.wrap_future(self._history.store.durable())
        finally:
            self._history.work.leave()
        return _answer(importer.result)

    async def _feed(self, importer: Importer, decode: _Plain | _Gzip, data: bytes) -> None:
        def feed() -> None:
            for piece in decode.feed(data):
                importer.feed(piece)

        await self._history.work.start(feed)
        # Waiting for the disk is what keeps memory flat.
        await asyncio.wrap_future(self._history.store.durable())

    async def _body(self, request: Request) -> AsyncIterator[bytes]:
        """The body in pieces of about PIECE_BYTES; each part of it must come in time."""
        timeout_seconds = self._context.limits.request_body_timeout_ms / 1000
        waiting: list[bytes] = []
        stream = request.stream().__aiter__()
        while True:
            try:
                async with asyncio.timeout(timeout_seconds):
                    part = await anext(stream, None)
            except TimeoutError:
                wanted = f"want more within {timeout_seconds:g} s (request_body_timeout)"
                raise BodyTimeout(f"body: nothing arrived in time, {wanted}") from None
            except ClientDisconnect:
                raise QueryCanceled("the client went away before its request was complete") from None
            if part is None:
                break
            waiting.append(part)
            if sum(map(len, waiting)) >= PIECE_BYTES:
                yield b"".join(waiting)
                waiting = []
        if waiting:
            yield b"".join(waiting)


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> None:
        """Any end is an end."""


class _Gzip:
    """Decompresses piece by piece, however much one byte of input unfolds to."""

    def __init__(self) -> None:
        self._decompressor = zlib.decompressobj(_GZIP_WINDOW_BITS)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            try:
                piece = self._decompressor.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise BadRequest(f"body: not gzip: {error}") from None
            if piece:
                yield piece
            data = self._decompressor.unconsumed_tail
            if self._decompressor.eof:
                data = self._decompressor.unused_data
                if data:
                    self._decompressor = zlib.decompressobj(_GZIP_WINDOW_BITS)

    def finish(self) -> None:
        if not self._decompressor.eof:
            raise BadRequest("body: the gzip stream ends too early")


def _decoder(encoding: str) -> _Plain | _Gzip:
    decoders: dict[str, Callable[[], _Plain | _Gzip]] = {"": _Plain, "identity": _Plain, "gzip": _Gzip}
    try:
        return decoders[encoding.strip().lower()]()
    except KeyError:
        raise UnsupportedMediaType(f"content encoding: got {encoding}, want gzip or none") from None


def _format_of(request: Request) -> ImportFormat:
    text = request.query_params.get("format", "")
    wanted = ", ".join(each.value for each in ImportFormat)
    if text:
        try:
            return ImportFormat(text)
        except ValueError:
            raise BadRequest(f'invalid parameter "format": got {text!r}, want one of {wanted}') from None
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        return FORMAT_BY_TYPE[media_type]
    except KeyError:
        types = ", ".join(FORMAT_BY_TYPE)
        raise UnsupportedMediaType(
            f"content type: got {media_type or 'none'}, want one of {types}, or the parameter format with {wanted}"
        ) from None


def _answer(imported: Imported) -> Answer:
    if imported.refused_lines and not imported.lines:
        first = imported.errors[0]
        raise BadRequest(f"all {imported.refused_lines} lines refused, the first: line {first.line}: {first.message}")
    data: dict[str, Any] = {
        "lines": imported.lines,
        "samples": imported.samples,
        "refusedLines": imported.refused_lines,
        "errors": [{"line": error.line, "message": error.message} for error in imported.errors],
    }
    warnings = [f"{imported.refused_lines} lines refused"] if imported.refused_lines else []
    return json_answer(data_pieces(data, warnings), gzip=False)
