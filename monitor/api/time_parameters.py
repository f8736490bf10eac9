"""Times and durations as clients of the HTTP API write them (parseTime and parseDuration of web/api/v1/api.go)."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone

from monitor.model.durations import parse_duration_ms
from monitor.model.labels import quote
from monitor.scrape.exposition.go_float import parse_go_float

# Upstream's default bounds: int64 milliseconds, less what lookback and offsets may move a time by.
TIME_MAX_MS = (2**63 // 1000 - 62_135_596_801) * 1000 + 999
TIME_MIN_MS = -(2**63 // 1000 - 62_135_596_801) * 1000
_NAMED_TIMES = {
    "-292273086-05-16T16:47:06Z": TIME_MIN_MS,
    "292277025-08-18T07:12:54.999999999Z": TIME_MAX_MS,
}
"""What Go clients print for these bounds; no time format reads them."""
_RFC3339 = re.compile(
    r"(?P<clock>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d+))?(?:Z|(?P<offset>[+-]\d\d:\d\d))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_SECOND, _NS_PER_MS = 1_000_000_000, 1_000_000
_NS_MAX = 2**63 - 1


def parse_time_ms(text: str) -> int:
    """Milliseconds since 1970 in `1700000000.5`, `-4` or `2026-01-02T03:04:05.678Z`; finer parts are cut off.

    Raises ValueError in upstream's words. Numbers that are no time (NaN, beyond the bounds) are refused too, where
    upstream computes with what their conversion happens to give.
    """
    number = parse_go_float(text)
    timestamp_ms = _parse_rfc3339_ms(text) if number is None else _ms_of_seconds(number)
    if timestamp_ms is None or not TIME_MIN_MS <= timestamp_ms <= TIME_MAX_MS:
        raise ValueError(f"cannot parse {quote(text)} to a valid timestamp")
    return timestamp_ms


def _ms_of_seconds(seconds: float) -> int | None:
    if not math.isfinite(seconds):
        return None
    fraction, whole = math.modf(seconds)
    # Step by step as upstream, so that the last digit never differs.
    nanoseconds = int(math.floor(abs(fraction) * 1000 + 0.5) / 1000 * 1e9)
    return int(whole) * 1000 + math.floor(math.copysign(nanoseconds, seconds) / _NS_PER_MS)


def _parse_rfc3339_ms(text: str) -> int | None:
    match = _RFC3339.fullmatch(text)
    if match is None:
        return _NAMED_TIMES.get(text)
    try:
        clock = datetime.strptime(match["clock"], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=_zone(match["offset"]))
    except ValueError:
        return None
    milliseconds = int((match["fraction"] or "")[:3].ljust(3, "0"))
    return (clock - _EPOCH) // timedelta(milliseconds=1) + milliseconds


def _zone(offset: str | None) -> timezone:
    if offset is None:
        return UTC
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def parse_duration_ns(text: str) -> int:
    """Nanoseconds in `15`, `0.5` (seconds), `1m30s` or `-1`. Raises ValueError in upstream's words."""
    number = parse_go_float(text)
    if number is not None:
        nanoseconds = number * _NS_PER_SECOND
        if math.isnan(nanoseconds) or abs(nanoseconds) > _NS_MAX:
            raise ValueError(f"cannot parse {quote(text)} to a valid duration. It overflows int64")
        return int(nanoseconds)
    try:
        return parse_duration_ms(text) * _NS_PER_MS
    except ValueError:
        raise ValueError(f"cannot parse {quote(text)} to a valid duration") from None
