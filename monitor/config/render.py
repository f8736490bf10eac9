"""The effective configuration as YAML, defaults filled in and secrets masked: what `/api/v1/status/config` shows.

Loading what is rendered gives the same configuration, except for the masked secrets.
"""

from __future__ import annotations

from typing import Any

import yaml

from monitor.config.alerting_config import AlertingConfig, Receiver, WebhookConfig
from monitor.config.config import Config, GlobalConfig, StorageConfig
from monitor.config.render_scrape import (
    Rendered,
    compact,
    render_http_client,
    render_scrape_config,
    render_scrape_limits,
    render_secret,
)
from monitor.config.scaling_config import ProcessActuator, ScalingPolicy, WebhookActuator
from monitor.config.settings import SETTINGS, Limits, Setting, Unit
from monitor.config.sizes import format_size
from monitor.model.durations import format_duration

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def render_yaml(config: Config) -> str:
    """All that is in effect, jobs of scrape config files included. Secrets are shown as `<secret>`."""
    rendered = compact(
        {
            "global": _render_global(config.global_config),
            "rule_files": list(config.rule_files),
            "vocabulary_files": list(config.vocabulary_files),
            "scrape_configs": [render_scrape_config(job) for job in config.scrape_configs],
            "storage": _render_storage(config.storage),
            **_render_alerting(config.alerting),
            "scaling_policies": [_render_policy(policy) for policy in config.scaling_policies],
            "limits": _render_limits(config.limits),
            **render_secret("alerts_database", config.alerts_database),
        }
    )
    text: str = yaml.dump(rendered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return text


def _render_global(config: GlobalConfig) -> Rendered:
    return compact(
        {
            "scrape_interval": format_duration(config.scrape_interval_ms),
            "scrape_timeout": format_duration(config.scrape_timeout_ms),
            "scrape_protocols": [protocol.value for protocol in config.scrape_protocols],
            "scrape_native_histograms": config.histograms.native,
            "always_scrape_classic_histograms": config.histograms.always_classic,
            "evaluation_interval": format_duration(config.evaluation_interval_ms),
            "rule_query_offset": format_duration(config.rule_query_offset_ms),
            "query_log_file": config.query_log_file or None,
            # A dollar sign left after loading is one that must not be read as a variable.
            "external_labels": {name: value.replace("$", "$$") for name, value in config.external_labels.items()},
            **render_scrape_limits(config.limits),
            "keep_dropped_targets": config.keep_dropped_targets or None,
            "metric_name_validation_scheme": config.name_validation.value,
            "metric_name_escaping_scheme": config.name_escaping.value,
            "extra_scrape_metrics": config.extra_scrape_metrics,
        }
    )


def _render_storage(storage: StorageConfig) -> Rendered:
    retention = storage.retention
    window_ms = storage.out_of_order_time_window_ms
    return {
        "tsdb": {
            **({} if window_ms is None else {"out_of_order_time_window": format_duration(window_ms)}),
            "retention": compact(
                {
                    "time": format_duration(retention.time_ms),
                    "size": format_size(retention.size_bytes) if retention.size_bytes else None,
                    "percentage": retention.percentage or None,
                }
            ),
        },
        **(
            {"retention": [{"match": each.match, "keep": format_duration(each.keep_ms)} for each in series_retention]}
            if (series_retention := storage.series_retention)
            else {}
        ),
        "commit_interval": format_duration(storage.commit_interval_ms),
        "block_span": format_duration(storage.block_span_ms),
    }


def _render_alerting(alerting: AlertingConfig) -> Rendered:
    return {
        "route": alerting.route and {"receiver": alerting.route.receiver},
        "receivers": [_render_receiver(receiver) for receiver in alerting.receivers],
    }


def _render_receiver(receiver: Receiver) -> Rendered:
    webhooks = [_render_webhook(webhook) for webhook in receiver.webhook_configs]
    return {"name": receiver.name, **compact({"webhook_configs": webhooks})}


def _render_webhook(webhook: WebhookConfig) -> Rendered:
    return {
        **render_secret("url", webhook.url),
        "send_resolved": webhook.send_resolved,
        "max_alerts": webhook.max_alerts,
        "timeout": format_duration(webhook.timeout_ms),
        "http_config": render_http_client(webhook.http),
        **render_secret("signing_secret", webhook.signing_secret),
    }


def _render_policy(policy: ScalingPolicy) -> Rendered:
    return {
        "name": policy.name,
        "expr": policy.expr,
        "target_value": policy.target_value,
        "min_replicas": policy.min_replicas,
        "max_replicas": policy.max_replicas,
        "tolerance": policy.tolerance,
        "interval": format_duration(policy.interval_ms),
        "scale_up": {"stabilization_window": format_duration(policy.scale_up.stabilization_window_ms)},
        "scale_down": {"stabilization_window": format_duration(policy.scale_down.stabilization_window_ms)},
        "dry_run": policy.dry_run,
        "metric_max_age": format_duration(policy.metric_max_age_ms),
        "actuator": _render_actuator(policy.actuator),
    }


def _render_actuator(actuator: WebhookActuator | ProcessActuator) -> Rendered:
    if isinstance(actuator, WebhookActuator):
        webhook = {
            **render_secret("url", actuator.url),
            **render_secret("signing_secret", actuator.signing_secret),
            "timeout": format_duration(actuator.timeout_ms),
            "http_config": render_http_client(actuator.http),
        }
        return {"webhook": webhook}
    host = f"[{actuator.listen_host}]" if ":" in actuator.listen_host else actuator.listen_host
    process = {
        "command": list(actuator.command),
        "listen": f"{host}:{actuator.listen_port}",
        "ports": list(actuator.ports),
        "graceful_stop": format_duration(actuator.graceful_stop_ms),
    }
    return {"process": process}


def _render_limits(limits: Limits) -> Rendered:
    return {setting.key: render_setting(setting, getattr(limits, setting.field)) for setting in SETTINGS}


def render_setting(setting: Setting, value: int | str) -> str | int:
    """As it is written in YAML."""
    if isinstance(value, str) or setting.unit is Unit.COUNT:
        return value
    return format_duration(value) if setting.unit is Unit.DURATION else format_size(value)
