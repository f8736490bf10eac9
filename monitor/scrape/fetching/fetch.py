"""What a scrape loop asks of HTTP: one request, made again and again, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from monitor import __version__
from monitor.config.scrape_config import HttpClientConfig, NameEscaping, ScrapeProtocol
from monitor.scrape.target import Target

USER_AGENT = f"Plimsoll/{__version__}"
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
UNIX_SOCKET_LABEL = "__unix_socket__"
_MEDIA_TYPE = {
    ScrapeProtocol.PROTOBUF: (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    ),
    ScrapeProtocol.OPENMETRICS_1_0_0: "application/openmetrics-text;version=1.0.0",
    ScrapeProtocol.OPENMETRICS_0_0_1: "application/openmetrics-text;version=0.0.1",
    ScrapeProtocol.PROMETHEUS_TEXT_1_0_0: "text/plain;version=1.0.0",
    ScrapeProtocol.PROMETHEUS_TEXT_0_0_4: "text/plain;version=0.0.4",
}
_WITH_ESCAPING = (ScrapeProtocol.OPENMETRICS_1_0_0, ScrapeProtocol.PROMETHEUS_TEXT_1_0_0)
_FIRST_WEIGHT = 6
"""Upstream starts at one more than the number of its protocols."""


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to get. `body_bytes_max` bounds the body after decompression, exclusively; the head has its own limit.

    `unix_socket` is the path of a socket to connect to instead of the URL's host.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    body_bytes_max: int
    http: HttpClientConfig
    unix_socket: str = ""
    head_bytes_max: int = 64 * 1024


class FetchResponse(NamedTuple):
    """An answer with any status; `body` is decompressed. A NamedTuple, for it is made at every scrape."""

    status: int
    reason: str
    content_type: str
    body: bytes


class Fetcher(Protocol):
    """One target's way to its server. Only one fetch runs at a time."""

    async def fetch(self, timeout_seconds: float) -> FetchResponse:
        """The whole answer. Raises ScrapeError, at the latest after `timeout_seconds`."""
        ...

    def close(self) -> None:
        """Gives up connections. A fetch under way fails."""
        ...


def fetch_request(target: Target, body_bytes_max: int) -> FetchRequest:
    """The request for a target; a `body_size_limit` of its job replaces `body_bytes_max`."""
    config = target.config
    headers = (
        ("User-Agent", USER_AGENT),
        ("Accept", accept_header(config.scrape_protocols, config.name_escaping)),
        ("Accept-Encoding", "gzip" if config.enable_compression else "identity"),
        ("X-Prometheus-Scrape-Timeout-Seconds", f"{target.scrape_timeout_ms / 1000:.3f}".rstrip("0").rstrip(".")),
    )
    return FetchRequest(
        url=target.url,
        headers=headers,
        body_bytes_max=config.limits.body_bytes or body_bytes_max,
        http=config.http,
        unix_socket=target.discovered_labels.get(UNIX_SOCKET_LABEL, ""),
    )


def accept_header(protocols: tuple[ScrapeProtocol, ...], escaping: NameEscaping) -> str:
    """The formats in their order of preference, with the weights that Prometheus gives them."""
    values = []
    for weight, protocol in zip(range(_FIRST_WEIGHT, 0, -1), protocols, strict=False):
        parameter = f";escaping={escaping.value}" if protocol in _WITH_ESCAPING else ""
        values.append(f"{_MEDIA_TYPE[protocol]}{parameter};q=0.{weight}")
    return ",".join([*values, f"*/*;q=0.{_FIRST_WEIGHT - len(values)}"])
