"""The middleware inside a real uvicorn server, asked over real connections."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import StreamingResponse
from uvicorn_server import uvicorn_server

from exporters.asgi import MetricsMiddleware

REQUESTS = 60


def web_application() -> FastAPI:
    app = FastAPI()

    @app.get("/items/{item_id}")
    async def item(item_id: int) -> dict[str, int]:
        await asyncio.sleep(0.001)
        return {"item": item_id}

    @app.post("/orders", status_code=201)
    async def order() -> str:
        return "ok"

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("broken on purpose")

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(5):
                await asyncio.sleep(0.002)
                yield b"x" * 1000

        return StreamingResponse(chunks())

    return app


@pytest.fixture(scope="module")
def answered() -> Iterator[tuple[Counter[tuple[str, str, str]], int, str]]:
    """What the client saw, by method, route and status; the bytes of streams; and the metrics served after it."""
    app = MetricsMiddleware(web_application(), registry=CollectorRegistry(), metrics_path="/metrics")
    with uvicorn_server(app) as url:
        seen, streamed_bytes = asyncio.run(ask_concurrently(url))
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
            yield seen, streamed_bytes, response.read().decode()


async def ask_concurrently(url: str) -> tuple[Counter[tuple[str, str, str]], int]:
    seen: Counter[tuple[str, str, str]] = Counter()
    streamed_bytes = 0

    async def ask(session: aiohttp.ClientSession, method: str, path: str, route: str) -> None:
        nonlocal streamed_bytes
        # After an exception uvicorn closes the connection, so a kept one would be reset under another request.
        headers = {"Connection": "close"} if path == "/broken" else None
        async with session.request(method, url + path, headers=headers) as response:
            data = await response.read()
            seen[method, route, str(response.status)] += 1
            streamed_bytes += len(data) if path == "/stream" else 0

    async with aiohttp.ClientSession() as session:
        requests = []
        for number in range(REQUESTS):
            requests.append(ask(session, "GET", f"/items/{number}", "/items/{item_id}"))
            requests.append(ask(session, "POST", "/orders", "/orders"))
            requests.append(ask(session, "GET", "/stream", "/stream"))
            requests.append(ask(session, "GET", f"/missing/{number}", ""))
            requests.append(ask(session, "GET", "/broken", "/broken"))
        await asyncio.gather(*requests)
    return seen, streamed_bytes


def counted(text: str, name: str) -> Counter[tuple[str, str, str]]:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return Counter(
        {
            (
                sample.labels["http_request_method"],
                sample.labels["http_route"],
                sample.labels["http_response_status_code"],
            ): int(sample.value)
            for sample in samples
            if sample.name == name
        }
    )


def test_every_request_is_counted_once(answered: tuple[Counter[tuple[str, str, str]], int, str]) -> None:
    seen, _, text = answered

    assert sum(seen.values()) == 5 * REQUESTS
    assert counted(text, "http_server_request_duration_seconds_count") == seen
    assert seen["GET", "/broken", "500"] == seen["GET", "", "404"] == seen["POST", "/orders", "201"] == REQUESTS


def test_every_byte_of_the_streams_is_counted(answered: tuple[Counter[tuple[str, str, str]], int, str]) -> None:
    _, streamed_bytes, text = answered

    counted_bytes = counted(text, "http_server_response_body_size_bytes_sum")["GET", "/stream", "200"]
    assert counted_bytes == streamed_bytes == REQUESTS * 5000


def test_streams_last_to_their_last_chunk(answered: tuple[Counter[tuple[str, str, str]], int, str]) -> None:
    _, _, text = answered

    [seconds] = re.findall(r'_duration_seconds_sum\{.*http_route="/stream"\} (\S+)', text)
    assert float(seconds) > REQUESTS * 5 * 0.002


def test_nothing_is_under_way_after_it(answered: tuple[Counter[tuple[str, str, str]], int, str]) -> None:
    _, _, text = answered

    assert re.findall(r"http_server_active_requests\{.*\} (\S+)", text) == ["0.0", "0.0"]


# Two workers in turn, as prometheus_client's multiprocess mode has it: each writes to files of its own, any can be
# scraped. Nothing runs at the same time, so the sums are exact.
_WORKER = """
import asyncio, sys
sys.path[:0] = ["tests/support", "."]
from asgi_client import call_now
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from exporters.asgi import MetricsMiddleware

async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})

all_workers = CollectorRegistry()
MultiProcessCollector(all_workers)
app = MetricsMiddleware(hello, registry=CollectorRegistry(), served_registry=all_workers, metrics_path="/metrics")
for _ in range(int(sys.argv[1])):
    call_now(app)
print(call_now(app, "/metrics")[1]["body"].decode())
"""


def test_workers_in_multiprocess_mode_are_summed(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    texts = []
    for requests in ("3", "4"):
        arguments = [sys.executable, "-c", _WORKER, requests]
        run = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
        texts.append(run.stdout)

    counts = [sum(counted(text, "http_server_response_body_size_bytes_count").values()) for text in texts]
    assert counts == [3, 7]
