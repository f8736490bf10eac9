"""Our own limits: one table with default, unit and help of each, set by the section `limits` of the configuration."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields
from typing import Any

from monitor.config.yaml.yaml_reader import Section


class Unit(enum.Enum):
    """How a setting is written in YAML: `2m`, `64MB`, `11000`."""

    DURATION = "duration"
    SIZE = "size"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: `field` is its name in Limits, `key` its name in YAML, `default` ms, bytes or a count."""

    key: str
    field: str
    default: int
    unit: Unit
    help: str


def _limit(key: str, default: int, unit: Unit, help_text: str) -> Any:
    return field(default=default, metadata={"key": key, "unit": unit, "help": help_text})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request, target or query may cost. Every limit is at least 1."""

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
    query_steps: int = _limit("query_steps", 11_000, Unit.COUNT, "most steps of a range query")
    query_timeout_ms: int = _limit("query_timeout", 120_000, Unit.DURATION, "longest time that a query may take")
    queries: int = _limit("queries", 4, Unit.COUNT, "queries evaluated at the same time; others wait")
    waiting_queries: int = _limit("waiting_queries", 64, Unit.COUNT, "queries that wait for a place; more are refused")
    found_series: int = _limit(
        "found_series", 1_000_000, Unit.COUNT, "most series that one answer of the series and labels APIs may hold"
    )
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


SETTINGS = tuple(
    Setting(row.metadata["key"], row.name, row.default, row.metadata["unit"], row.metadata["help"])
    for row in fields(Limits)
    if isinstance(row.default, int)
)


def read_limits(section: Section) -> Limits:
    """The section `limits`."""
    values = {setting.field: _read(section, setting) for setting in SETTINGS}
    return Limits(**values)


def _read(section: Section, setting: Setting) -> int:
    if setting.unit is Unit.DURATION:
        return section.duration_ms(setting.key, setting.default, minimum_ms=1)
    if setting.unit is Unit.SIZE:
        return section.size_bytes(setting.key, setting.default, minimum=1)
    return section.integer(setting.key, setting.default, minimum=1)
