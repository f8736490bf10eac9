"""Deleting series, snapshots: /api/v1/admin/tsdb, off unless the server was started with --enable-admin-api."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from monitor.api.answers import Answer, data_pieces, json_answer
from monitor.api.context import ApiContext
from monitor.api.endpoint import Endpoint, Parameter
from monitor.api.errors import error_answer
from monitor.api.history.context import HistoryContext
from monitor.api.parameters import named_matcher_sets, read_parameters
from monitor.api.time_parameters import TIME_MAX_MS, TIME_MIN_MS
from monitor.api.worker_pool import Result
from monitor.errors import BadRequest

_PUT_AND_POST = ("POST", "PUT")
_UNAVAILABLE = 503
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("", "0", "f", "F", "false", "FALSE", "False")


class AdminRoutes:
    """Handlers in upstream's shape."""

    def __init__(self, context: ApiContext, history: HistoryContext) -> None:
        self._context = context
        self._history = history

    def endpoints(self) -> tuple[Endpoint, ...]:
        prefix, tag = "/api/v1/admin/tsdb", "administration"
        match = Parameter("match[]", "A series selector; several add up.", is_required=True, is_repeated=True)
        times = (
            Parameter("start", "First time, inclusive: RFC3339 or Unix seconds. Default: from the beginning."),
            Parameter("end", "Last time, inclusive: RFC3339 or Unix seconds. Default: to the end."),
        )
        head = Parameter("skip_head", "If true, leaves out what is in no block yet.", schema="boolean")
        return (
            Endpoint(
                f"{prefix}/delete_series",
                self.delete_series,
                "Delete samples",
                "They are gone from answers at once and for good; the disk space follows when blocks are merged.",
                tag=tag,
                methods=_PUT_AND_POST,
                parameters=(match, *times),
            ),
            Endpoint(
                f"{prefix}/clean_tombstones",
                self.clean_tombstones,
                "Write blocks anew without what was deleted",
                tag=tag,
                methods=_PUT_AND_POST,
            ),
            Endpoint(
                f"{prefix}/snapshot",
                self.snapshot,
                "Copy everything stored to snapshots/NAME in the data directory",
                tag=tag,
                methods=_PUT_AND_POST,
                parameters=(head,),
            ),
        )

    async def delete_series(self, request: Request) -> Answer:
        if not self._history.is_admin_enabled:
            return _disabled()
        parameters = await read_parameters(request, self._context.limits)
        texts = parameters.texts("match[]")
        if not texts:
            raise BadRequest("no match[] parameter provided")
        selectors = named_matcher_sets("match[]", texts, self._context.engine.features)
        start_ms, end_ms = parameters.time_ms_or("start", TIME_MIN_MS), parameters.time_ms_or("end", TIME_MAX_MS)
        if end_ms < start_ms:
            raise BadRequest("end timestamp must not be before start timestamp")
        await self._work(lambda: self._history.store.delete_series(selectors, start_ms, end_ms))
        return Answer(status=204)

    async def clean_tombstones(self, _request: Request) -> Answer:
        if not self._history.is_admin_enabled:
            return _disabled()
        await self._work(self._history.store.clean_tombstones)
        return Answer(status=204)

    async def snapshot(self, request: Request) -> Answer:
        if not self._history.is_admin_enabled:
            return _disabled()
        text = (await read_parameters(request, self._context.limits)).text("skip_head")
        if text not in (*_TRUE, *_FALSE):
            raise BadRequest(f'invalid parameter "skip_head": got {text!r}, want true or false')
        now_ms = self._context.clock.now_ms()
        name = await self._work(lambda: self._history.store.snapshot(now_ms, with_head=text not in _TRUE))
        return json_answer(data_pieces({"name": name}), gzip=False)

    async def _work(self, work: Callable[[], Result]) -> Result:
        await self._history.work.enter()
        try:
            return await self._history.work.start(work)
        finally:
            self._history.work.leave()


def _disabled() -> Answer:
    return error_answer(_UNAVAILABLE, "unavailable", "admin APIs disabled")
