"""One path of the API: its handler, and what /docs says of it.

Endpoints are plain ASGI applications that read their parameters themselves: a framework that resolves dependencies and
validates models on every request costs more than a small query does. openapi.py documents them.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from monitor.api.answers import Answer
from monitor.api.api_metrics import ApiMetrics
from monitor.api.errors import answer_for, answer_for_bug
from monitor.clock import Clock
from monitor.errors import PlimsollError

logger = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Answer]]
HandlerAtOnce = Callable[[Request, bytes], Answer | None]
"""Answers a request with its body in less than a millisecond; None leaves it to the Handler."""
GET = ("GET",)
GET_AND_POST = ("GET", "POST")
POST = ("POST",)
DELETE = ("DELETE",)


@dataclass(frozen=True, slots=True)
class Parameter:
    """`is_repeated` parameters may come several times; `in_path` ones are part of the path."""

    name: str
    description: str
    schema: str = "string"
    example: str = ""
    is_required: bool = False
    is_repeated: bool = False
    in_path: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`body_type` is the media type of a body that is not a form with the parameters. Pages are not documented.

    `handler_at_once` answers some of the requests before `handler` is asked.
    """

    path: str
    handler: Handler
    summary: str
    description: str = ""
    tag: str = "queries"
    methods: tuple[str, ...] = GET
    parameters: tuple[Parameter, ...] = ()
    answer_type: str = "application/json"
    body_type: str = ""
    is_documented: bool = True
    handler_at_once: HandlerAtOnce | None = None


class EndpointApp:
    """Answers the requests of one endpoint, errors of ours included, and counts them."""

    def __init__(self, endpoint: Endpoint, metrics: ApiMetrics, clock: Clock) -> None:
        self._handler = endpoint.handler
        self._handler_at_once = endpoint.handler_at_once
        self._path = endpoint.path
        self._metrics = metrics
        self._clock = clock
        self._seconds = metrics.request_seconds.labels(endpoint.path)
        self._ok = metrics.requests.labels(endpoint.path, "200")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started_seconds = self._clock.monotonic_seconds()
        status = 500
        try:
            answer = await self._answer(Request(scope, receive, send))
            status = answer.status
            await answer(scope, receive, send)
        finally:
            self._count(status, started_seconds)

    def answer_at_once(self, scope: Scope, body: bytes) -> Answer | None:
        """The answer to a whole request; None if it is not a matter of a moment."""
        if self._handler_at_once is None:
            return None
        started_seconds = self._clock.monotonic_seconds()
        try:
            answer = self._handler_at_once(Request(scope), body)
        except PlimsollError as error:
            answer = answer_for(error)
        except Exception as error:  # the top of a request: the next one must be answered
            logger.exception("a request for %s failed", self._path)
            answer = answer_for_bug(error)
        if answer is not None:
            self._count(answer.status, started_seconds)
        return answer

    def _count(self, status: int, started_seconds: float) -> None:
        self._seconds.observe(self._clock.monotonic_seconds() - started_seconds)
        counter = self._ok if status == 200 else self._metrics.requests.labels(self._path, str(status))
        counter.inc()

    async def _answer(self, request: Request) -> Answer:
        try:
            return await self._handler(request)
        except PlimsollError as error:
            return answer_for(error)
        except Exception as error:  # the top of a request: the next one must be answered
            logger.exception("a request for %s failed", self._path)
            return answer_for_bug(error)
