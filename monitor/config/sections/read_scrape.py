"""`scrape_configs`, with the checks and defaults of upstream's config.ScrapeConfig."""

from __future__ import annotations

import re

from monitor.config.config import GlobalConfig
from monitor.config.scrape_config import (
    DEFAULT_SCRAPE_PROTOCOLS,
    PROTOBUF_FIRST_SCRAPE_PROTOCOLS,
    FileDiscovery,
    HistogramScraping,
    NameEscaping,
    NameValidation,
    ScrapeConfig,
    ScrapeProtocol,
    StaticGroup,
)
from monitor.config.sections.read_global import (
    default_name_escaping,
    read_name_escaping,
    read_name_validation,
    read_scrape_limits,
    read_scrape_protocols,
    read_timeout_ms,
)
from monitor.config.sections.read_http import read_http_client
from monitor.config.sections.read_relabel import read_relabel_rules
from monitor.config.sections.read_vocabulary import VocabularyShelf
from monitor.config.sections.unsupported import SCRAPE, ignore_unsupported
from monitor.config.yaml.yaml_reader import Section
from monitor.config.yaml.yaml_values import shown, to_choice
from monitor.model.labels import Labels

# As upstream's patFileSDName: one `*` at most, and only in the last part of the name.
_FILE_SD_NAME = re.compile(r"[^*]*(?:\*[^/]*)?\.(?:json|yml|yaml|JSON|YML|YAML)", re.DOTALL)
_SCHEMES = {"http": "http", "https": "https"}


def read_scrape_config(section: Section, global_config: GlobalConfig, shelf: VocabularyShelf) -> ScrapeConfig:
    """One job, with what it does not set taken from `global_config`, and its vocabularies from `shelf`."""
    section.require("job_name")
    ignore_unsupported(section, SCRAPE)
    interval_ms = section.duration_ms("scrape_interval") or global_config.scrape_interval_ms
    histograms = _read_histograms(section, global_config.histograms)
    usual_protocols = PROTOBUF_FIRST_SCRAPE_PROTOCOLS if histograms.native else DEFAULT_SCRAPE_PROTOCOLS
    protocols = read_scrape_protocols(section) or global_config.scrape_protocols or usual_protocols
    name_validation = read_name_validation(section, global_config.name_validation)
    relabel_configs = read_relabel_rules(section, "relabel_configs", name_validation)
    return ScrapeConfig(
        job_name=section.text("job_name"),
        scrape_interval_ms=interval_ms,
        scrape_timeout_ms=read_timeout_ms(section, interval_ms, global_config.scrape_timeout_ms),
        metrics_path=section.text("metrics_path", "/metrics"),
        scheme=section.choice("scheme", _SCHEMES, "http"),
        params=section.text_lists("params"),
        honor_labels=section.flag("honor_labels"),
        honor_timestamps=section.flag("honor_timestamps", True),
        track_timestamps_staleness=section.flag("track_timestamps_staleness"),
        enable_compression=section.flag("enable_compression", True),
        extra_scrape_metrics=section.flag("extra_scrape_metrics", global_config.extra_scrape_metrics),
        scrape_protocols=protocols,
        fallback_scrape_protocol=_read_fallback_protocol(section),
        histograms=histograms,
        http=read_http_client(section),
        limits=read_scrape_limits(section, global_config.limits),
        static_configs=_read_static_groups(section, may_be_url=bool(relabel_configs)),
        file_sd_configs=tuple(_read_file_discovery(discovery) for discovery in section.sections("file_sd_configs")),
        relabel_configs=relabel_configs,
        metric_relabel_configs=read_relabel_rules(section, "metric_relabel_configs", name_validation),
        keep_dropped_targets=section.integer("keep_dropped_targets") or global_config.keep_dropped_targets,
        name_validation=name_validation,
        name_escaping=_read_job_name_escaping(section, name_validation, global_config),
        vocabulary=shelf.choose(section),
    )


def read_target_group(section: Section, origin: str) -> StaticGroup:
    """`targets` and `labels`, as they stand in a job and in files of file_sd."""
    labels = section.text_mapping("labels")
    for name in labels:
        if not name:
            section.problem("got an empty name, want a label name", "labels")
    return StaticGroup(section.texts("targets"), Labels(labels), origin)


def _read_static_groups(section: Section, may_be_url: bool) -> tuple[StaticGroup, ...]:
    groups = []
    for index, group_section in enumerate(section.sections("static_configs")):
        group = read_target_group(group_section, str(index))
        groups.append(group)
        if not may_be_url:
            _check_hosts(group_section, group)
    return tuple(groups)


def _check_hosts(section: Section, group: StaticGroup) -> None:
    """Without relabelling, a target is an address as it stands."""
    for index, target in enumerate(group.targets):
        if "/" in target:
            section.problem(f"got {shown(target)}, want host:port without a scheme or path", f"targets[{index}]")


def _read_file_discovery(section: Section) -> FileDiscovery:
    section.require("files")
    if section.has("files") and not section.texts("files"):
        section.problem("got no file name, want at least one", "files")
    return FileDiscovery(
        files=section.parsed_list("files", lambda name: section.join_directory(_to_file_sd_name(name))),
        refresh_interval_ms=section.duration_ms("refresh_interval", 300_000, minimum_ms=1),
    )


def _to_file_sd_name(name: str) -> str:
    if not _FILE_SD_NAME.fullmatch(name):
        raise ValueError(
            f"got {shown(name)}, want a name that ends in .json, .yml or .yaml, with * in its last part only"
        )
    return name


def _read_fallback_protocol(section: Section) -> ScrapeProtocol | None:
    known: dict[str, ScrapeProtocol | None] = {protocol.value: protocol for protocol in ScrapeProtocol}
    return section.parsed("fallback_scrape_protocol", to_choice({**known, "": None}), None)


def _read_histograms(section: Section, inherited: HistogramScraping) -> HistogramScraping:
    # What Prometheus called it before 3.0.
    always_classic = section.flag("scrape_classic_histograms", inherited.always_classic)
    return HistogramScraping(
        native=section.flag("scrape_native_histograms", inherited.native),
        always_classic=section.flag("always_scrape_classic_histograms", always_classic),
        bucket_limit=section.integer("native_histogram_bucket_limit"),
        min_bucket_factor=section.number("native_histogram_min_bucket_factor"),
    )


def _read_job_name_escaping(
    section: Section, name_validation: NameValidation, global_config: GlobalConfig
) -> NameEscaping:
    """A job that sets only the validation does not inherit an escaping that contradicts it."""
    is_inherited = not section.text("metric_name_validation_scheme")
    default = global_config.name_escaping if is_inherited else default_name_escaping(name_validation)
    escaping = read_name_escaping(section, default)
    if escaping is NameEscaping.ALLOW_UTF8 and name_validation is NameValidation.LEGACY:
        section.problem(
            "got allow-utf-8, want another scheme where metric_name_validation_scheme is legacy",
            "metric_name_escaping_scheme",
        )
    return escaping
