"""The store's settings from the configuration."""

from __future__ import annotations

from monitor.config.config import Config
from monitor.storage.blocks.maintenance import MaintenanceSettings
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.store import StoreSettings


def store_settings(config: Config) -> StoreSettings:
    storage = config.storage
    head = HeadSettings(
        block_span_ms=storage.block_span_ms,
        series_max=config.limits.head_series,
        late_window_ms=storage.out_of_order_time_window_ms,
    )
    return StoreSettings(
        head=head,
        maintenance=MaintenanceSettings(retention_ms=storage.retention.time_ms),
        commit_interval_seconds=storage.commit_interval_ms / 1000,
    )
