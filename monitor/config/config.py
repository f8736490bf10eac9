"""The whole configuration, frozen: a superset of prometheus.yml with defaults filled in.

Times are ms, sizes bytes. File names are absolute or relative to the working directory (those in the file start at its
own directory). Expressions are texts: whoever evaluates them parses them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.config.alerting_config import AlertingConfig
from monitor.config.scaling_config import ScalingPolicy
from monitor.config.scrape_config import (
    HistogramScraping,
    NameEscaping,
    NameValidation,
    ScrapeConfig,
    ScrapeLimits,
    ScrapeProtocol,
    Secret,
)
from monitor.config.settings import Limits
from monitor.errors import Problem
from monitor.model.labels import Labels

DEFAULT_RETENTION_MS = 15 * 86_400_000


@dataclass(frozen=True, slots=True)
class GlobalConfig:
    """Defaults of all jobs and rule groups. A job's ScrapeConfig already has them filled in.

    `scrape_protocols` is empty if it is not set; so is `query_log_file`, and then queries are not logged.
    """

    scrape_interval_ms: int = 60_000
    scrape_timeout_ms: int = 10_000
    evaluation_interval_ms: int = 60_000
    rule_query_offset_ms: int = 0
    query_log_file: str = ""
    external_labels: Labels = Labels()  # noqa: RUF009  (immutable)
    scrape_protocols: tuple[ScrapeProtocol, ...] = ()
    histograms: HistogramScraping = field(default_factory=HistogramScraping)
    limits: ScrapeLimits = field(default_factory=ScrapeLimits)
    keep_dropped_targets: int = 0
    name_validation: NameValidation = NameValidation.UTF8
    name_escaping: NameEscaping = NameEscaping.ALLOW_UTF8
    extra_scrape_metrics: bool = False


@dataclass(frozen=True, slots=True)
class SeriesRetention:
    """Series that the selector `match` finds are kept for `keep_ms`; 0 is for good. `place` is where that is written.

    Of several, the first that finds a series counts.
    """

    match: str
    keep_ms: int
    place: Problem


@dataclass(frozen=True, slots=True)
class Retention:
    """When old blocks are deleted: past any of these. 0 is no such limit; `percentage` is of the disk's size."""

    time_ms: int = DEFAULT_RETENTION_MS
    size_bytes: int = 0
    percentage: float = 0.0


@dataclass(frozen=True, slots=True)
class StorageConfig:
    """`commit_interval_ms` bounds what a crash can lose of scraped samples. `block_span_ms` is what one block covers.

    A pushed sample may be older than its series' last if it is younger than the newest of all samples less
    `out_of_order_time_window_ms`. None, our default, takes any age; Prometheus's is 0.
    """

    out_of_order_time_window_ms: int | None = None
    retention: Retention = field(default_factory=Retention)
    series_retention: tuple[SeriesRetention, ...] = ()
    commit_interval_ms: int = 1_000
    block_span_ms: int = 7_200_000


@dataclass(frozen=True, slots=True)
class Config:
    """`files` are the YAML files that were read, the main one first.

    `rule_files` and `vocabulary_files` are patterns (monitor/config/file_globs.py). `alerts_database` is a database
    URL; None is a SQLite file in the data directory. `warnings` say what the files ask for and is not done.
    """

    global_config: GlobalConfig = field(default_factory=GlobalConfig)
    scrape_configs: tuple[ScrapeConfig, ...] = ()
    rule_files: tuple[str, ...] = ()
    vocabulary_files: tuple[str, ...] = ()
    storage: StorageConfig = field(default_factory=StorageConfig)
    alerting: AlertingConfig = field(default_factory=AlertingConfig)
    scaling_policies: tuple[ScalingPolicy, ...] = ()
    limits: Limits = field(default_factory=Limits)
    alerts_database: Secret | None = None
    files: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
