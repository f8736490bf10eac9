from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgi_client import Message, call, call_now
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

from exporters.asgi import HttpMetricsSettings, MetricsMiddleware, Receive, Scope, Send

DURATION = "http_server_request_duration_seconds"
BODY_SIZE = "http_server_response_body_size_bytes"
ACTIVE = "http_server_active_requests"

START: Message = {"type": "http.response.start", "status": 200, "headers": []}


class Ticks:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def answering(*messages: Message) -> Callable[..., Any]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def body(data: bytes, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def value(registry: CollectorRegistry, name: str, status: str = "200", method: str = "GET", route: str = "") -> Any:
    labels = {"http_request_method": method, "http_route": route, "http_response_status_code": status}
    return registry.get_sample_value(name, labels)


def statuses(registry: CollectorRegistry) -> dict[str, float]:
    """Requests counted, by status."""
    samples = [sample for family in registry.collect() for sample in family.samples]
    return {
        sample.labels["http_response_status_code"]: sample.value
        for sample in samples
        if sample.name == f"{DURATION}_count"
    }


def active(registry: CollectorRegistry, method: str = "GET") -> float | None:
    return registry.get_sample_value(ACTIVE, {"http_request_method": method})


def test_a_request_is_counted_with_its_bytes(registry: CollectorRegistry) -> None:
    app = MetricsMiddleware(answering(START, body(b"abc")), registry=registry)

    sent = call_now(app, "/never/a/label")

    assert sent == [START, body(b"abc")]
    assert value(registry, f"{DURATION}_count") == 1
    assert value(registry, f"{BODY_SIZE}_sum") == 3
    assert active(registry) == 0
    assert b"never" not in generate_latest(registry)


def test_a_streamed_body_is_measured_to_its_end(registry: CollectorRegistry) -> None:
    ticks = Ticks()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        for more in (True, True, False):
            ticks.seconds += 2
            await send(body(b"x" * 10, more))
        ticks.seconds += 50  # work in the background, after the answer

    call_now(MetricsMiddleware(app, registry=registry, monotonic_seconds=ticks))

    assert value(registry, f"{DURATION}_sum") == 6
    assert value(registry, f"{BODY_SIZE}_sum") == 30


def test_a_file_sent_by_its_path_counts_its_declared_length(registry: CollectorRegistry) -> None:
    start = {**START, "headers": [(b"Content-Length", b"1234")]}
    app = answering(start, {"type": "http.response.pathsend", "path": "/tmp/file"})

    call_now(MetricsMiddleware(app, registry=registry))

    assert value(registry, f"{BODY_SIZE}_sum") == 1234


@pytest.mark.parametrize("messages", [[], [START], [START, body(b"half", more=True)]])
def test_an_exception_counts_as_500_once_and_is_raised(registry: CollectorRegistry, messages: list[Message]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        call_now(MetricsMiddleware(app, registry=registry))

    assert statuses(registry) == {"500": 1}
    assert active(registry) == 0


def test_an_exception_after_the_whole_answer_changes_nothing(registry: CollectorRegistry) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send(body(b"done"))
        raise RuntimeError("in the background")

    with pytest.raises(RuntimeError):
        call_now(MetricsMiddleware(app, registry=registry))

    assert statuses(registry) == {"200": 1}


def test_an_application_that_does_not_answer_counts_as_500(registry: CollectorRegistry) -> None:
    call_now(MetricsMiddleware(answering(), registry=registry))

    assert statuses(registry) == {"500": 1}


def test_a_client_that_went_away_before_the_answer_has_no_status(registry: CollectorRegistry) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.disconnect"

    call_now(MetricsMiddleware(app, registry=registry), disconnects=True)

    assert statuses(registry) == {"": 1}


def test_a_client_that_went_away_during_the_answer_is_no_server_error(registry: CollectorRegistry) -> None:
    app = MetricsMiddleware(answering(START, body(b"abc")), registry=registry)

    with pytest.raises(ConnectionResetError):
        call_now(app, send_error=ConnectionResetError())

    assert statuses(registry) == {"200": 1}
    assert active(registry) == 0


def test_a_cancelled_request_has_no_status(registry: CollectorRegistry) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        call_now(MetricsMiddleware(app, registry=registry))

    assert statuses(registry) == {"": 1}
    assert active(registry) == 0


def test_requests_under_way_are_counted(registry: CollectorRegistry) -> None:
    seen: list[float | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(active(registry))
        await asyncio.sleep(0)
        seen.append(active(registry))
        await answering(START, body(b""))(scope, receive, send)

    async def two() -> None:
        await asyncio.gather(call(measured), call(measured))

    measured = MetricsMiddleware(app, registry=registry)
    asyncio.run(two())

    assert seen == [1, 2, 2, 1]
    assert active(registry) == 0


def test_unknown_methods_share_one_label(registry: CollectorRegistry) -> None:
    app = MetricsMiddleware(answering(START, body(b"")), registry=registry)

    for method in ("BREW", "get", "PATCH"):
        call_now(app, method=method)

    assert value(registry, f"{DURATION}_count", method="_OTHER") == 2
    assert value(registry, f"{DURATION}_count", method="PATCH") == 1


def test_routes_beyond_the_limit_share_one_label(registry: CollectorRegistry) -> None:
    app = MetricsMiddleware(
        answering(START, body(b"")),
        registry=registry,
        route_of=lambda scope: scope["path"],
        settings=HttpMetricsSettings(routes_max=2),
    )

    for path in ("/a", "/b", "/c", "/d", "/a"):
        call_now(app, path)

    counts = {route: value(registry, f"{DURATION}_count", route=route) for route in ("/a", "/b", "/c", "_OTHER")}
    assert counts == {"/a": 2, "/b": 1, "/c": None, "_OTHER": 2}


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_other_protocols_pass_through_untouched(registry: CollectorRegistry, kind: str) -> None:
    seen: list[tuple[Any, ...]] = []

    async def app(*arguments: Any) -> None:
        seen.append(arguments)

    scope, receive, send = {"type": kind}, object(), object()
    asyncio.run(MetricsMiddleware(app, registry=registry)(scope, receive, send))  # type: ignore[arg-type]

    [(same_scope, same_receive, same_send)] = seen
    assert (same_scope is scope, same_receive is receive, same_send is send) == (True, True, True)
    assert statuses(registry) == {}


@pytest.mark.parametrize(("path", "root_path"), [("/metrics", ""), ("/api/metrics", "/api"), ("/metrics", "/api")])
def test_the_metrics_path_serves_the_registry_and_is_not_measured(
    registry: CollectorRegistry, path: str, root_path: str
) -> None:
    app = MetricsMiddleware(answering(START, body(b"")), registry=registry, metrics_path="/metrics")
    call_now(app, "/other")

    sent = call_now(app, path, root_path=root_path)

    assert sent[0]["status"] == 200
    assert b"http_server_request_duration_seconds_count" in sent[1]["body"]
    assert statuses(registry) == {"200": 1}


def test_without_a_metrics_path_nothing_is_served(registry: CollectorRegistry) -> None:
    app = MetricsMiddleware(answering(START, body(b"mine")), registry=registry)

    assert call_now(app, "/metrics")[1] == body(b"mine")


def test_durations_fall_into_buckets_from_100_microseconds_up(registry: CollectorRegistry) -> None:
    ticks = Ticks()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        ticks.seconds += 0.0002
        await answering(START, body(b""))(scope, receive, send)

    call_now(MetricsMiddleware(app, registry=registry, monotonic_seconds=ticks))

    labels = {"http_request_method": "GET", "http_route": "", "http_response_status_code": "200"}
    buckets = [registry.get_sample_value(f"{DURATION}_bucket", {**labels, "le": le}) for le in ("0.0001", "0.00025")]
    assert buckets == [0, 1]


def seconds_per_request(app: Any, times: int = 2000) -> float:
    scope = {"type": "http", "method": "GET", "path": "/items/1", "root_path": ""}

    async def nothing(*_: Any) -> Any:
        return None

    async def run() -> float:
        started = time.perf_counter()
        for _ in range(times):
            await app(dict(scope), nothing, nothing)
        return (time.perf_counter() - started) / times

    return min(asyncio.run(run()) for _ in range(5))


def test_the_middleware_costs_less_than_20_microseconds_beyond_prometheus_client(registry: CollectorRegistry) -> None:
    inner = answering(START, body(b"x" * 100))
    other = CollectorRegistry()
    settings = HttpMetricsSettings()
    duration = Histogram("duration", "", buckets=settings.duration_buckets_seconds, registry=other)
    body_size = Histogram("body_size", "", buckets=settings.body_buckets_bytes, registry=other)
    active_requests = Gauge("active", "", registry=other)

    async def only_prometheus_client(scope: Scope, receive: Receive, send: Send) -> None:
        active_requests.inc()
        await inner(scope, receive, send)
        active_requests.dec()
        duration.observe(0.00005)
        body_size.observe(100)

    measured = seconds_per_request(MetricsMiddleware(inner, registry=registry))

    assert measured - seconds_per_request(only_prometheus_client) < 20e-6
