"""Access logs of one JSON object a line: nginx's (with its variable names as keys), Caddy's, Envoy's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from exporters.access_log.line_format import Columns, ParsedLines, Row

# What a row may hold. A list or an object in the place of a number is no access log.
_PLAIN = frozenset((str, int, float, type(None)))


class JsonLines:
    """A LineFormat. A line's keys tell who wrote it, because `duration` is seconds to one and milliseconds to another.

    Caddy: `request` is an object, `duration` in seconds. Envoy: `response_code`, `duration` in milliseconds. nginx:
    `request_method` and `request_uri` (or `uri`), or `request`, with `status`, `body_bytes_sent`, `request_time` in
    seconds; numbers may be in quotes.
    """

    columns = Columns()

    def parse(self, lines: str) -> ParsedLines:
        rows = []
        texts = lines.split("\n")[:-1]
        for text in texts:
            row = _row(text)
            if row is not None:
                rows.append(row)
        return ParsedLines(rows, len(texts) - len(rows))


def _row(text: str) -> Row | None:
    try:
        entry = orjson.loads(text)
    except ValueError:
        return None
    if not isinstance(entry, dict):
        return None
    row = _row_of(entry)
    return row if row is not None and _PLAIN.issuperset(map(type, row)) else None


def _row_of(entry: Mapping[str, Any]) -> Row | None:
    request = entry.get("request")
    if isinstance(request, dict):
        return _caddy_row(entry, request)
    if "response_code" in entry:
        return _envoy_row(entry)
    if "status" not in entry:
        return None
    if "request_method" in entry:
        method, target = entry["request_method"], entry.get("request_uri", entry.get("uri"))
    elif isinstance(request, str):
        method, _, rest = request.partition(" ")
        target = rest.rpartition(" ")[0]
    else:
        return None
    return method, target, entry["status"], entry.get("body_bytes_sent"), entry.get("request_time")


def _caddy_row(entry: Mapping[str, Any], request: Mapping[str, Any]) -> Row | None:
    duration = entry.get("duration")
    if "status" not in entry or not isinstance(duration, int | float):
        return None
    return request.get("method"), request.get("uri"), entry["status"], entry.get("size"), duration


def _envoy_row(entry: Mapping[str, Any]) -> Row | None:
    duration = entry.get("duration")
    seconds = duration / 1000 if isinstance(duration, int | float) else None
    return entry.get("method"), entry.get("path"), entry["response_code"], entry.get("bytes_sent"), seconds
