"""Request bodies: never longer than allowed, and never longer awaited."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from monitor.errors import BodyTimeout, BodyTooLarge, QueryCanceled


async def read_body(request: Request, bytes_max: int, setting: str, timeout_ms: int) -> bytes:
    """The whole body. `setting` is where `bytes_max` is set.

    Raises BodyTooLarge, as soon as that is known, BodyTimeout, and QueryCanceled if the client goes away.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > bytes_max:
        raise _too_large(declared, bytes_max, setting)
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            return await _read_at_most(request, bytes_max, setting)
    except TimeoutError:
        wanted = f"want it within {timeout_ms / 1000:g} s (request_body_timeout)"
        raise BodyTimeout(f"body: did not arrive in time, {wanted}") from None
    except ClientDisconnect:
        raise QueryCanceled("the client went away before its request was complete") from None


async def _read_at_most(request: Request, bytes_max: int, setting: str) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise _too_large(f"more than {bytes_max}", bytes_max, setting)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(got: str, bytes_max: int, setting: str) -> BodyTooLarge:
    return BodyTooLarge(f"body: got {got} bytes, want at most {bytes_max} ({setting})")
