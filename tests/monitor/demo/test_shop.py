from __future__ import annotations

import asyncio

from asgi_client import call, call_now
from prometheus_client import CollectorRegistry

from monitor.demo.shop import ConnectionPool, ShopSettings, create_shop


def statuses(settings: ShopSettings, buyers: int) -> list[int]:
    """Of so many purchases at once; each holds its connection for as long as the settings say at most."""

    async def story() -> list[int]:
        shop = create_shop(ConnectionPool(settings, lambda _low, high: high), CollectorRegistry())
        answers = await asyncio.gather(*(call(shop, "/buy") for _ in range(buyers)))
        return sorted(answer[0]["status"] for answer in answers)

    return asyncio.run(story())


def test_as_many_buyers_as_connections_are_served():
    assert statuses(ShopSettings(pool_connections=3, hold_max_seconds=0.01), 3) == [200, 200, 200]


def test_who_waits_for_less_than_the_timeout_is_served_too():
    assert statuses(ShopSettings(pool_connections=1, hold_max_seconds=0.001, pool_timeout_seconds=10), 3) == [200] * 3


def test_who_waits_for_longer_is_sent_away():
    settings = ShopSettings(pool_connections=1, hold_max_seconds=0.5, pool_timeout_seconds=0.02)

    assert statuses(settings, 3) == [200, 503, 503]


def test_its_latency_is_measured_by_route():
    registry = CollectorRegistry()
    shop = create_shop(ConnectionPool(ShopSettings(), lambda _low, _high: 0.0), registry)

    call_now(shop, "/buy")
    call_now(shop, "/metrics")

    labels = {"http_request_method": "GET", "http_route": "/buy", "http_response_status_code": "200"}
    assert registry.get_sample_value("http_server_request_duration_seconds_count", labels) == 1
