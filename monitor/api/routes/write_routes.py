"""Remote write 1.0: what other Prometheus servers and agents send us."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from monitor.api.answers import Answer
from monitor.api.context import ApiContext, WritableStore
from monitor.api.endpoint import POST, Endpoint
from monitor.api.errors import RETRY_AFTER, error_answer
from monitor.api.remote_write.sent_requests import SentRequests
from monitor.api.remote_write.write_samples import Written, write_samples
from monitor.api.request_body import read_body
from monitor.errors import BadRequest, NotFound, Overloaded, UnsupportedMediaType

_PROTOBUF = "application/x-protobuf"
_MESSAGE = "prometheus.WriteRequest"
_TOO_MANY_REQUESTS = 429


class WriteRoutes:
    """The handler of /api/v1/write."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._sent = SentRequests(lambda: context.receiver.pushed_series() if context.receiver else 0)

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint(
                "/api/v1/write",
                self.write,
                "Take samples (remote write 1.0)",
                "A WriteRequest in protobuf, compressed with snappy. 204 means that all of it is on disk, 400 that"
                " something in it is refused for good and the rest is stored; 429 and 503 ask to send it again later.",
                tag="remote write",
                methods=POST,
                body_type=_PROTOBUF,
            ),
        )

    async def write(self, request: Request) -> Answer:
        context = self._context
        if context.receiver is None:
            raise NotFound("remote write is not enabled")
        _check_type(request.headers.get("content-type", ""))
        _check_encoding(request.headers.get("content-encoding", ""))
        try:
            await context.writes.enter()
        except Overloaded as error:
            return error_answer(_TOO_MANY_REQUESTS, "unavailable", str(error), RETRY_AFTER)
        try:
            written = await self._take(request, context.receiver)
        finally:
            context.writes.leave()
        self._count(written)
        if written.samples:
            await asyncio.wrap_future(context.receiver.durable())
        if written.refusal:
            raise BadRequest(_refusal_text(written))
        return Answer(status=204)

    async def _take(self, request: Request, store: WritableStore) -> Written:
        limits = self._context.limits
        bytes_max = limits.write_request_bytes
        body = await read_body(request, bytes_max, "write_request_size", limits.request_body_timeout_ms)

        def take() -> Written:
            return write_samples(store, self._sent.decode(body, bytes_max))

        return await self._context.writes.start(take)

    def _count(self, written: Written) -> None:
        metrics = self._context.metrics
        metrics.written_samples.inc(written.samples)
        metrics.refused_series.inc(written.refused_series)


def _refusal_text(written: Written) -> str:
    if not written.refused_series:
        return written.refusal
    return f"{written.refused_series} of {written.series} series refused: {written.refusal}"


def _check_type(content_type: str) -> None:
    """As upstream, no type at all counts as ours. Senders of 2.0 fall back to 1.0 on the status 415."""
    media_type, *options = (part.strip() for part in content_type.split(";"))
    if media_type not in ("", _PROTOBUF):
        raise UnsupportedMediaType(f"content type: got {media_type}, want {_PROTOBUF}")
    for option in options:
        name, _, value = option.partition("=")
        if name.strip() == "proto" and value.strip() != _MESSAGE:
            raise UnsupportedMediaType(f"content type: got the message {value}, want {_MESSAGE} (remote write 1.0)")


def _check_encoding(encoding: str) -> None:
    if encoding not in ("", "snappy"):
        raise UnsupportedMediaType(f"content encoding: got {encoding}, want snappy")
