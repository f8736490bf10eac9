"""The HTTP API over a real store and a real engine, answered by uvicorn on a loopback port."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from prometheus_client import CollectorRegistry
from remote_write import Samples, write_request
from uvicorn_server import uvicorn_server

from monitor.api.api_metrics import ApiMetrics
from monitor.api.context import ApiContext, BuildInfo, RuntimeInfo
from monitor.api.create_api import create_api
from monitor.api.http_protocol import api_protocol
from monitor.api.queries.query_records import QueryRecords
from monitor.api.worker_pool import query_pool, write_pool
from monitor.app.query_limits import query_limits
from monitor.clock import Clock, SystemClock
from monitor.config.config import Config
from monitor.config.settings import Limits
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.storage.statistics import store_statistics
from monitor.storage.store import Store, StoreSettings

PROTOBUF = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a server."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def data(self) -> Any:
        assert self.status == 200, self.body
        return self.json["data"]


class ApiClient:
    """Asks a server by HTTP/1.1, one connection for each request."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._address = url.removeprefix("http://")

    def request(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, response.read())
        finally:
            connection.close()

    def get(self, path: str, **parameters: str | Sequence[str]) -> Reply:
        query = urlencode(parameters, doseq=True)
        return self.request("GET", f"/api/v1/{path}?{query}" if query else f"/api/v1/{path}")

    def post(self, path: str, **parameters: str | Sequence[str]) -> Reply:
        return self.request("POST", f"/api/v1/{path}", urlencode(parameters, doseq=True), FORM)

    def write(self, series: Sequence[tuple[Mapping[str, str], Samples]]) -> Reply:
        return self.request("POST", "/api/v1/write", write_request(series), PROTOBUF)


def api_context(store: Store, clock: Clock, limits: Limits) -> ApiContext:
    """A context as the composition root makes it, without targets and rules."""
    registry = CollectorRegistry()
    return ApiContext(
        engine=Engine(query_limits(limits), Features(), clock),
        store=store,
        receiver=store,
        queries=query_pool(limits),
        writes=write_pool(limits),
        records=QueryRecords(limits, clock),
        limits=limits,
        clock=clock,
        statistics=lambda length: store_statistics(store.head, length, clock.now_ms()),
        targets=tuple,
        config=Config,
        flags={"config.file": "plimsoll.yml"},
        build=BuildInfo("0.1.0"),
        runtime=lambda: RuntimeInfo(1_700_000_000_000, "/srv", "host", True, 1_700_000_001_000, "15d"),
        is_ready=lambda: True,
        reload=None,
        registry=registry,
        metrics=ApiMetrics.register(registry),
        external_url="http://plimsoll.example:9090",
    )


@contextmanager
def open_context(
    directory: Path, limits: Limits | None = None, clock: Clock | None = None, settings: StoreSettings | None = None
) -> Iterator[ApiContext]:
    """A context over a new store in `directory`; both end with the block."""
    clock = clock or SystemClock()
    store = Store(directory, settings or StoreSettings(), clock)
    store.start()
    context = api_context(store, clock, limits or Limits())
    try:
        yield context
    finally:
        context.queries.close()
        context.writes.close()
        store.close()


@contextmanager
def serving(context: ApiContext, **overrides: Any) -> Iterator[ApiClient]:
    """A client of a server for `context`, some of its fields replaced."""
    api = create_api(replace(context, **overrides))
    with uvicorn_server(api, http=api_protocol(api)) as url:
        yield ApiClient(url)
