from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificate, make_certificate
from page_server import page_server

from exporters.expvar.connect import Deadline, connect
from exporters.expvar.fetch_page import FetchSettings, PageUnavailable, PageUrl, fetch_page


@contextlib.contextmanager
def silent_address() -> Iterator[Any]:
    """One that answers no handshake: its queue of connections is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        yield address_of(full.getsockname())


def address_of(place: tuple[str, int]) -> Any:
    return (socket.AF_INET, socket.SOCK_STREAM, 0, "", place)


@contextlib.contextmanager
def https_page(certificate: Certificate) -> Iterator[str]:
    """The URL of a page of one byte."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer_once, args=(server, context))
        thread.start()
        yield f"https://localhost:{server.getsockname()[1]}/"
        thread.join()


def answer_once(server: socket.socket, context: ssl.SSLContext) -> None:
    client, _ = server.accept()
    with client, contextlib.suppress(ssl.SSLError), context.wrap_socket(client, server_side=True) as encrypted:
        encrypted.recv(65_536)
        encrypted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7")


def test_a_page_comes_over_tls_from_whom_its_certificate_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path, "localhost")
    with https_page(certificate) as url, pytest.raises(PageUnavailable, match="certificate verify failed"):
        fetch_page(PageUrl.parse(url, "/"), FetchSettings())
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate_file))
    with https_page(certificate) as url:
        assert fetch_page(PageUrl.parse(url, "/"), FetchSettings()) == b"7"


def test_a_silent_address_leaves_time_for_the_next_one() -> None:
    with page_server() as page, silent_address() as silent:
        page.show(b"{}")
        url = PageUrl.parse(page.url, "/debug/vars")
        good = address_of(("127.0.0.1", url.port or 80))

        assert fetch_page(url, FetchSettings(timeout_seconds=1.0), lambda host, port: [silent, good]) == b"{}"


def test_a_page_whose_addresses_are_all_silent_is_unavailable() -> None:
    with silent_address() as silent, pytest.raises(PageUnavailable, match="http://shop/debug/vars: timed out"):
        fetch_page(PageUrl.parse("http://shop", "/debug/vars"), FetchSettings(0.2), lambda host, port: [silent] * 2)


def test_a_name_that_takes_long_to_look_up_is_unavailable_in_time() -> None:
    time_is_up = threading.Event()

    def resolve(host: str, port: int) -> list[Any]:
        time_is_up.wait(60)
        return []

    with pytest.raises(PageUnavailable, match="looking up the name timed out"):
        fetch_page(PageUrl.parse("http://shop", "/debug/vars"), FetchSettings(0.05), resolve)
    time_is_up.set()


@pytest.mark.parametrize("url", ["http://a..b/", "http://127.0.0.1:1/caf\u00e9"])
def test_a_name_or_path_that_cannot_be_sent_is_unavailable(url: str) -> None:
    with pytest.raises(PageUnavailable):
        fetch_page(PageUrl.parse(url, "/debug/vars"), FetchSettings())


def test_a_name_without_addresses_is_an_error() -> None:
    with pytest.raises(OSError, match="no address"):
        connect([], Deadline(1.0))


def test_a_deadline_that_is_over_leaves_a_moment() -> None:
    now_seconds = iter((10.0, 11.0, 15.0))
    deadline = Deadline(5.0, lambda: next(now_seconds))

    assert (deadline.left_seconds(), deadline.left_seconds()) == (4.0, 0.001)
