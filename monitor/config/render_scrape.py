"""Jobs and HTTP clients as plain mappings, with the keys of prometheus.yml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from monitor.config.scrape_config import (
    Authorization,
    BasicAuth,
    FileDiscovery,
    HttpClientConfig,
    RelabelAction,
    RelabelRule,
    ScrapeConfig,
    ScrapeLimits,
    Secret,
    StaticGroup,
    TlsConfig,
)
from monitor.config.sizes import format_size
from monitor.model.durations import format_duration

Rendered = dict[str, Any]
_DEFAULT_RULE = RelabelRule(RelabelAction.REPLACE)
_RULE_KEYS = ("source_labels", "separator", "regex", "modulus", "target_label", "replacement")


def compact(mapping: Mapping[str, Any]) -> Rendered:
    """Without what is not set: None, empty texts, empty lists and mappings."""
    return {key: value for key, value in mapping.items() if value not in (None, "", [], {})}


def render_secret(key: str, secret: Secret | None) -> Rendered:
    """The file of a secret, or that there is one."""
    if secret is not None and secret.file:
        return {f"{key}_file": secret.file}
    return {key: str(secret)} if secret is not None and secret.text else {}


def mask_password(url: str) -> str:
    """`url` with its password, if it has one, replaced as Go's URL.Redacted does."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username}:xxxxx@{host}").geturl()


def render_scrape_config(job: ScrapeConfig) -> Rendered:
    return compact(
        {
            "job_name": job.job_name,
            "honor_labels": job.honor_labels,
            "honor_timestamps": job.honor_timestamps,
            "track_timestamps_staleness": job.track_timestamps_staleness,
            "params": {name: list(values) for name, values in job.params.items()},
            "scrape_interval": format_duration(job.scrape_interval_ms),
            "scrape_timeout": format_duration(job.scrape_timeout_ms),
            "scrape_protocols": [protocol.value for protocol in job.scrape_protocols],
            "fallback_scrape_protocol": job.fallback_scrape_protocol and job.fallback_scrape_protocol.value,
            "scrape_native_histograms": job.histograms.native,
            "always_scrape_classic_histograms": job.histograms.always_classic,
            "native_histogram_bucket_limit": job.histograms.bucket_limit or None,
            "native_histogram_min_bucket_factor": job.histograms.min_bucket_factor or None,
            "metrics_path": job.metrics_path,
            "scheme": job.scheme,
            "enable_compression": job.enable_compression,
            "extra_scrape_metrics": job.extra_scrape_metrics,
            **render_scrape_limits(job.limits),
            "keep_dropped_targets": job.keep_dropped_targets or None,
            "metric_name_validation_scheme": job.name_validation.value,
            "metric_name_escaping_scheme": job.name_escaping.value,
            **render_http_client(job.http),
            "relabel_configs": [_render_rule(rule) for rule in job.relabel_configs],
            "metric_relabel_configs": [_render_rule(rule) for rule in job.metric_relabel_configs],
            "vocabulary": list(job.vocabulary.names),
            "static_configs": [_render_group(group) for group in job.static_configs],
            "file_sd_configs": [_render_file_discovery(discovery) for discovery in job.file_sd_configs],
        }
    )


def render_scrape_limits(limits: ScrapeLimits) -> Rendered:
    return compact(
        {
            "body_size_limit": format_size(limits.body_bytes) if limits.body_bytes else None,
            "sample_limit": limits.samples or None,
            "target_limit": limits.targets or None,
            "label_limit": limits.labels or None,
            "label_name_length_limit": limits.label_name_length or None,
            "label_value_length_limit": limits.label_value_length or None,
            "series_limit": limits.series or None,
        }
    )


def render_http_client(http: HttpClientConfig) -> Rendered:
    return compact(
        {
            "basic_auth": http.basic_auth and _render_basic_auth(http.basic_auth),
            "authorization": http.authorization and _render_authorization(http.authorization),
            "tls_config": http.tls and _render_tls(http.tls),
            "follow_redirects": http.follow_redirects,
            "proxy_url": mask_password(http.proxy_url),
            "http_headers": {name: _render_header(values) for name, values in http.http_headers.items()},
        }
    )


def _render_basic_auth(basic_auth: BasicAuth) -> Rendered:
    username = {"username": basic_auth.username, "username_file": basic_auth.username_file}
    return compact({**username, **render_secret("password", basic_auth.password)})


def _render_authorization(authorization: Authorization) -> Rendered:
    return {"type": authorization.type, **render_secret("credentials", authorization.credentials)}


def _render_tls(tls: TlsConfig) -> Rendered:
    return compact(
        {
            "ca": tls.ca,
            "ca_file": tls.ca_file,
            "cert": tls.cert,
            "cert_file": tls.cert_file,
            **render_secret("key", tls.key),
            "server_name": tls.server_name,
            "insecure_skip_verify": tls.insecure_skip_verify,
            "min_version": tls.min_version,
            "max_version": tls.max_version,
        }
    )


def _render_header(values: tuple[Secret, ...]) -> Rendered:
    """Which values were written as `values` and which as `secrets` is not kept: all count as secrets."""
    secrets = [str(value) for value in values if not value.file]
    return compact({"secrets": secrets, "files": [value.file for value in values if value.file]})


def _render_rule(rule: RelabelRule) -> Rendered:
    """What differs from the defaults: several actions refuse keys that they do not read."""
    keys = [key for key in _RULE_KEYS if getattr(rule, key) != getattr(_DEFAULT_RULE, key)]
    rendered = {key: getattr(rule, key) for key in keys}
    if rule.source_labels:
        rendered["source_labels"] = list(rule.source_labels)
    return {**rendered, "action": rule.action.value}


def _render_group(group: StaticGroup) -> Rendered:
    return {"targets": list(group.targets), **compact({"labels": dict(group.labels)})}


def _render_file_discovery(discovery: FileDiscovery) -> Rendered:
    return {"files": list(discovery.files), "refresh_interval": format_duration(discovery.refresh_interval_ms)}
