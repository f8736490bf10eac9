"""HTTP answers: JSON in Prometheus's envelope, in pieces, compressed where the client takes it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

JSON_TYPE = b"application/json"
TEXT_TYPE = b"text/plain; charset=utf-8"
COMPRESS_BEYOND_BYTES = 1024
_GZIP_LEVEL = 1
_GZIP_WINDOW_BITS = 31
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An ASGI application that gives one answer. Its pieces are sent one by one, as fast as the client takes them."""

    pieces: Sequence[bytes] = ()
    status: int = 200
    content_type: bytes = JSON_TYPE
    headers: Headers = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": self.status, "headers": self.all_headers()})
        for piece in self.pieces[:-1]:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": self.pieces[-1] if self.pieces else b""})

    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """`headers`, and what the pieces tell."""
        headers = list(self.headers)
        if self.pieces:
            headers.append((b"content-length", str(sum(map(len, self.pieces))).encode()))
            headers.append((b"content-type", self.content_type))
        return headers


def text_answer(text: str, status: int = 200, headers: Headers = ()) -> Answer:
    return Answer((text.encode(),), status, TEXT_TYPE, headers)


def takes_gzip(request: Request) -> bool:
    """Whether the client wants its answer compressed."""
    for name, value in request.scope["headers"]:
        if name == b"accept-encoding" and b"gzip" in value.lower() and any(map(_is_gzip, value.split(b","))):
            return True
    return False


def _is_gzip(coding: bytes) -> bool:
    name, _, weight = coding.partition(b";")
    is_refused = weight.replace(b" ", b"").strip(b"0.") == b"q="
    return name.strip().lower() == b"gzip" and not is_refused


def json_answer(pieces: Iterable[bytes], *, gzip: bool, status: int = 200) -> Answer:
    """The JSON text in `pieces`, compressed if `gzip` and worth it: work for a thread unless it is small."""
    whole = list(pieces)
    if not gzip or sum(map(len, whole)) <= COMPRESS_BEYOND_BYTES:
        return Answer(whole, status)
    return Answer(list(_compressed(whole)), status, headers=((b"content-encoding", b"gzip"),))


def _compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    # zlib lets go of the interpreter while it works on one of the pieces.
    compressor = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW_BITS)
    for piece in pieces:
        compressed = compressor.compress(piece)
        if compressed:
            yield compressed
    yield compressor.flush()


def data_pieces(data: Any, warnings: Sequence[str] = ()) -> list[bytes]:
    """`{"status":"success","data":…}` around anything that orjson takes."""
    return [b'{"status":"success","data":', orjson.dumps(data), closing_piece(warnings)]


def closing_piece(warnings: Sequence[str], infos: Sequence[str] = ()) -> bytes:
    """What stands behind `data`: the remarks, if there are any, and the end of the envelope."""
    if not warnings and not infos:
        return b"}"
    remarks: Mapping[str, Sequence[str]] = {"warnings": warnings, "infos": infos}
    parts = [b',"%b":%b' % (name.encode(), orjson.dumps(list(texts))) for name, texts in remarks.items() if texts]
    return b"".join(parts) + b"}"
