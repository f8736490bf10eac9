"""We and a real Prometheus scrape the same native histograms: what queries say of them is the same, to the letter."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from api_server import ApiClient
from metric_families import CONTENT_TYPE, GAUGE, GAUGE_HISTOGRAM, HISTOGRAM, Metric, body, family, native, number
from native_histograms import HistogramSpec
from prometheus_process import running_prometheus
from service_process import ServiceProcess, running_service, wait_until

RECORDED = Path(__file__).parents[1] / "monitor" / "scrape" / "exposition" / "recorded"
OBSERVATIONS = (0, 40, 400, 401, 4000)
STAMPED_SCRAPES = 12
_NUMBER = re.compile(r"-?[0-9.]+(e[+-][0-9]+)?")
JOBS = """
scrape_configs:
- job_name: recorded
  scrape_interval: 200ms
  scrape_timeout: 200ms
  NATIVE
  static_configs: [{targets: ['127.0.0.1:PORT'], labels: {instance: x, __metrics_path__: /recorded}}]
- job_name: both
  scrape_interval: 200ms
  scrape_timeout: 200ms
  always_scrape_classic_histograms: true
  native_histogram_bucket_limit: 20
  NATIVE
  static_configs: [{targets: ['127.0.0.1:PORT'], labels: {instance: x, __metrics_path__: /recorded}}]
- job_name: stamped
  scrape_interval: 200ms
  scrape_timeout: 200ms
  NATIVE
  static_configs: [{targets: ['127.0.0.1:PORT'], labels: {instance: x, __metrics_path__: /stamped}}]
"""
EXPRESSIONS_OF_VALUES = [
    "{__name__=~'native_seconds|both_seconds|classic_seconds.*|both_seconds_.*|summary_seconds.*|untyped|observ.*'}",
    "scrape_samples_scraped{job!='stamped'}",
    "scrape_samples_post_metric_relabeling{job!='stamped'}",
    "up",
    "histogram_quantile(0.9, native_seconds)",
    "histogram_fraction(-1, 0.25, both_seconds)",
    "histogram_count(sum by (path, job) (native_seconds))",
    "both_seconds * 3 - both_seconds",
    "histogram_stddev(native_seconds)",
]
EXPRESSIONS_OF_HISTORY = [
    "h[10m]",
    "rate(h[1m])",
    "increase(h[45s])",
    "histogram_quantile(0.5, sum by (job) (rate(h[1m])))",
    "resets(h[5m])",
    "delta(g[1m])",
    "avg_over_time(g[1m])",
    "histogram_sum(last_over_time(h[20s]))",
    "count_over_time(h[5m])",
    "rate(f[1m])",
]


@dataclass(slots=True)
class Exposed:
    """What the target exposes now, by path."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    port: int = 0


