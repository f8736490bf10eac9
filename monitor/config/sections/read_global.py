"""The section `global`: defaults of all jobs and rule groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from monitor.config.config import GlobalConfig
from monitor.config.scrape_config import (
    HistogramScraping,
    NameEscaping,
    NameValidation,
    ScrapeLimits,
    ScrapeProtocol,
)
from monitor.config.sections.environment import expand_environment
from monitor.config.sections.unsupported import GLOBAL, ignore_unsupported
from monitor.config.settings import Limits
from monitor.config.yaml.yaml_reader import Section
from monitor.config.yaml.yaml_values import join_choices, shown, to_choice
from monitor.model.durations import format_duration
from monitor.model.labels import Labels

EXTRA_SCRAPE_METRICS_FEATURE = "extra-scrape-metrics"
NATIVE_HISTOGRAMS_FEATURE = "native-histograms"
_NAME_VALIDATIONS = {"": NameValidation.UTF8, **{member.value: member for member in NameValidation}}
_DEFAULT = GlobalConfig()


def read_global(
    section: Section, limits: Limits, features: Collection[str], environment: Mapping[str, str]
) -> GlobalConfig:
    """`section` may be empty. `limits` fill in what upstream leaves without a limit."""
    ignore_unsupported(section, GLOBAL)
    interval_ms = section.duration_ms("scrape_interval") or _DEFAULT.scrape_interval_ms
    name_validation = section.choice("metric_name_validation_scheme", _NAME_VALIDATIONS, _DEFAULT.name_validation)
    defaults = ScrapeLimits(body_bytes=limits.scrape_body_bytes, series=limits.target_series)
    return GlobalConfig(
        scrape_interval_ms=interval_ms,
        scrape_timeout_ms=read_timeout_ms(section, interval_ms, _DEFAULT.scrape_timeout_ms),
        evaluation_interval_ms=section.duration_ms("evaluation_interval") or _DEFAULT.evaluation_interval_ms,
        rule_query_offset_ms=section.duration_ms("rule_query_offset"),
        query_log_file=section.file_path("query_log_file"),
        external_labels=_read_external_labels(section, name_validation, environment),
        scrape_protocols=read_scrape_protocols(section),
        histograms=_read_histograms(section, features),
        limits=read_scrape_limits(section, defaults),
        keep_dropped_targets=section.integer("keep_dropped_targets"),
        name_validation=name_validation,
        name_escaping=read_name_escaping(section, default_name_escaping(name_validation)),
        extra_scrape_metrics=section.flag("extra_scrape_metrics", EXTRA_SCRAPE_METRICS_FEATURE in features),
    )


def read_timeout_ms(section: Section, interval_ms: int, default_ms: int) -> int:
    """`scrape_timeout`, which may not be longer than the interval; a default is shortened to it."""
    timeout_ms = section.duration_ms("scrape_timeout")
    if timeout_ms > interval_ms:
        got, wanted = format_duration(timeout_ms), format_duration(interval_ms)
        section.problem(f"got {got}, want at most the scrape interval of {wanted}", "scrape_timeout")
    return timeout_ms or min(default_ms, interval_ms)


def read_scrape_limits(section: Section, defaults: ScrapeLimits) -> ScrapeLimits:
    """The limits of one scrape. 0 takes the default, which may be 0: no limit."""
    return ScrapeLimits(
        body_bytes=section.size_bytes("body_size_limit") or defaults.body_bytes,
        samples=section.integer("sample_limit") or defaults.samples,
        labels=section.integer("label_limit") or defaults.labels,
        label_name_length=section.integer("label_name_length_limit") or defaults.label_name_length,
        label_value_length=section.integer("label_value_length_limit") or defaults.label_value_length,
        targets=section.integer("target_limit") or defaults.targets,
        series=section.integer("series_limit") or defaults.series,
    )


def read_scrape_protocols(section: Section) -> tuple[ScrapeProtocol, ...]:
    """`scrape_protocols`; empty if they are not set."""
    key = "scrape_protocols"
    known = {protocol.value: protocol for protocol in ScrapeProtocol}
    protocols = section.parsed_list(key, to_choice(known))
    if section.has(key) and not section.texts(key):
        section.problem(f"got none, want at least one of {join_choices(list(known))}", key)
    if len(set(protocols)) < len(protocols):
        section.problem(f"got one twice: {', '.join(protocol.value for protocol in protocols)}", key)
    return tuple(protocols)


def _read_histograms(section: Section, features: Collection[str]) -> HistogramScraping:
    return HistogramScraping(
        native=section.flag("scrape_native_histograms", NATIVE_HISTOGRAMS_FEATURE in features),
        always_classic=section.flag("always_scrape_classic_histograms"),
    )


def default_name_escaping(name_validation: NameValidation) -> NameEscaping:
    return NameEscaping.UNDERSCORES if name_validation is NameValidation.LEGACY else NameEscaping.ALLOW_UTF8


def read_name_escaping(section: Section, default: NameEscaping) -> NameEscaping:
    choices = {"": default, **{member.value: member for member in NameEscaping}}
    return section.choice("metric_name_escaping_scheme", choices, default)


def read_name_validation(section: Section, default: NameValidation) -> NameValidation:
    return section.choice("metric_name_validation_scheme", {**_NAME_VALIDATIONS, "": default}, default)


def _read_external_labels(section: Section, name_validation: NameValidation, environment: Mapping[str, str]) -> Labels:
    expanded: dict[str, str] = {}
    for name, text in section.text_mapping("external_labels").items():
        if not name_validation.is_label_name(name):
            section.problem(f"got {shown(name)}, want a label name", "external_labels")
        expanded[name], missing = expand_environment(text, environment)
        for variable in missing:
            section.warning(f"the environment variable {variable} is not set", f"external_labels.{name}")
    return Labels(expanded)
