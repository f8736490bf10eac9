"""Our own limits: one table with default, unit and help of each, set by the section `limits` of the configuration."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field, fields
from typing import Any

from monitor.config.yaml.yaml_reader import Section


class Unit(enum.Enum):
    """How a setting is written in YAML: `2m`, `64MB`, `11000`, `X-Forwarded-For`."""

    DURATION = "duration"
    SIZE = "size"
    COUNT = "count"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: `field` is its name in Limits, `key` that in YAML, `default` in ms, bytes or as it is."""

    key: str
    field: str
    default: int | str
    unit: Unit
    help: str


def _limit(key: str, default: int | str, unit: Unit, help_text: str) -> Any:
    return field(default=default, metadata={"key": key, "unit": unit, "help": help_text})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request, target or query may cost. Every number is at least 1."""

    request_body_bytes: int = _limit(
        "request_body_size", 2**20, Unit.SIZE, "largest body of an API request other than remote write"
    )
    request_body_timeout_ms: int = _limit(
        "request_body_timeout", 60_000, Unit.DURATION, "longest time that the body of a request may take to arrive"
    )
    write_request_bytes: int = _limit(
        "write_request_size", 32 * 2**20, Unit.SIZE, "largest remote write request, after decompression"
    )
    write_requests: int = _limit(
        "write_requests", 8, Unit.COUNT, "remote write requests taken at the same time; others wait"
    )
    waiting_write_requests: int = _limit(
        "waiting_write_requests", 64, Unit.COUNT, "remote write requests that wait for a place; more are refused"
    )
    query_samples: int = _limit(
        "query_samples", 50_000_000, Unit.COUNT, "most samples that one query may hold in memory"
    )
    query_window_samples: int = _limit(
        "query_window_samples",
        500_000_000,
        Unit.COUNT,
        "most samples in all windows of one query: series x samples in a window x steps, estimated before it runs",
    )
    query_values: int = _limit(
        "query_values", 50_000_000, Unit.COUNT, "most values, series x steps, of any part of a query"
    )
    query_points: int = _limit("query_points", 11_000_000, Unit.COUNT, "most points in the result of one query")
    query_steps: int = _limit("query_steps", 11_000, Unit.COUNT, "most steps of a range query")
    query_timeout_ms: int = _limit("query_timeout", 120_000, Unit.DURATION, "longest time that a query may take")
    expression_length: int = _limit("expression_length", 200_000, Unit.COUNT, "most characters of a PromQL expression")
    expression_depth: int = _limit(
        "expression_depth", 150, Unit.COUNT, "deepest nesting of a PromQL expression; more than 150 counts as 150"
    )
    queries: int = _limit(
        "queries", 4, Unit.COUNT, "queries taken at the same time, on as many threads as there are cores; others wait"
    )
    waiting_queries: int = _limit("waiting_queries", 64, Unit.COUNT, "queries that wait for a place; more are refused")
    client_queries: int = _limit(
        "client_queries", 32, Unit.COUNT, "queries of one client that are evaluated or wait; more are refused"
    )
    client_header: str = _limit(
        "client_header", "", Unit.TEXT, "request header that names the client; without one it is the remote address"
    )
    slow_query_ms: int = _limit("slow_query", 1_000, Unit.DURATION, "queries that take longer are listed as slow")
    slow_queries: int = _limit("slow_queries", 100, Unit.COUNT, "length of the list of slow queries")
    query_log_bytes: int = _limit(
        "query_log_size", 256 * 2**20, Unit.SIZE, "size at which the query log is begun anew; the one before is kept"
    )
    found_series: int = _limit(
        "found_series", 1_000_000, Unit.COUNT, "most series that one answer of the series and labels APIs may hold"
    )
    history_requests: int = _limit(
        "history_requests", 2, Unit.COUNT, "exports, imports, deletions and snapshots at the same time; others wait"
    )
    waiting_history_requests: int = _limit(
        "waiting_history_requests", 16, Unit.COUNT, "exports, imports, … that wait for a place; more are refused"
    )
    export_samples: int = _limit(
        "export_samples", 1_000_000, Unit.COUNT, "samples that an export holds in memory at a time"
    )
    import_line_bytes: int = _limit("import_line_size", 32 * 2**20, Unit.SIZE, "longest line of an import")
    scrape_body_bytes: int = _limit(
        "scrape_body_size", 64 * 2**20, Unit.SIZE, "largest body of a scrape where no body_size_limit is set"
    )
    target_series: int = _limit(
        "target_series",
        500_000,
        Unit.COUNT,
        "most series of one target where no series_limit is set; new ones are dropped",
    )
    head_series: int = _limit(
        "head_series", 5_000_000, Unit.COUNT, "most series with recent samples; new ones are dropped above"
    )
    head_rows_bytes: int = _limit(
        "head_rows_size",
        16 * 2**20,
        Unit.SIZE,
        "rows of all sources kept in memory on average, until they become slabs",
    )
    slab_cache_bytes: int = _limit(
        "slab_cache_size",
        128 * 2**20,
        Unit.SIZE,
        "decoded slabs kept for the next query; a quarter more for what small sources have",
    )


SETTINGS = tuple(
    Setting(row.metadata["key"], row.name, row.default, row.metadata["unit"], row.metadata["help"])
    for row in fields(Limits)
    if isinstance(row.default, int | str)
)


_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]*")


def read_limits(section: Section) -> Limits:
    """The section `limits`."""
    numbers = {setting.field: _read(section, setting) for setting in SETTINGS if setting.unit is not Unit.TEXT}
    return Limits(**numbers, client_header=section.parsed("client_header", _to_header, ""))


def _read(section: Section, setting: Setting) -> int:
    default = setting.default
    assert isinstance(default, int), f"BUG: got {default!r}, want a number"
    if setting.unit is Unit.DURATION:
        return section.duration_ms(setting.key, default, minimum_ms=1)
    if setting.unit is Unit.SIZE:
        return section.size_bytes(setting.key, default, minimum=1)
    return section.integer(setting.key, default, minimum=1)


def _to_header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise ValueError(f"got {text!r}, want the name of an HTTP header")
    return text
