"""What this service is, how it is configured, and what it stores."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from monitor.api.answers import Answer, data_pieces
from monitor.api.context import ApiContext
from monitor.api.endpoint import Endpoint, Parameter
from monitor.api.parameters import parse_integer, read_parameters
from monitor.api.reading import answer_in_thread
from monitor.config.render import render_yaml
from monitor.errors import BadRequest
from monitor.model.durations import rfc3339
from monitor.storage.statistics import NamedCount, StoreStatistics

Json = dict[str, Any]

_LIST_LENGTH, _LIST_LENGTH_MAX = 10, 10_000


class StatusRoutes:
    """Handlers of /api/v1/status."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def endpoints(self) -> tuple[Endpoint, ...]:
        limit = Parameter("limit", f"Length of each list, at most {_LIST_LENGTH_MAX}.", schema="integer", example="10")
        prefix, tag = "/api/v1/status", "status"
        return (
            Endpoint(f"{prefix}/buildinfo", self.build_info, "Version, for clients that choose by it", tag=tag),
            Endpoint(f"{prefix}/config", self.config, "The configuration in force, without secrets", tag=tag),
            Endpoint(f"{prefix}/flags", self.flags, "Command line flags", tag=tag),
            Endpoint(f"{prefix}/runtimeinfo", self.runtime_info, "State of the process", tag=tag),
            Endpoint(f"{prefix}/tsdb", self.tsdb, "Where the series come from", tag=tag, parameters=(limit,)),
        )

    async def build_info(self, request: Request) -> Answer:
        build = self._context.build
        # Without `features`: with them Grafana takes us for Mimir.
        data = {
            "version": build.compatible_version,
            "revision": build.revision or f"plimsoll-{build.version}",
            "branch": f"plimsoll {build.version}",
            "buildUser": "",
            "buildDate": "",
            "goVersion": f"{platform.python_implementation()} {platform.python_version()}",
        }
        return await self._answer(request, lambda: data)

    async def config(self, request: Request) -> Answer:
        config = self._context.config()
        return await self._answer(request, lambda: {"yaml": render_yaml(config)})

    async def flags(self, request: Request) -> Answer:
        return await self._answer(request, lambda: dict(self._context.flags))

    async def runtime_info(self, request: Request) -> Answer:
        runtime, now_ms = self._context.runtime(), self._context.clock.now_ms()
        data = {
            "startTime": rfc3339(runtime.started_ms),
            "CWD": runtime.working_directory,
            "hostname": runtime.host_name,
            "serverTime": rfc3339(now_ms),
            "reloadConfigSuccess": runtime.last_reload_ok,
            "lastConfigTime": rfc3339(runtime.last_reload_ms),
            "corruptionCount": runtime.corruptions,
            # Keys that clients expect; threads are what comes nearest to goroutines.
            "goroutineCount": threading.active_count(),
            "GOMAXPROCS": os.cpu_count() or 1,
            "GOMEMLIMIT": 0,
            "GOGC": "",
            "GODEBUG": "",
            "storageRetention": runtime.retention,
        }
        return await self._answer(request, lambda: data)

    async def tsdb(self, request: Request) -> Answer:
        parameters = await read_parameters(request, self._context.limits)
        length = _list_length(parameters.text("limit"))
        return await self._answer(request, lambda: _tsdb_json(self._context.statistics(length)))

    async def _answer(self, request: Request, data: Callable[[], Json]) -> Answer:
        return await answer_in_thread(self._context, request, lambda _guard: data_pieces(data()))


def _list_length(text: str) -> int:
    if not text:
        return _LIST_LENGTH
    try:
        length = parse_integer(text)
    except ValueError:
        length = 0
    if length < 1:
        raise BadRequest("limit must be a positive number")
    return min(length, _LIST_LENGTH_MAX)


def _tsdb_json(statistics: StoreStatistics) -> Json:
    return {
        "headStats": {
            "numSeries": statistics.series,
            "numLabelPairs": statistics.label_pairs,
            "chunkCount": statistics.chunks,
            "minTime": statistics.min_ms,
            "maxTime": statistics.max_ms,
        },
        "seriesCountByMetricName": _counts(statistics.series_by_metric),
        "labelValueCountByLabelName": _counts(statistics.values_by_label),
        "memoryInBytesByLabelName": _counts(statistics.bytes_by_label),
        "seriesCountByLabelValuePair": _counts(statistics.series_by_pair),
        "createdSeriesLastHour": statistics.created_last_hour,
        "createdSeriesLastHourByMetricName": _counts(statistics.created_by_metric),
    }


def _counts(counts: tuple[NamedCount, ...]) -> list[Json]:
    return [{"name": count.name, "value": count.count} for count in counts]
