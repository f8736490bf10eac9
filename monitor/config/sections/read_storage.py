"""The section `storage`."""

from __future__ import annotations

from monitor.config.config import DEFAULT_RETENTION_MS, Retention, SeriesRetention, StorageConfig
from monitor.config.sections.unsupported import STORAGE, TSDB, ignore_unsupported
from monitor.config.yaml.yaml_reader import Section
from monitor.errors import Problem

_DEFAULT = StorageConfig()


def read_storage(section: Section) -> StorageConfig:
    """`section` may be empty."""
    ignore_unsupported(section, STORAGE)
    tsdb = section.section_or_empty("tsdb")
    ignore_unsupported(tsdb, TSDB)
    return StorageConfig(
        out_of_order_time_window_ms=_read_window(tsdb),
        retention=_read_retention(tsdb.section_or_empty("retention")),
        series_retention=tuple(_read_series_retention(each) for each in section.sections("retention")),
        commit_interval_ms=section.duration_ms("commit_interval", _DEFAULT.commit_interval_ms, minimum_ms=1),
        block_span_ms=section.duration_ms("block_span", _DEFAULT.block_span_ms, minimum_ms=60_000),
    )


def _read_window(tsdb: Section) -> int | None:
    if not tsdb.has("out_of_order_time_window"):
        return None
    return tsdb.duration_ms("out_of_order_time_window")


def _read_retention(section: Section) -> Retention:
    """Without any limit of its own, upstream keeps 15 days."""
    time_ms = section.duration_ms("time")
    size_bytes = section.size_bytes("size")
    percentage = section.number("percentage", minimum=0.0, maximum=100.0)
    is_unlimited = not (time_ms or size_bytes or percentage)
    return Retention(DEFAULT_RETENTION_MS if is_unlimited else time_ms, size_bytes, percentage)


def _read_series_retention(section: Section) -> SeriesRetention:
    """One entry of our own list `storage.retention`. Whoever uses `match` parses it and complains at its place."""
    section.require("match", "keep")
    place = Problem(section.document.file, section.line_of("match"), section.path_of("match"), "")
    return SeriesRetention(section.text("match"), section.duration_ms("keep"), place)
