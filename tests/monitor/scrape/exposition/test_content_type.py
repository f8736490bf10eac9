from __future__ import annotations

import pytest

from monitor.config.scrape_config import ScrapeProtocol
from monitor.errors import ScrapeError, ScrapeFailure
from monitor.scrape.exposition.content_type import format_of
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat

TEXT, OPENMETRICS = ExpositionFormat.PROMETHEUS_TEXT, ExpositionFormat.OPENMETRICS


@pytest.mark.parametrize(
    ("content_type", "exposition_format"),
    [
        ("text/plain", TEXT),
        ("TEXT/PLAIN; version=0.0.4; charset=utf-8", TEXT),
        (' text/plain ;charset="utf-8";', TEXT),
        ("text/plain; version=1.0.0; escaping=allow-utf-8", TEXT),
        ("application/openmetrics-text; version=1.0.0", OPENMETRICS),
        ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily", ExpositionFormat.PROTOBUF),
    ],
)
def test_the_content_type_names_the_format(content_type: str, exposition_format: ExpositionFormat) -> None:
    assert format_of(content_type, None) is exposition_format


UNKNOWN = [
    "", "text/html", "foo", "text/plain; foo", "text/plain, text/html", "text/", "text /plain", "text/plain;;a=b",
    'text/plain;a="b', "application/x-protobuf", "text/plain;" + " " * 50_000 + "x",
]  # fmt: skip


@pytest.mark.parametrize("content_type", UNKNOWN)
def test_another_content_type_fails_the_scrape(content_type: str) -> None:
    with pytest.raises(ScrapeError, match="want text/plain or application/openmetrics-text") as caught:
        format_of(content_type, None)
    assert caught.value.failure is ScrapeFailure.CONTENT_TYPE


@pytest.mark.parametrize("content_type", UNKNOWN)
def test_another_content_type_is_read_as_the_fallback_if_there_is_one(content_type: str) -> None:
    assert format_of(content_type, ScrapeProtocol.OPENMETRICS_0_0_1) is OPENMETRICS


def test_a_known_content_type_needs_no_fallback() -> None:
    assert format_of("text/plain", ScrapeProtocol.OPENMETRICS_0_0_1) is TEXT
