"""What bad targets answer, and why their scrapes fail."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import Any

from little_server import response

from monitor.errors import ScrapeFailure

MEBIBYTE = 2**20
Answer = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def never_answer(reader: asyncio.StreamReader, _: Any) -> None:
    await reader.read()


async def trickle(_: Any, writer: asyncio.StreamWriter) -> None:
    for byte in response(b"a 1\n" * 100):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def close_early(_: Any, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def send_half(_: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(response(b"a 1\n" * 100)[:-50])
    await writer.drain()
    writer.close()


async def send_without_end(_: Any, writer: asyncio.StreamWriter) -> None:
    """Up to 200 MiB."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    for _piece in range(200):
        writer.write(b"x 1\n" * (MEBIBYTE // 4))
        await writer.drain()
    writer.close()


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"

# Each is larger than 1 MiB, where it is the size that is bad.
BAD_ANSWERS: dict[str, tuple[Answer, ScrapeFailure]] = {
    "garbage": (b"\x00\xff\x13garbage\r\n\r\n", ScrapeFailure.PROTOCOL),
    "garbage body": (response(b"\x7fELF\x02\x01\x01\x00" * 100), ScrapeFailure.PARSE),
    "length too long": (send_half, ScrapeFailure.TRUNCATED),
    "chunk size": (CHUNKED + b"xyz\r\na 1\n\r\n0\r\n\r\n", ScrapeFailure.PROTOCOL),
    "chunk cut": (CHUNKED + b"ff\r\na 1\n\r\n0\r\n\r\n", ScrapeFailure.TIMEOUT),
    "200 MiB": (send_without_end, ScrapeFailure.BODY_SIZE),
    "gzip bomb": (response(gzip.compress(bytes(50 * MEBIBYTE)), content_encoding="gzip"), ScrapeFailure.BODY_SIZE),
    "broken gzip": (response(b"a 1\n", content_encoding="gzip"), ScrapeFailure.ENCODING),
    "content type": (response(b"<html>", "text/html"), ScrapeFailure.CONTENT_TYPE),
    "never": (never_answer, ScrapeFailure.TIMEOUT),
    "byte by byte": (trickle, ScrapeFailure.TIMEOUT),
    "closes": (close_early, ScrapeFailure.CONNECT),
    "invalid UTF-8": (response(b'a{b="\xff\xfe"} 1\n'), ScrapeFailure.PARSE),
    "NUL": (response(b"a 1\n\x00\x00\x00\n"), ScrapeFailure.PARSE),
    "header of 1 MiB": (b"HTTP/1.1 200 OK\r\nX: " + b"y" * MEBIBYTE + b"\r\n\r\n", ScrapeFailure.PROTOCOL),
    "redirect loop": (response(b"", status="302 Found", location="/bad"), ScrapeFailure.PROTOCOL),
    "status": (response(b"a 1\n", status="500 Internal Server Error"), ScrapeFailure.STATUS),
    "half a line": (response(b'a 1\nb{c="d'), ScrapeFailure.PARSE),
}
