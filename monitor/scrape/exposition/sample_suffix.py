"""What follows the series text on a sample's line: value, timestamp, exemplar."""

from __future__ import annotations

import math
import re

from monitor.scrape.exposition.exposition_grammar import ExpositionFormat, Grammar
from monitor.scrape.exposition.go_float import parse_value
from monitor.scrape.exposition.series_text import shown

TIMESTAMP_MAX_MS = 2**63 - 1
_TIMESTAMP_DIGITS_MAX = 19


def read_suffix(match: re.Match[bytes], exposition_format: ExpositionFormat) -> tuple[float, int | None]:
    """Value and timestamp of a match of Grammar.sample or Grammar.suffix. Raises ValueError.

    An exemplar is checked and left out.
    """
    value = _number(match["value"], "value")
    timestamp = match["timestamp"]
    if exposition_format is ExpositionFormat.PROMETHEUS_TEXT:
        return value, None if timestamp is None else _whole_ms(timestamp)
    if match["exemplar_labels"] is not None:
        _check_exemplar(match)
    return value, None if timestamp is None else _ms_of_seconds(timestamp, "timestamp")


def explain_malformed(body: bytes, position: int, grammar: Grammar) -> str:
    """Got and wanted, for the statement at `position` that is neither a sample nor anything else."""
    if position == len(body):
        return "got the end of the body, want '# EOF'"
    end, wanted = position, ""
    metadata_start = grammar.metadata_start.match(body, position)
    if metadata_start is not None:
        end, wanted = metadata_start.end(), f"a metric name and a text behind {metadata_start['keyword'].decode()}"
    else:
        for pattern, wanted_behind in grammar.stages:
            stage = pattern.match(body, position)
            if stage is not None and stage.end() >= end:
                end, wanted = stage.end(), wanted_behind
    statement, got = body[position:end], body[end:].split(b"\n", 1)[0]
    behind = f" behind {shown(statement)}" if statement.strip() else ""
    return f"got {shown(got) if got else 'the end of the line'}{behind}, want {wanted}"


def _check_exemplar(match: re.Match[bytes]) -> None:
    try:
        match["exemplar_labels"].decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"got invalid UTF-8 in {shown(match['exemplar_labels'])} ({error.reason})") from None
    _number(match["exemplar_value"], "exemplar value")
    if match["exemplar_timestamp"] is not None:
        _ms_of_seconds(match["exemplar_timestamp"], "exemplar timestamp")


def _number(text: bytes, name: str) -> float:
    try:
        return parse_value(text)
    except ValueError as error:
        raise ValueError(f"got {name} {shown(text)} ({error}), want a number such as 1, 0.5, 1e+06 or +Inf") from None


def _whole_ms(text: bytes) -> int:
    significant = text.lstrip(b"0") or b"0"
    timestamp_ms = int(significant) if len(significant) <= _TIMESTAMP_DIGITS_MAX else TIMESTAMP_MAX_MS + 1
    if timestamp_ms > TIMESTAMP_MAX_MS:
        raise ValueError(f"got timestamp {shown(text)}, want at most {TIMESTAMP_MAX_MS} ms")
    return timestamp_ms


def _ms_of_seconds(text: bytes, name: str) -> int:
    """Milliseconds, cut towards zero as in Prometheus; beyond int64 the nearest that fits."""
    seconds = _number(text, name)
    if not math.isfinite(seconds):
        raise ValueError(f"got {name} {shown(text)}, want a finite number of seconds")
    if abs(seconds) > TIMESTAMP_MAX_MS / 1000:
        return TIMESTAMP_MAX_MS if seconds > 0 else -TIMESTAMP_MAX_MS
    return int(seconds * 1000)
