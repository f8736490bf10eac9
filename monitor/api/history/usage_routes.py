"""GET /api/v1/status/metric_usage: what each metric costs, and who asks for it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from monitor.api.answers import Answer, data_pieces
from monitor.api.context import ApiContext
from monitor.api.endpoint import Endpoint, Parameter
from monitor.api.history.context import HistoryContext
from monitor.api.parameters import read_parameters
from monitor.api.reading import answer_in_thread
from monitor.history.metric_usage import CountedReader, MetricUse, UsageKind
from monitor.model.durations import rfc3339
from monitor.storage.interfaces import Reader
from monitor.storage.metric_rates import MetricRate

_DASHBOARD_HEADER = b"x-dashboard-uid"
"""Grafana sends it with the queries of a dashboard's panels."""


def counted_reader(context: ApiContext, request: Request, reader: Reader) -> Reader:
    """A reader that notes the metrics that this request asks for."""
    if context.history is None:
        return reader
    kind = UsageKind.DASHBOARD if _DASHBOARD_HEADER in dict(request.scope["headers"]) else UsageKind.QUERY
    return CountedReader(reader, context.history.usage, kind)


class UsageRoutes:
    """The handler of /api/v1/status/metric_usage."""

    def __init__(self, context: ApiContext, history: HistoryContext) -> None:
        self._context = context
        self._history = history

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint(
                "/api/v1/status/metric_usage",
                self.metric_usage,
                "Which metrics are asked for, and which are not",
                "Of each metric with recent samples: its series, samples a second, and how often queries, dashboards"
                " (Grafana names them) and rules asked for it since the start of the server. Those nobody asked"
                " for come first, the most expensive of them before the others.",
                tag="status",
                parameters=(Parameter("limit", "Most metrics in the answer; 0 is no limit.", schema="integer"),),
            ),
        )

    async def metric_usage(self, request: Request) -> Answer:
        limit = (await read_parameters(request, self._context.limits)).limit()
        return await answer_in_thread(self._context, request, lambda _guard: data_pieces(self._data(limit)))

    def _data(self, limit: int) -> dict[str, Any]:
        usage = self._history.usage
        rates, uses = self._history.rates(), usage.uses()
        rates.sort(key=lambda rate: (rate.metric in uses, -rate.samples_per_second, rate.metric))
        return {
            "since": rfc3339(usage.since_ms),
            "metrics": len(rates),
            "neverUsed": sum(rate.metric not in uses for rate in rates),
            "usage": [_usage_json(rate, uses.get(rate.metric)) for rate in (rates[:limit] if limit else rates)],
        }


def _usage_json(rate: MetricRate, use: MetricUse | None) -> dict[str, Any]:
    return {
        "name": rate.metric,
        "series": rate.series,
        "samplesPerSecond": round(rate.samples_per_second, 3),
        "lastUsed": None if use is None else rfc3339(use.last_ms),
        "lastUsedBy": None if use is None else use.last_kind.value,
        "uses": {kind.value: 0 if use is None else use.counts.get(kind, 0) for kind in UsageKind},
    }
