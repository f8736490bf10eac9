"""How targets are found, fetched and relabelled: the frozen form of `scrape_configs`."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.config.anchored_pattern import AnchoredPattern
from monitor.config.vocabulary_config import JobVocabulary
from monitor.model.labels import Labels, is_legacy_label_name


class NameValidation(enum.Enum):
    """Which metric and label names are valid: any text, or only those that need no quotes."""

    UTF8 = "utf8"
    LEGACY = "legacy"

    def is_label_name(self, name: str) -> bool:
        return bool(name) and (self is NameValidation.UTF8 or is_legacy_label_name(name))


class NameEscaping(enum.Enum):
    """How a target is asked to write names that are not legacy names."""

    ALLOW_UTF8 = "allow-utf-8"
    UNDERSCORES = "underscores"
    DOTS = "dots"
    VALUES = "values"


class RelabelAction(enum.Enum):
    REPLACE = "replace"
    KEEP = "keep"
    DROP = "drop"
    KEEPEQUAL = "keepequal"
    DROPEQUAL = "dropequal"
    HASHMOD = "hashmod"
    LABELMAP = "labelmap"
    LABELDROP = "labeldrop"
    LABELKEEP = "labelkeep"
    LOWERCASE = "lowercase"
    UPPERCASE = "uppercase"


@dataclass(frozen=True, slots=True)
class RelabelRule:
    """One step of relabelling; `pattern` is the compiled `regex`. Raises ValueError if it does not compile."""

    action: RelabelAction
    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    regex: str = "(.*)"
    modulus: int = 0
    target_label: str = ""
    replacement: str = "$1"
    name_validation: NameValidation = NameValidation.UTF8
    pattern: AnchoredPattern = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", AnchoredPattern(self.regex))


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is never printed. Either the text itself or a file that is read at each use."""

    text: str = field(default="", repr=False)
    file: str = ""

    def __str__(self) -> str:
        return "<secret>"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class BasicAuth:
    username: str
    password: Secret
    username_file: str = ""


@dataclass(frozen=True, slots=True)
class Authorization:
    type: str
    credentials: Secret


@dataclass(frozen=True, slots=True)
class TlsConfig:
    ca: str = ""
    ca_file: str = ""
    cert: str = ""
    cert_file: str = ""
    key: Secret | None = None
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: str = ""
    max_version: str = ""


@dataclass(frozen=True, slots=True)
class HttpClientConfig:
    """How an HTTP server of others is called."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    tls: TlsConfig | None = None
    follow_redirects: bool = True
    proxy_url: str = ""
    http_headers: Mapping[str, tuple[Secret, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StaticGroup:
    """Targets as host:port, and the labels that all of them get."""

    targets: tuple[str, ...]
    labels: Labels = Labels()  # noqa: RUF009  (immutable)
    origin: str = ""
    """Where the group comes from, such as a file's path: for messages."""


@dataclass(frozen=True, slots=True)
class FileDiscovery:
    """Files of target groups, as globs; read again when they change and every `refresh_interval_ms`."""

    files: tuple[str, ...]
    refresh_interval_ms: int = 300_000


class ScrapeProtocol(enum.Enum):
    """An exposition format that can be asked for; the order in a config is the order of preference."""

    PROTOBUF = "PrometheusProto"
    OPENMETRICS_1_0_0 = "OpenMetricsText1.0.0"
    OPENMETRICS_0_0_1 = "OpenMetricsText0.0.1"
    PROMETHEUS_TEXT_1_0_0 = "PrometheusText1.0.0"
    PROMETHEUS_TEXT_0_0_4 = "PrometheusText0.0.4"


DEFAULT_SCRAPE_PROTOCOLS = (
    ScrapeProtocol.OPENMETRICS_1_0_0,
    ScrapeProtocol.OPENMETRICS_0_0_1,
    ScrapeProtocol.PROMETHEUS_TEXT_1_0_0,
    ScrapeProtocol.PROMETHEUS_TEXT_0_0_4,
)
PROTOBUF_FIRST_SCRAPE_PROTOCOLS = (ScrapeProtocol.PROTOBUF, *DEFAULT_SCRAPE_PROTOCOLS)


@dataclass(frozen=True, slots=True)
class HistogramScraping:
    """What is taken of a target's histograms. A classic histogram that is a native one too is taken as classic only if
    `native` is not wanted, and as both if `always_classic`.

    A native histogram with more than `bucket_limit` buckets (0: any number), or whose buckets grow by less than
    `min_bucket_factor` (0: anything), is made coarser.
    """

    native: bool = False
    always_classic: bool = False
    bucket_limit: int = 0
    min_bucket_factor: float = 0.0


@dataclass(frozen=True, slots=True)
class ScrapeLimits:
    """0 is no limit. Over `series`, new series are dropped and counted and known ones keep flowing;
    over the others the scrape fails, as in Prometheus."""

    body_bytes: int = 0
    samples: int = 0
    labels: int = 0
    label_name_length: int = 0
    label_value_length: int = 0
    targets: int = 0
    series: int = 0


@dataclass(frozen=True, slots=True)
class ScrapeConfig:
    """One job."""

    job_name: str
    scrape_interval_ms: int
    scrape_timeout_ms: int
    metrics_path: str = "/metrics"
    scheme: str = "http"
    params: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    enable_compression: bool = True
    extra_scrape_metrics: bool = False
    scrape_protocols: tuple[ScrapeProtocol, ...] = DEFAULT_SCRAPE_PROTOCOLS
    fallback_scrape_protocol: ScrapeProtocol | None = None
    histograms: HistogramScraping = field(default_factory=HistogramScraping)
    http: HttpClientConfig = field(default_factory=HttpClientConfig)
    limits: ScrapeLimits = field(default_factory=ScrapeLimits)
    static_configs: tuple[StaticGroup, ...] = ()
    file_sd_configs: tuple[FileDiscovery, ...] = ()
    relabel_configs: tuple[RelabelRule, ...] = ()
    metric_relabel_configs: tuple[RelabelRule, ...] = ()
    keep_dropped_targets: int = 0
    """How many dropped targets are kept to be shown; 0 is all of them."""
    name_validation: NameValidation = NameValidation.UTF8
    name_escaping: NameEscaping = NameEscaping.ALLOW_UTF8
    vocabulary: JobVocabulary = field(default_factory=JobVocabulary)
    """How the series of libraries are named once more, by the names that the shipped rules use."""
