"""For those who operate the service: health, readiness, reloading, our own metrics."""

from __future__ import annotations

import asyncio
import logging

from prometheus_client.exposition import choose_encoder
from starlette.requests import Request

from monitor.api.answers import Answer, json_answer, takes_gzip, text_answer
from monitor.api.context import ApiContext
from monitor.api.endpoint import GET, Endpoint
from monitor.errors import ConfigError

logger = logging.getLogger(__name__)

_TEXT = "text/plain"


class ManagementRoutes:
    """Handlers outside of /api: their answers are plain text, as upstream's are."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def endpoints(self) -> tuple[Endpoint, ...]:
        tag = "management"
        return (
            Endpoint("/-/healthy", self.healthy, "200 as long as the process answers", tag=tag, answer_type=_TEXT),
            Endpoint("/-/ready", self.ready, "200 once queries are answered, else 503", tag=tag, answer_type=_TEXT),
            Endpoint(
                "/-/reload",
                self.reload,
                "Read the configuration again",
                "If it is refused, the old one stays in force and the answer says what is wrong.",
                tag=tag,
                methods=("POST", "PUT"),
                answer_type=_TEXT,
            ),
            Endpoint("/metrics", self.metrics, "Metrics of this service", tag=tag, methods=GET, answer_type=_TEXT),
        )

    async def healthy(self, _request: Request) -> Answer:
        return text_answer("Plimsoll is healthy.\n")

    async def ready(self, _request: Request) -> Answer:
        if self._context.is_ready():
            return text_answer("Plimsoll is ready.\n")
        return text_answer("Service Unavailable", 503)

    async def reload(self, _request: Request) -> Answer:
        if self._context.reload is None:
            return text_answer("Lifecycle API is not enabled.", 403)
        try:
            await self._context.reload()
        except ConfigError as error:
            logger.error("the new configuration is refused: %s", error)
            return text_answer(f"failed to reload config: {error}\n", 500)
        return text_answer("", 200)

    async def metrics(self, request: Request) -> Answer:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        gzip = takes_gzip(request)

        def collect() -> Answer:
            answer = json_answer([encode(self._context.registry)], gzip=gzip)
            return Answer(answer.pieces, content_type=content_type.encode(), headers=answer.headers)

        return await asyncio.to_thread(collect)
