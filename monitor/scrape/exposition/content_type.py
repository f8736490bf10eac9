"""Which format a body is in, as its Content-Type says: the rules of Prometheus 3 (model/textparse/interface.go)."""

from __future__ import annotations

import re
from functools import lru_cache

from monitor.config.scrape_config import ScrapeProtocol
from monitor.errors import ScrapeError, ScrapeFailure
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PARAMETER = rf"\s*+;\s*+{_TOKEN}\s*+=\s*+(?:{_TOKEN}|{_QUOTED})"
_MEDIA_TYPE = re.compile(rf"\s*+({_TOKEN}(?:/{_TOKEN})?+)(?:{_PARAMETER})*+\s*+;?+\s*+")
_FORMAT_BY_MEDIA_TYPE = {exposition_format.value: exposition_format for exposition_format in ExpositionFormat}
_FORMAT_BY_PROTOCOL = {
    ScrapeProtocol.PROTOBUF: ExpositionFormat.PROTOBUF,
    ScrapeProtocol.OPENMETRICS_1_0_0: ExpositionFormat.OPENMETRICS,
    ScrapeProtocol.OPENMETRICS_0_0_1: ExpositionFormat.OPENMETRICS,
    ScrapeProtocol.PROMETHEUS_TEXT_1_0_0: ExpositionFormat.PROMETHEUS_TEXT,
    ScrapeProtocol.PROMETHEUS_TEXT_0_0_4: ExpositionFormat.PROMETHEUS_TEXT,
}
CACHE_SIZE = 64


@lru_cache(maxsize=CACHE_SIZE)
def format_of(content_type: str, fallback: ScrapeProtocol | None) -> ExpositionFormat:
    """The format that `content_type` names; the fallback's if it names none.

    Raises ScrapeError if there is no fallback either: guessing would turn an error page into samples.
    """
    match = _MEDIA_TYPE.fullmatch(content_type)
    found = _FORMAT_BY_MEDIA_TYPE.get(match[1].lower()) if match else None
    if found is not None:
        return found
    if fallback is not None:
        return _FORMAT_BY_PROTOCOL[fallback]
    wanted = " or ".join(_FORMAT_BY_MEDIA_TYPE)
    got = f"content type {content_type!r}" if content_type else "no content type"
    raise ScrapeError(
        ScrapeFailure.CONTENT_TYPE, f"got {got}, want {wanted}, or a fallback_scrape_protocol for this job"
    )
