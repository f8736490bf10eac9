from __future__ import annotations

from scraping import make_target

from monitor.config.scrape_config import (
    DEFAULT_SCRAPE_PROTOCOLS,
    PROTOBUF_FIRST_SCRAPE_PROTOCOLS,
    NameEscaping,
    ScrapeLimits,
    ScrapeProtocol,
)
from monitor.model.labels import Labels
from monitor.scrape.fetching.fetch import UNIX_SOCKET_LABEL, accept_header, fetch_request


def test_formats_are_asked_for_with_the_weights_of_prometheus() -> None:
    assert accept_header(DEFAULT_SCRAPE_PROTOCOLS, NameEscaping.ALLOW_UTF8) == (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    )


def test_protobuf_is_asked_for_as_prometheus_asks_for_it() -> None:
    assert accept_header(PROTOBUF_FIRST_SCRAPE_PROTOCOLS, NameEscaping.ALLOW_UTF8) == (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
    )


def test_only_the_formats_of_the_job_are_asked_for() -> None:
    header = accept_header((ScrapeProtocol.PROMETHEUS_TEXT_0_0_4,), NameEscaping.UNDERSCORES)
    assert header == "text/plain;version=0.0.4;q=0.6,*/*;q=0.5"


def test_a_request_says_who_asks_and_how_long_it_waits() -> None:
    request = fetch_request(make_target(interval_ms=15_000, timeout_ms=1_500), 100)
    headers = dict(request.headers)
    assert headers["User-Agent"].startswith("Plimsoll/")
    assert headers["X-Prometheus-Scrape-Timeout-Seconds"] == "1.5"
    assert headers["Accept-Encoding"] == "gzip"
    assert request.body_bytes_max == 100


def test_whole_seconds_are_written_without_a_fraction() -> None:
    headers = dict(fetch_request(make_target(timeout_ms=10_000, interval_ms=10_000), 100).headers)
    assert headers["X-Prometheus-Scrape-Timeout-Seconds"] == "10"


def test_the_settings_of_the_job_go_into_the_request() -> None:
    request = fetch_request(make_target(enable_compression=False, limits=ScrapeLimits(body_bytes=7)), 100)
    assert dict(request.headers)["Accept-Encoding"] == "identity"
    assert request.body_bytes_max == 7


def test_a_label_gives_the_unix_socket() -> None:
    target = make_target(labels=Labels({UNIX_SOCKET_LABEL: "/run/server.sock"}))
    assert fetch_request(target, 100).unix_socket == "/run/server.sock"