@contextmanager
def exposing_target() -> Iterator[Exposed]:
    exposed = Exposed()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            assert "application/vnd.google.protobuf" in self.headers["Accept"].split(";q=")[0]
            content = exposed.bodies[self.path]
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Scrapers close their connections when they end."""

    with Server(("127.0.0.1", 0), Handler) as server:
        exposed.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield exposed
        finally:
            server.shutdown()
            thread.join()


def stamped_body(scrape: int, at_ms: int) -> bytes:
    """A histogram that gets buckets and is reset once, a gauge histogram, one of floats, and the scrape's number.

    Counts are so high that no rate is extrapolated to below 0: there 3.14 has other answers than 3.5.
    """
    since = scrape % 7
    counts = {bucket: float((since + 40) * (abs(bucket) + 1)) for bucket in range(-since, since + 2)}
    grown = HistogramSpec(
        schema=2 if scrape < 9 else 1,
        count=sum(counts.values()) + since + 50_000,
        sum=1.5 * since,
        zero_count=since + 50_000,
        zero_threshold=2**-20,
        positive={bucket: count for bucket, count in counts.items() if bucket > -3},
        negative={3: counts.get(-3, 0.0) + counts.get(-4, 0.0) + counts.get(-5, 0.0) + counts.get(-6, 0.0)},
    )
    gauge = HistogramSpec(count=5 + scrape, sum=scrape, positive={1: 5, 2: scrape})
    floats = HistogramSpec(
        count=2.5 * scrape + 90.5, sum=0.25 * scrape, zero_count=0.5, positive={4: 2.5 * scrape + 90}
    )
    return body(
        family("h", HISTOGRAM, Metric(native(grown), {"path": "/"}, at_ms)),
        family("g", GAUGE_HISTOGRAM, Metric(native(gauge, packed=True), {}, at_ms)),
        family("f", HISTOGRAM, Metric(native(floats, as_integers=False), {}, at_ms)),
        family("scrape_number", GAUGE, Metric(number(scrape))),
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """Us and Prometheus, which have scraped the same. `end_ms` is that of the stamped history."""

    service: ServiceProcess
    theirs: ApiClient
    end_ms: int

    def results(self, expression: str, **parameters: str) -> tuple[list[Any], list[Any]]:
        clients = self.service.client, self.theirs
        ours, theirs = (sorted(answer(client, expression, **parameters), key=_by_labels) for client in clients)
        return ours, theirs


def answer(client: ApiClient, expression: str, **parameters: str) -> list[Any]:
    result: list[Any] = client.get("query", query=expression, **parameters).data["result"]
    return result


def _by_labels(series: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted(series["metric"].items())


def rounded(results: Any) -> Any:
    """With numbers of 12 digits: the order of additions is not fixed."""
    if isinstance(results, list):
        return [rounded(each) for each in results]
    if isinstance(results, dict):
        return {name: rounded(each) for name, each in results.items()}
    return f"{float(results):.12g}" if isinstance(results, str) and _NUMBER.fullmatch(results) else results


def without_times(results: list[Any]) -> list[Any]:
    return [[each["metric"], (each.get("value") or each["histogram"])[1]] for each in results]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with exposing_target() as exposed:
        start_ms = (int(time.time()) - 300) * 1000
        exposed.bodies = {
            "/recorded": (RECORDED / "after_0.pb").read_bytes(),
            "/stamped": stamped_body(0, start_ms),
        }
        jobs = JOBS.replace("PORT", str(exposed.port))
        with (
            running_service(
                tmp_path_factory.mktemp("service"), jobs.replace("NATIVE", "scrape_native_histograms: true")
            ) as service,
            running_prometheus(
                tmp_path_factory.mktemp("prometheus"),
                "--enable-feature=native-histograms",
                config=jobs.replace("NATIVE", ""),
            ) as peer,
        ):
            theirs = ApiClient(f"http://127.0.0.1:{peer.port}")
            for scrape in range(STAMPED_SCRAPES):
                observations = OBSERVATIONS[min(scrape // 2, len(OBSERVATIONS) - 1)]
                exposed.bodies = {
                    "/recorded": (RECORDED / f"after_{observations}.pb").read_bytes(),
                    "/stamped": stamped_body(scrape, start_ms + 10_000 * scrape),
                }
                for client in (service.client, theirs):
                    wait_until(partial(_has_scraped, client, scrape, observations))
            yield Pair(service, theirs, start_ms + 10_000 * (STAMPED_SCRAPES - 1))


def _has_scraped(client: ApiClient, scrape: int, observations: int) -> bool:
    wanted = [(f"scrape_number == {scrape}", 1), (f"observations_total == {observations}", 2)]
    return all(len(answer(client, expression)) == size for expression, size in wanted)


@pytest.mark.parametrize("expression", EXPRESSIONS_OF_VALUES)
def test_what_client_golang_exposes_has_the_same_values(pair: Pair, expression: str) -> None:
    ours, theirs = pair.results(expression)

    assert without_times(ours) == without_times(theirs)
    assert ours


@pytest.mark.parametrize("expression", EXPRESSIONS_OF_HISTORY)
def test_a_stamped_history_gives_the_same_answers(pair: Pair, expression: str) -> None:
    for seconds in (0, 15, 62):
        ours, theirs = pair.results(expression, time=str(pair.end_ms // 1000 - seconds))

        assert rounded(ours) == rounded(theirs)
        assert ours
