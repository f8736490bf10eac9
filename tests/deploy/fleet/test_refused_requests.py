"""What rust-std refuses before it is a request is counted by its answer: its HTTP is its own."""

from __future__ import annotations

import pytest
from eventually import eventually
from live_fleet import LiveServer

pytestmark = pytest.mark.parametrize("name", ["rust-std"])

HEAD_BYTES_MAX = 16 << 10


@pytest.mark.parametrize(
    ("status", "head"),
    [
        (400, b"GET /\r\n"),
        (400, b"GET / HTTP/1.1\r\nno header\r\n"),
        (400, b"POST /pay HTTP/1.1\r\nContent-Length: many\r\n"),
        (411, b"POST /pay HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"),
        (413, b"POST /pay HTTP/1.1\r\nContent-Length: 1000000\r\n"),
        (431, b"GET /" + b"x" * (HEAD_BYTES_MAX - len(b"GET /"))),
    ],
)
def test_a_refused_request_and_the_bytes_of_its_answer_are_counted(
    server: LiveServer, status: int, head: bytes
) -> None:
    requests_before = server.requests("_OTHER", "", status)
    sent_before = server.value("server_sent_bytes_total")

    with server.connect() as connection:
        connection.send_bytes(head)
        answer = connection.read_answer()

    assert answer.status == status
    eventually(lambda: server.requests("_OTHER", "", status) - requests_before, 1)
    assert server.value("server_sent_bytes_total") - sent_before == answer.wire_bytes
    eventually(lambda: server.value("http_requests_in_flight"), 0.0)
