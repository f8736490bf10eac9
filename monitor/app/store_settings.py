"""The store's settings from the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitor.config.config import Config, SeriesRetention
from monitor.errors import BadRequest, ConfigError, ParseError
from monitor.promql.syntax.matcher_sets import parse_matcher_sets
from monitor.storage.blocks.maintenance import MaintenanceSettings
from monitor.storage.blocks.retention import RetentionRule
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.store import StoreSettings


def store_settings(config: Config) -> StoreSettings:
    """Raises ConfigError if a selector is wrong."""
    storage = config.storage
    head = HeadSettings(
        block_span_ms=storage.block_span_ms,
        series_max=config.limits.head_series,
        rows_bytes=config.limits.head_rows_bytes,
        late_window_ms=storage.out_of_order_time_window_ms,
    )
    return StoreSettings(
        head=head,
        maintenance=MaintenanceSettings(
            retention_ms=storage.retention.time_ms,
            retention_rules=retention_rules(storage.series_retention),
            retention_bytes=storage.retention.size_bytes,
            retention_disk_percentage=storage.retention.percentage,
        ),
        commit_interval_seconds=storage.commit_interval_ms / 1000,
        cache_bytes=config.limits.slab_cache_bytes,
    )


def retention_rules(entries: Sequence[SeriesRetention]) -> tuple[RetentionRule, ...]:
    """Raises ConfigError with every selector that cannot be parsed."""
    rules, problems = [], []
    for entry in entries:
        try:
            (selector,) = parse_matcher_sets([entry.match])
        except (ParseError, BadRequest) as error:
            problems.append(replace(entry.place, message=str(error)))
        else:
            rules.append(RetentionRule(selector, entry.keep_ms))
    if problems:
        raise ConfigError(problems)
    return tuple(rules)
