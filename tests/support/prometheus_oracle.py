"""What a real Prometheus makes of exposition bodies."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_process import running_prometheus

WAIT_SECONDS = 30.0
DISCOVERS_AT_ONCE = "--scrape.discovery-reload-interval=100ms"
REPORTS = ("up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
           "scrape_series_added")  # fmt: skip
_TARGET_LABELS = ("body", "job", "instance")


@dataclass(frozen=True, slots=True)
class ExposedBody:
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """`series` are the labels that the body gave, without target labels, and their value, as texts; `samples_scraped`
    is what the report series says."""

    is_up: bool
    error: str
    series: dict[tuple[tuple[str, str], ...], str]
    samples_scraped: int


def judge(bodies: Sequence[ExposedBody], folder: Path) -> list[Verdict]:
    """Lets Prometheus scrape each body once or more. Its data are under `folder`."""
    with (
        _serve(bodies) as port,
        running_prometheus(folder, DISCOVERS_AT_ONCE, config=_config(port, len(bodies))) as peer,
    ):
        url = f"http://127.0.0.1:{peer.port}"
        targets = _wait_for_targets(url, len(bodies))
        found = _get(url, "/api/v1/query", query='{body=~".+"}[1h]')["result"]
    series: list[dict[tuple[tuple[str, str], ...], str]] = [{} for _ in bodies]
    scraped = [0] * len(bodies)
    for row in found:
        labels, index, value = row["metric"], int(row["metric"]["body"]), row["values"][0][1]
        if labels.get("__name__") == "scrape_samples_scraped":
            scraped[index] = int(value)
        if labels.get("__name__") not in REPORTS:
            own = tuple(sorted((name, text) for name, text in labels.items() if name not in _TARGET_LABELS))
            series[index][own] = value
    return [
        Verdict(target["health"] == "up", target["lastError"], series[index], scraped[index])
        for index, target in enumerate(targets)
    ]


@contextlib.contextmanager
def _serve(bodies: Sequence[ExposedBody]) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            exposed = bodies[int(self.path.removeprefix("/"))]
            self.send_response(200)
            self.send_header("Content-Type", exposed.content_type)
            self.send_header("Content-Length", str(len(exposed.body)))
            self.end_headers()
            self.wfile.write(exposed.body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Prometheus closes its connections when it ends."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _config(bodies_port: int, bodies: int) -> str:
    targets = [
        {"targets": [f"127.0.0.1:{bodies_port}"], "labels": {"body": str(index), "__metrics_path__": f"/{index}"}}
        for index in range(bodies)
    ]
    job = {"job_name": "bodies", "scrape_interval": "2s", "scrape_timeout": "2s", "static_configs": targets}
    return json.dumps({"scrape_configs": [job]})


def _wait_for_targets(url: str, count: int) -> list[dict[str, Any]]:
    """The targets by the number of their body, once all have been scraped."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            targets = _get(url, "/api/v1/targets", state="active")["activeTargets"]
            if len(targets) == count and all(target["health"] != "unknown" for target in targets):
                return sorted(targets, key=lambda target: int(target["labels"]["body"]))
        time.sleep(0.1)
    raise TimeoutError(f"Prometheus has not scraped {count} targets within {WAIT_SECONDS} s")


def _get(url: str, path: str, **parameters: str) -> Any:
    with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
        return json.load(answer)["data"]
