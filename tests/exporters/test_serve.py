from __future__ import annotations

import gzip
import http.client
import signal
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.errors import CannotListen, InvalidAddress
from exporters.serve import ListenAddress, MetricsServer, ServeSettings, stop_signals_held

ANY_PORT = ListenAddress("127.0.0.1", 0)
STOPS_AT_ONCE = ServeSettings(stop_check_seconds=0.01)


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    registry = CollectorRegistry()
    Counter("boats", "Boats seen.", registry=registry).inc(3)
    with MetricsServer(registry, ANY_PORT, STOPS_AT_ONCE) as server:
        yield server


def get(server: MetricsServer, path: str = "/metrics", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(server.address.host, server.address.port, timeout=10)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9256", ListenAddress("127.0.0.1", 9256)),
        ("[::1]:0", ListenAddress("::1", 0)),
        ("localhost:65535", ListenAddress("localhost", 65535)),
    ],
)
def test_an_address_is_host_and_port(text: str, address: ListenAddress) -> None:
    assert ListenAddress.parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", ":9256", "9256", "host:", "host:x", "host:65536", "::1:80", "[::1]", "host:-1", "h:²"]
)
def test_another_text_is_refused_with_what_is_wanted(text: str) -> None:
    with pytest.raises(InvalidAddress, match="want HOST:PORT"):
        ListenAddress.parse(text)


@given(host=st.sampled_from(["a", "10.0.0.1", "::", "fe80::1"]), port=st.integers(0, 65535))
def test_an_address_is_parsed_from_its_own_text(host: str, port: int) -> None:
    assert ListenAddress.parse(str(ListenAddress(host, port))) == ListenAddress(host, port)


def test_the_text_format_is_the_default(server: MetricsServer) -> None:
    response, body = get(server)

    assert response.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    assert b"boats_total 3.0\n" in body


def test_openmetrics_is_served_when_asked_for(server: MetricsServer) -> None:
    response, body = get(server, Accept="application/openmetrics-text; version=1.0.0,text/plain;q=0.5")

    assert response.getheader("Content-Type", "").startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")


def test_gzip_is_used_when_accepted(server: MetricsServer) -> None:
    response, body = get(server, Accept_Encoding="gzip")

    assert response.getheader("Content-Encoding") == "gzip"
    assert b"boats_total 3.0\n" in gzip.decompress(body)


def test_an_address_in_use_cannot_be_listened_on(server: MetricsServer) -> None:
    with pytest.raises(CannotListen, match=f"cannot listen on {server.address}: Address already in use"):
        MetricsServer(CollectorRegistry(), server.address)


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(CannotListen, match=r"cannot listen on 192\.0\.2\.1:0: Cannot assign requested address"):
        MetricsServer(CollectorRegistry(), ListenAddress("192.0.2.1", 0))


class SlowCollector(Collector):
    """Says when it is collected and goes on when it is let."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.let = threading.Event()
        self._lock = threading.Lock()
        self.inside = self.most_inside = 0

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        self.entered.release()
        self.let.wait(10)
        with self._lock:
            self.inside -= 1
        return [GaugeMetricFamily("slow", "Slow.", value=1)]


def ask(server: MetricsServer, times: int) -> tuple[list[threading.Thread], list[bytes]]:
    bodies: list[bytes] = []
    threads = [threading.Thread(target=lambda: bodies.append(get(server)[1])) for _ in range(times)]
    for thread in threads:
        thread.start()
    return threads, bodies


def test_stop_lets_answers_under_way_end() -> None:
    collector, registry = SlowCollector(), CollectorRegistry()
    registry.register(collector)
    server = MetricsServer(registry, ANY_PORT, STOPS_AT_ONCE)
    server.start()
    threads, bodies = ask(server, 1)
    collector.entered.acquire()
    threading.Timer(0.1, collector.let.set).start()

    server.stop()

    threads[0].join()
    assert b"slow 1.0\n" in bodies[0]
    with pytest.raises(ConnectionRefusedError):
        get(server)


def test_connections_beyond_the_limit_wait_their_turn() -> None:
    collector, registry = SlowCollector(), CollectorRegistry()
    registry.register(collector)
    with MetricsServer(registry, ANY_PORT, replace(STOPS_AT_ONCE, connections_max=2)) as server:
        threads, bodies = ask(server, 5)
        for _ in range(2):
            collector.entered.acquire()
        collector.let.set()
        for thread in threads:
            thread.join()

    assert len(bodies) == 5
    assert collector.most_inside == 2


def test_a_silent_connection_is_closed_and_does_not_hold_up_a_stop() -> None:
    settings = replace(STOPS_AT_ONCE, idle_timeout_seconds=0.1)
    server = MetricsServer(CollectorRegistry(), ANY_PORT, settings)
    server.start()
    with socket.create_connection((server.address.host, server.address.port), timeout=10) as silent:
        started = time.monotonic()
        assert silent.recv(1) == b""
        server.stop()

    assert time.monotonic() - started < 5


def test_a_stop_signal_that_comes_while_they_are_held_is_dropped() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with stop_signals_held():
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        came = signal.sigpending()

    assert (came, signal.sigpending()) == ({signal.SIGTERM}, set())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
