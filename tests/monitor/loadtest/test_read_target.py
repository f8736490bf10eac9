"""A server's metrics, read by a load test."""

from __future__ import annotations

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
    with pytest.raises(BadRequest, match=r"got 'ftp://shop/m', want"):
        TargetReader("ftp://shop/m?token=secret", (), None)


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
            reader.read()
            reader.read()

    assert reader.connections == 2
