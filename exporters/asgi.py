"""Metrics of the requests of an ASGI server, measured inside it: FastAPI, Starlette, any ASGI application.

    app.add_middleware(MetricsMiddleware, registry=registry, metrics_path="/metrics")     FastAPI, Starlette
    app = MetricsMiddleware(app, registry=registry, metrics_path="/metrics")              any other

Names are those of OpenTelemetry's HTTP semantic conventions in Prometheus form. The `_count` of the duration histogram
counts the requests. Several workers: as far as prometheus_client's multiprocess mode goes. Each worker measures its
own requests; in that mode the histograms of all workers are summed by what `served_registry` holds (a
MultiProcessCollector), without it each scrape shows the one worker that answered it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, Histogram, make_asgi_app

from exporters.asgi_routes import Scope, route_template

Message = Scope
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

OTHER = "_OTHER"

# RFC 9110, PATCH (RFC 5789) and QUERY, as listed by OpenTelemetry for http.request.method.
KNOWN_METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"))

_LABELS = ("http_request_method", "http_route", "http_response_status_code")


@dataclass(frozen=True, slots=True)
class HttpMetricsSettings:
    """Upper bounds of the histogram buckets, and how many routes are told apart.

    The conventions' own buckets start at 5 ms, where a fast server answers everything; these start at 100 µs.
    Routes beyond `routes_max` are counted as `_OTHER`: it is reached when something gives raw paths as routes.
    """

    duration_buckets_seconds: tuple[float, ...] = (
        *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
        *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    )
    body_buckets_bytes: tuple[int, ...] = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
    routes_max: int = 1000


class HttpMetrics:
    """The metrics of one server in `registry`. For one event loop."""

    def __init__(self, registry: CollectorRegistry, settings: HttpMetricsSettings = HttpMetricsSettings()) -> None:
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "Time from the request to the last byte of its answer.",
            _LABELS,
            buckets=settings.duration_buckets_seconds,
            registry=registry,
        )
        self._body_size = Histogram(
            "http_server_response_body_size_bytes",
            "Bytes of the answer's body, before any compression by a proxy.",
            _LABELS,
            buckets=settings.body_buckets_bytes,
            registry=registry,
        )
        self._active = Gauge(
            "http_server_active_requests",
            "Requests that are being answered now.",
            _LABELS[:1],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._active_by_method: dict[str, Gauge] = {}
        self._routes_max = settings.routes_max
        self._routes: set[str] = set()
        # labels() takes 1 µs and a lock each time; what it returns stays the same.
        self._children: dict[tuple[str, str, int | None], tuple[Histogram, Histogram]] = {}

    def active(self, method: str) -> Gauge:
        """The requests of `method` that are being answered."""
        gauge = self._active_by_method.get(method)
        if gauge is None:
            gauge = self._active_by_method[method] = self._active.labels(method)
        return gauge

    def record(self, method: str, route: str, status: int | None, seconds: float, body_bytes: int) -> None:
        """Counts one answer. `status` is None if the client went away before there was one."""
        duration, body_size = self._children.get((method, route, status)) or self._add(method, route, status)
        duration.observe(seconds)
        body_size.observe(body_bytes)

    def _add(self, method: str, route: str, status: int | None) -> tuple[Histogram, Histogram]:
        if route not in self._routes and len(self._routes) >= self._routes_max:
            return self._children.get((method, OTHER, status)) or self._add_children(method, OTHER, status)
        self._routes.add(route)
        return self._add_children(method, route, status)

    def _add_children(self, method: str, route: str, status: int | None) -> tuple[Histogram, Histogram]:
        labels = (method, route, "" if status is None else str(status))
        children = self._duration.labels(*labels), self._body_size.labels(*labels)
        self._children[method, route, status] = children
        return children


@dataclass(frozen=True, slots=True)
class _Instruments:
    metrics: HttpMetrics
    route_of: Callable[[Scope], str]
    monotonic_seconds: Callable[[], float]


class MetricsMiddleware:
    """Measures every HTTP request of `app`; websockets and lifespan pass through untouched.

    `registry` gets the metrics. With `metrics_path`, requests for that path are answered with `served_registry`
    (or `registry`) and not measured. `route_of` gives the route label after the answer; see asgi_routes.
    An answer that an exception ended counts as 500, whatever was sent before.
    """

    def __init__(
        self,
        app: Application,
        *,
        registry: CollectorRegistry,
        metrics_path: str | None = None,
        served_registry: CollectorRegistry | None = None,
        route_of: Callable[[Scope], str] = route_template,
        settings: HttpMetricsSettings = HttpMetricsSettings(),
        monotonic_seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._instruments = _Instruments(HttpMetrics(registry, settings), route_of, monotonic_seconds)
        self._metrics_path = metrics_path
        self._metrics_app: Application = make_asgi_app(served_registry or registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._metrics_path is not None and _is_path(scope, self._metrics_path):
            await self._metrics_app(scope, receive, send)
        else:
            await self._measure(scope, receive, send)

    async def _measure(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(self._instruments, scope, receive, send)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            exchange.fail()
            raise
        else:
            if not exchange.has_answered:
                exchange.fail()  # servers answer 500 for an application that did not
        finally:
            exchange.finish()


class _Exchange:
    """One request and its answer: recorded once, when the last byte is sent or else when the application ends."""

    __slots__ = (
        "_body_bytes",
        "_client_is_gone",
        "_headers",
        "_instruments",
        "_is_finished",
        "_method",
        "_receive",
        "_scope",
        "_send",
        "_start_seconds",
        "_status",
    )

    def __init__(self, instruments: _Instruments, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        self._method = method if method in KNOWN_METHODS else OTHER
        self._instruments = instruments
        self._scope = scope
        self._receive = receive
        self._send = send
        self._status: int | None = None
        self._headers: Any = ()
        self._body_bytes = 0
        self._client_is_gone = False
        self._is_finished = False
        instruments.metrics.active(self._method).inc()
        self._start_seconds = instruments.monotonic_seconds()

    @property
    def has_answered(self) -> bool:
        return self._status is not None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._client_is_gone = True
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self._status = message["status"]
            self._headers = message.get("headers", ())
        try:
            await self._send(message)
        except OSError:  # the ASGI specification: sending to a client that is gone
            self._client_is_gone = True
            raise
        if kind == "http.response.body":
            self._body_bytes += len(message.get("body", b""))
            if not message.get("more_body", False):
                self.finish()
        elif kind == "http.response.pathsend":
            self._body_bytes = _content_length(self._headers)
            self.finish()

    def fail(self) -> None:
        """The application ended without a whole answer: 500, unless there was nobody left to answer."""
        if not self._client_is_gone:
            self._status = 500

    def finish(self) -> None:
        if self._is_finished:
            return
        self._is_finished = True
        metrics = self._instruments.metrics
        seconds = self._instruments.monotonic_seconds() - self._start_seconds
        metrics.active(self._method).dec()
        metrics.record(self._method, self._instruments.route_of(self._scope), self._status, seconds, self._body_bytes)


def _is_path(scope: Scope, path: str) -> bool:
    """Whether `path` is asked for; servers put the root path before it or leave it out."""
    asked: str = scope["path"]
    return asked in (path, scope.get("root_path", "") + path)


def _content_length(headers: Any) -> int:
    """Of a file that the server sends by its path: the application has not seen its bytes."""
    for name, value in headers:
        if name.lower() == b"content-length":
            return int(value)
    return 0
