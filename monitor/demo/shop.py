"""One server process of the demo's shop: `python -m monitor.demo.shop --port 8001`.

A Starlette application under uvicorn with the metrics of exporters/, as any server of yours could be. What limits it is
what limits most web servers: a pool of database connections. Each request holds one of them for as long as the
database takes, so a process answers `pool_connections / mean hold` requests a second, and more of them only wait in
line. The database is played by a timer, so that more processes carry more even on a machine with two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import uvicorn
from prometheus_client import CollectorRegistry, ProcessCollector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exporters.asgi import HttpMetricsSettings, MetricsMiddleware
from exporters.python_gc import install

LATENCY_BUCKETS_SECONDS = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3),
    *(0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 2.25, 2.5, 5.0, 10.0),
)
"""Finer than the middleware's own around what this shop takes, so that quantiles are read from narrow buckets."""


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """10 connections held for 100 ms on average answer 100 requests a second.

    Who waits for a connection for longer than `pool_timeout_seconds` is sent away with 503, as pools do.
    """

    pool_connections: int = 10
    hold_min_seconds: float = 0.06
    hold_max_seconds: float = 0.14
    pool_timeout_seconds: float = 2.0
    keep_alive_seconds: int = 75
    """uvicorn's own 5 s would close connections of the sale that the quiet time after it uses only now and then."""


class ConnectionPool:
    """Connections to a database that takes its time. `random_between` draws how long one is held, in seconds."""

    def __init__(self, settings: ShopSettings, random_between: Callable[[float, float], float]) -> None:
        self._settings = settings
        self._random_between = random_between
        self._free = asyncio.Semaphore(settings.pool_connections)

    async def buy(self) -> None:
        """One purchase. Raises TimeoutError if no connection becomes free in time."""
        async with asyncio.timeout(self._settings.pool_timeout_seconds):
            await self._free.acquire()
        try:
            await asyncio.sleep(self._random_between(self._settings.hold_min_seconds, self._settings.hold_max_seconds))
        finally:
            self._free.release()


def create_shop(pool: ConnectionPool, registry: CollectorRegistry) -> Starlette:
    """The application; its metrics are added to `registry` and served at /metrics."""
    app = Starlette(routes=[Route("/buy", _buying(pool))])
    app.add_middleware(
        MetricsMiddleware,
        registry=registry,
        metrics_path="/metrics",
        settings=HttpMetricsSettings(duration_buckets_seconds=LATENCY_BUCKETS_SECONDS),
    )
    return app


def _buying(pool: ConnectionPool) -> Callable[[Request], Awaitable[Response]]:
    async def buy(_request: Request) -> Response:
        try:
            await pool.buy()
        except TimeoutError:
            return JSONResponse({"error": "all database connections are busy"}, 503, {"Retry-After": "1"})
        return JSONResponse({"bought": True})

    return buy


def main() -> None:
    parser = argparse.ArgumentParser(description="One server process of the demo's shop.")
    parser.add_argument("--port", type=int, required=True, help="Port on loopback to listen at.")
    port = parser.parse_args().port
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    install(registry)
    settings = ShopSettings()
    uvicorn.run(
        create_shop(ConnectionPool(settings, random.uniform), registry),
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=settings.keep_alive_seconds,
    )


if __name__ == "__main__":
    main()
