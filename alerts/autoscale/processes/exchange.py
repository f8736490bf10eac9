"""Knows whether an HTTP/1.1 connection is between two exchanges, without changing or holding back a byte.

Between exchanges the server side of a connection can be swapped without the client noticing: that is how replicas are
drained in the time of one request, and how long-lived connections spread over new replicas. What is not plain HTTP/1.1
(an upgrade, HTTP/2, anything unparsable) is opaque: never between exchanges, so it stays where it is until it ends.

Costs about 1 microsecond per request (httptools, the llhttp parser of Node), 4 % of what passing it on costs.
"""

from __future__ import annotations

import httptools

_REASON_TO_GIVE_UP = (httptools.HttpParserError, httptools.HttpParserUpgrade, httptools.HttpParserCallbackError)


class Exchanges:
    """The exchanges on one client connection, over however many server connections."""

    __slots__ = (
        "_bodiless",
        "_ended_early",
        "_requests",
        "_responses",
        "begun",
        "is_opaque",
        "keeps_alive",
        "received",
        "sent",
    )

    def __init__(self) -> None:
        self.begun = 0
        self.sent = 0
        self.received = 0
        self.keeps_alive = True
        self.is_opaque = False
        self._bodiless = 0
        self._ended_early = False
        self._requests = httptools.HttpRequestParser(_RequestEvents(self))
        self._responses = httptools.HttpResponseParser(_ResponseEvents(self))

    @property
    def is_between(self) -> bool:
        """Whether every request that has begun has been sent and answered in full, and both sides want to go on."""
        return not self.is_opaque and self.begun == self.sent == self.received and self.keeps_alive

    def feed_request(self, data: bytes) -> None:
        """Bytes from the client."""
        if self.is_opaque:
            return
        try:
            self._requests.feed_data(data)
        except _REASON_TO_GIVE_UP:
            self.is_opaque = True

    def feed_response(self, data: bytes) -> None:
        """Bytes from the server."""
        if self.is_opaque:
            return
        try:
            self._responses.feed_data(data)
        except _REASON_TO_GIVE_UP:
            self.is_opaque = True
        if self._ended_early:
            self._ended_early = False
            self._responses = httptools.HttpResponseParser(_ResponseEvents(self))

    def end(self) -> None:
        """Lets go of the parsers: they point back here, and a cycle would wait for the garbage collector."""
        self.is_opaque = True
        del self._requests, self._responses

    def request_headers_ended(self) -> None:
        if self._requests.get_method() == b"HEAD":
            self._bodiless = self.begun
            # Pipelining around a HEAD would need a parser that is told of each request; browsers do not do it.
            self.is_opaque = self.is_opaque or self.begun != self.received + 1

    def request_ended(self) -> None:
        self.sent += 1
        self.keeps_alive = self.keeps_alive and self._requests.should_keep_alive()

    def response_headers_ended(self) -> None:
        """The response to a HEAD ends here, whatever length its headers announce (RFC 9112, 6.3)."""
        is_final = self._responses.get_status_code() >= 200
        if is_final and self._bodiless == self.received + 1:
            self._end_response()
            self._ended_early = True

    def response_ended(self) -> None:
        """1xx responses come before the one that ends the exchange."""
        if not self._ended_early and self._responses.get_status_code() >= 200:
            self._end_response()

    def _end_response(self) -> None:
        self.received += 1
        self.keeps_alive = self.keeps_alive and self._responses.should_keep_alive()


class _RequestEvents:
    """What httptools calls back; names are its own."""

    __slots__ = ("_exchanges",)

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges

    def on_message_begin(self) -> None:
        self._exchanges.begun += 1

    def on_headers_complete(self) -> None:
        self._exchanges.request_headers_ended()

    def on_message_complete(self) -> None:
        self._exchanges.request_ended()


class _ResponseEvents:
    __slots__ = ("_exchanges",)

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges

    def on_headers_complete(self) -> None:
        self._exchanges.response_headers_ended()

    def on_message_complete(self) -> None:
        self._exchanges.response_ended()
