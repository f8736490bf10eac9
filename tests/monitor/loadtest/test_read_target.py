"""A server's metrics, read by a load test."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from page_server import page_server

from monitor.errors import BadRequest, LoadTestError
from monitor.loadtest.read_target import TargetReader


def test_the_query_of_the_metrics_url_is_sent_and_not_shown() -> None:
    with page_server() as page:
        page.show(b"up 1\n", "403 No")

        with (
            closing(TargetReader(f"{page.url}/m?token=secret", (), None)) as reader,
            pytest.raises(LoadTestError, match=r"^http://127\.0\.0\.1:\d+/m: got status 403, want 200$"),
        ):
            reader.read()

    assert page.heads[0].startswith(b"GET /m?token=secret HTTP/1.1\r\n")


def test_a_url_that_is_none_is_told_without_its_query() -> None:
    with pytest.raises(BadRequest, match=r"got scheme 'ftp', want"):
        TargetReader("ftp://shop/m?token=secret", (), None)


@pytest.mark.parametrize(
    "url", ["http://me:secret@shop/m", "http://me:secret@shop:x/m", "http://me:secret@[::1/m", "ftp://me:secret@shop/m"]
)
def test_a_password_in_the_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(BadRequest, match="metrics URL: got") as caught:
        TargetReader(url, (), None)

    assert "secret" not in str(caught.value)


def test_an_address_of_ipv6_is_written_as_in_a_target() -> None:
    with closing(TargetReader("http://[::1]:8101/metrics", (), None)) as reader:
        assert reader.instance == "[::1]:8101"


def test_metrics_that_break_off_are_not_taken_for_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/metrics"
        with closing(TargetReader(url, (), None)) as reader, ThreadPoolExecutor(1) as pool:
            reading = pool.submit(reader.read)
            with listener.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nup 1\n")
            with pytest.raises(LoadTestError, match="got an answer that broke off 7 bytes before its end"):
                reading.result()


def test_metrics_that_are_too_long_are_not_cut() -> None:
    with page_server() as page:
        page.show(b"up 1\n")

        with closing(TargetReader(page.url, (), None, body_bytes_max=5)) as reader:
            reader.read()
        with (
            closing(TargetReader(page.url, (), None, body_bytes_max=4)) as reader,
            pytest.raises(LoadTestError, match="got more than 4 bytes"),
        ):
            reader.read()


def test_a_connection_that_the_server_has_closed_is_opened_again_and_counted() -> None:
    with page_server() as page:
        page.show(b"up 1\n")

        with closing(TargetReader(page.url, (), None)) as reader:
            readings = (reader.read(), reader.read())

    assert [each.reader_connections for each in readings] == [1, 2]
    assert reader.connections == 2
