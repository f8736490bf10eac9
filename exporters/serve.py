"""Serves a registry over HTTP: text format 0.0.4 or OpenMetrics as the client asks, gzip if it may."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import WSGIApplication

from prometheus_client import make_wsgi_app
from prometheus_client.registry import Collector

from exporters.errors import CannotListen, InvalidAddress

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen. Port 0 means any free one; the IPv6 `host` is without brackets."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> ListenAddress:
        """`HOST:PORT` or `[IPV6]:PORT`. Raises InvalidAddress."""
        host, separator, port = text.rpartition(":")
        is_bracketed = host.startswith("[") and host.endswith("]")
        host_is_valid = bool(host) and (is_bracketed or not set(host) & set("[]:"))
        if not separator or not host_is_valid or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise InvalidAddress(text)
        return cls(host[1:-1] if is_bracketed else host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How the server treats its clients.

    `connections_max` are answered at once, further ones wait their turn. A connection that is silent for
    `idle_timeout_seconds` is closed, which also bounds how long a stop waits for it. A stop is noticed within
    `stop_check_seconds`.
    """

    connections_max: int = 16
    idle_timeout_seconds: float = 10.0
    stop_check_seconds: float = 0.5


class MetricsServer:
    """A registry behind HTTP, one thread a request. Any path answers GET with the metrics.

    Listening starts with the object (connections queue up), answering with `start`; `stop` lets running answers end.
    """

    def __init__(
        self,
        registry: Collector,
        address: ListenAddress,
        settings: ServeSettings = ServeSettings(),
        application: WSGIApplication | None = None,
    ) -> None:
        """`application` answers in place of the metrics of `registry`, if given. Raises CannotListen."""
        try:
            self._server = _bind(address, settings)
        except OSError as error:
            raise CannotListen(str(address), error) from error
        self._server.set_app(application or make_wsgi_app(registry))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(settings.stop_check_seconds,), name="metrics-server"
        )

    @property
    def address(self) -> ListenAddress:
        """The address that is really listened on, so never port 0."""
        host, port = self._server.server_address[:2]
        return ListenAddress(str(host), int(port))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stops listening and waits for the answers under way. Once only."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> MetricsServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve_until_signal(server: MetricsServer, announce: Callable[[str], None]) -> None:
    """Announces the URL, answers until SIGTERM or SIGINT, then stops gracefully. To be called in the main thread."""
    # Held before the threads start, so that they inherit the mask and the signal waits for sigwait.
    with stop_signals_held(), server:
        announce(f"http://{server.address}/metrics")
        signal.sigwait(STOP_SIGNALS)


@contextlib.contextmanager
def stop_signals_held() -> Iterator[None]:
    """SIGTERM and SIGINT do nothing by themselves; those that came meanwhile and nobody waited for are dropped."""
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        while came := signal.sigpending() & STOP_SIGNALS:
            signal.sigwait(came)
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


class _Server(ThreadingMixIn, WSGIServer):
    """prometheus_client's own server has neither limit nor timeout, and drops running answers when it stops."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, address: tuple[Any, ...], family: socket.AddressFamily, settings: ServeSettings) -> None:
        self.address_family = family
        self._places = threading.BoundedSemaphore(settings.connections_max)
        handler = type("Handler", (_QuietHandler,), {"timeout": settings.idle_timeout_seconds})
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._places.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A line on stderr for every scrape helps nobody; errors still go there with their traceback."""


def _bind(address: ListenAddress, settings: ServeSettings) -> _Server:
    family, _, _, _, place = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return _Server(place, family, settings)
