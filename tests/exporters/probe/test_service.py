from __future__ import annotations

import contextlib
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest
from prometheus_client import CollectorRegistry

from exporters.errors import InvalidProbeTarget
from exporters.probe.modules import BUILT_IN_MODULES
from exporters.probe.prober import Prober
from exporters.probe.service import FixedTarget, FixedTargetsCollector, ProbeService
from exporters.serve import ListenAddress, MetricsServer, ServeSettings

HTTP, TCP = BUILT_IN_MODULES["http_2xx"], BUILT_IN_MODULES["tcp_connect"]


SIDE_BY_SIDE = 8
all_are_here = threading.Barrier(SIDE_BY_SIDE, timeout=5)
"""Lets nobody pass before so many are there."""


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(0.5)
        if self.path.startswith("/together"):
            all_are_here.wait()
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[str]:
    """host:port of a web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def service(*fixed: FixedTarget) -> Iterator[str]:
    """The URL of a running probe service."""
    prober = Prober(time.perf_counter)
    registry = CollectorRegistry()
    collector = FixedTargetsCollector(prober, fixed)
    registry.register(collector)
    application = ProbeService(prober, BUILT_IN_MODULES, collector)
    settings = ServeSettings(stop_check_seconds=0.01)
    with MetricsServer(registry, ListenAddress("127.0.0.1", 0), settings, application) as server:
        yield f"http://{server.address}"
    prober.close()


def fetch(url: str, **headers: str) -> list[str]:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): text for name, text in headers.items()})
    with urllib.request.urlopen(request, timeout=10) as response:
        return str(response.read().decode()).splitlines()


def refusal(url: str) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(url)
    with caught.value as error:
        return error.code, error.read().decode()


def test_any_target_is_probed_as_the_query_says(page: str) -> None:
    with service() as url:
        lines = fetch(f"{url}/probe?{urlencode({'target': f'http://{page}/', 'module': 'http_2xx'})}")
        tcp = fetch(f"{url}/probe?{urlencode({'target': page, 'module': 'tcp_connect'})}")

    assert {"probe_success 1.0", "probe_http_status_code 200.0", "probe_http_version 1.0"} <= set(lines)
    assert any(line.startswith('probe_http_duration_seconds{phase="connect"} ') for line in lines)
    assert "probe_success 1.0" in tcp and not any(line.startswith("probe_http_status_code ") for line in tcp)


def test_a_failed_probe_is_an_answer_that_names_the_phase(page: str) -> None:
    with service() as url:
        lines = fetch(f"{url}/probe?target={page}/missing")

    assert {"probe_success 0.0", "probe_http_status_code 404.0"} <= set(lines)
    assert 'probe_failed{phase="check",reason="status"} 1.0' in lines


def test_the_scrape_timeout_bounds_the_probe(page: str) -> None:
    with service() as url:
        lines = fetch(f"{url}/probe?target={page}/slow", X_Prometheus_Scrape_Timeout_Seconds="0.4")

    assert 'probe_failed{phase="processing",reason="timeout"} 1.0' in lines


def test_a_silent_fixed_target_leaves_the_others_their_figures(page: str) -> None:
    fixed = [FixedTarget(f"http://{page}{path}", "http_2xx", HTTP) for path in ("/", "/slow")]
    with service(*fixed) as url:
        lines = fetch(f"{url}/metrics", X_Prometheus_Scrape_Timeout_Seconds="0.4")

    labels = f'module="http_2xx",phase="processing",reason="timeout",target="http://{page}/slow"'
    assert f'probe_success{{module="http_2xx",target="http://{page}/"}} 1.0' in lines
    assert f"probe_failed{{{labels}}} 1.0" in lines


def test_the_query_chooses_metrics_of_fixed_targets(page: str) -> None:
    with service(FixedTarget(f"http://{page}/", "http_2xx", HTTP)) as url:
        lines = fetch(f"{url}/metrics?name[]=probe_success")

    assert {line.partition("{")[0] for line in lines if not line.startswith("#")} == {"probe_success"}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "target: got none"),
        ("target=h&module=icmp", "module: got 'icmp', want one of http_2xx, http_post_2xx, tcp_connect, tcp_tls"),
        ("target=http://me:secret@h/", "probe target: got 'http://h/'"),
        ("target=db&module=tcp_connect", "want HOST:PORT"),
    ],
    ids=["no target", "unknown module", "password", "no port"],
)
def test_a_wrong_query_is_a_bad_request(query: str, message: str) -> None:
    with service() as url:
        code, text = refusal(f"{url}/probe?{query}")

    assert code == 400
    assert message in text and "secret" not in text


def test_fixed_targets_are_probed_at_every_scrape(page: str) -> None:
    fixed = (
        FixedTarget(f"http://{page}/?token=secret", "http_2xx", HTTP),
        FixedTarget("127.0.0.1:1", "tcp_connect", TCP),
    )
    with service(*fixed) as url:
        lines = fetch(f"{url}/metrics")

    assert f'probe_success{{module="http_2xx",target="http://{page}/"}} 1.0' in lines
    assert 'probe_success{module="tcp_connect",target="127.0.0.1:1"} 0.0' in lines
    assert 'probe_failed{module="tcp_connect",phase="connect",reason="refused",target="127.0.0.1:1"} 1.0' in lines
    assert "secret" not in "".join(lines)


def test_fixed_targets_are_probed_side_by_side(page: str) -> None:
    fixed = [FixedTarget(f"{page}/together?{number}", f"m{number}", HTTP) for number in range(SIDE_BY_SIDE)]
    with service(*fixed) as url:
        lines = fetch(f"{url}/metrics")

    assert sum(line.startswith("probe_success") and line.endswith(" 1.0") for line in lines) == SIDE_BY_SIDE


def test_targets_that_look_alike_are_refused() -> None:
    fixed = [FixedTarget(f"http://h/?a={number}", "http_2xx", HTTP) for number in range(2)]
    prober = Prober(time.perf_counter)

    with pytest.raises(InvalidProbeTarget, match="differ in more than their query"):
        FixedTargetsCollector(prober, fixed)
    prober.close()
