"""How a route reads the store: in a thread, within the limits, and only as long as its client waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from starlette.requests import Request

from monitor.api.answers import Answer, json_answer, takes_gzip
from monitor.api.context import ApiContext
from monitor.api.queries.asked_query import client_of
from monitor.api.query_guard import QueryGuard

Work = Callable[[QueryGuard], Iterable[bytes]]
"""Gives the body of the answer in pieces; runs in a thread and asks the guard now and then."""

_WATCH_AFTER_SECONDS = 0.1
"""Watching a client costs as much as a small query, and few queries take longer than this."""


async def answer_in_thread(
    context: ApiContext, request: Request, work: Work, guard: QueryGuard | None = None
) -> Answer:
    """The JSON answer of `work`. Raises what it raises, Overloaded, QueryTimeout and QueryCanceled."""
    guard = guard or query_guard(context)
    client = client_of(request, context.limits.client_header)
    gzip = takes_gzip(request)

    def whole_answer() -> Answer:
        guard.check()
        return json_answer(work(guard), gzip=gzip)

    with context.metrics.running_queries.track_inprogress():
        try:
            await context.queries.enter(guard.left_seconds(), client)
        except TimeoutError:
            raise guard.timeout() from None
        try:
            return await _while_client_waits(request, guard, context.queries.start(whole_answer))
        finally:
            context.queries.leave(client)


def query_guard(context: ApiContext, timeout_seconds: float | None = None) -> QueryGuard:
    """Stops after the query timeout, or `timeout_seconds` if that is less."""
    most_seconds = context.limits.query_timeout_ms / 1000
    return QueryGuard(context.clock, most_seconds if timeout_seconds is None else min(most_seconds, timeout_seconds))


async def _while_client_waits(request: Request, guard: QueryGuard, answer: asyncio.Future[Answer]) -> Answer:
    watching: list[asyncio.Task[None]] = []

    def watch() -> None:
        watching.append(asyncio.create_task(_cancel_when_gone(request, guard)))

    timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_SECONDS, watch)
    try:
        return await answer
    except asyncio.CancelledError:
        guard.cancel()
        raise
    finally:
        timer.cancel()
        for task in watching:
            task.cancel()


async def _cancel_when_gone(request: Request, guard: QueryGuard) -> None:
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            guard.cancel()
            return
