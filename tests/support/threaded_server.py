"""A LittleServer for tests that do not run in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from little_server import Handler, LittleServer, little_server

Started = tuple[LittleServer, asyncio.AbstractEventLoop, asyncio.Event]


@contextlib.contextmanager
def threaded_server(**answers: bytes | Handler) -> Iterator[LittleServer]:
    """Serves in a thread of its own until the end of the block; `answers` may be changed meanwhile."""
    ready: Future[Started] = Future()
    with ThreadPoolExecutor(1, thread_name_prefix="targets") as executor:
        ended = executor.submit(asyncio.run, _serve(ready, answers))
        server, loop, is_over = ready.result(10)
        try:
            yield server
        finally:
            loop.call_soon_threadsafe(is_over.set)
            ended.result(10)


async def _serve(ready: Future[Started], answers: dict[str, bytes | Handler]) -> None:
    is_over = asyncio.Event()
    async with little_server() as server:
        server.answers |= {f"/{name}": answer for name, answer in answers.items()}
        ready.set_result((server, asyncio.get_running_loop(), is_over))
        await is_over.wait()
