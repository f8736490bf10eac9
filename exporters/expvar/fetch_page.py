"""Fetches one page over HTTP in bounded time and size: no redirects, no proxies."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from exporters.errors import ExporterError, InvalidUrl
from exporters.expvar.connect import Deadline, Resolve, connect, look_up, resolve

_CHUNK_BYTES = 65_536


class PageUnavailable(ExporterError):
    """The page did not come this time; the next try may succeed."""


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """`timeout_seconds`: for all of it, from looking up the name to the last byte."""

    timeout_seconds: float = 5.0
    body_bytes_max: int = 8 << 20


@dataclass(frozen=True, slots=True)
class PageUrl:
    """Where a page is. `str` of it is what may be shown, so without the query, which may hold a secret.

    A user name or a password in a URL is refused.
    """

    is_https: bool
    host: str
    port: int | None
    target: str = field(repr=False)
    text: str

    @classmethod
    def parse(cls, text: str, default_path: str) -> PageUrl:
        """`http(s)://HOST[:PORT][/PATH]`; without a path, `default_path`. Raises InvalidUrl."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise InvalidUrl("http://HOST:PORT or https://HOST:PORT, with a path if need be") from error
        if parts.username is not None or parts.password is not None:
            raise InvalidUrl("one without user name and password")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidUrl("http://HOST:PORT or https://HOST:PORT, with a path if need be")
        path = parts.path if parts.path not in ("", "/") else default_path
        target = f"{path}?{parts.query}" if parts.query else path
        return cls(parts.scheme == "https", parts.hostname, port, target, f"{parts.scheme}://{parts.netloc}{path}")

    def __str__(self) -> str:
        return self.text


def fetch_page(url: PageUrl, settings: FetchSettings, resolve: Resolve = resolve) -> bytes:
    """The body. Raises PageUnavailable."""
    connection = (HTTPSConnection if url.is_https else HTTPConnection)(url.host, url.port)
    try:
        deadline = Deadline(settings.timeout_seconds)
        addresses = look_up(resolve, url.host, connection.port, deadline)
        connection.sock = connect(addresses, deadline)
        if url.is_https:
            connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=url.host)
        with _time_limit(connection.sock, deadline.left_seconds()):
            return _body(connection, url, settings)
    except (OSError, HTTPException, UnicodeError) as error:
        raise PageUnavailable(f"{url}: {error or type(error).__name__}") from error
    finally:
        connection.close()


def _body(connection: HTTPConnection, url: PageUrl, settings: FetchSettings) -> bytes:
    connection.request("GET", url.target, headers={"Accept": "application/json"})
    response = connection.getresponse()
    if response.status != 200:
        raise PageUnavailable(f"{url}: got status {response.status}, want 200")
    body = bytearray()
    while chunk := response.read1(_CHUNK_BYTES):
        body += chunk
        if len(body) > settings.body_bytes_max:
            raise PageUnavailable(f"{url}: got more than {settings.body_bytes_max} bytes")
    return bytes(body)


@contextlib.contextmanager
def _time_limit(connected: socket.socket, seconds: float) -> Iterator[None]:
    """Ends what goes on with the socket: its own timeout begins anew with every byte of a slow server."""
    timer = threading.Timer(seconds, _shut_down, (connected,))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _shut_down(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        connected.shutdown(socket.SHUT_RDWR)
