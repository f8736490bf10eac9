"""`route` and `receivers`, as far as notifications go today."""

from __future__ import annotations

from monitor.config.alerting_config import AlertingConfig, Receiver, Route, WebhookConfig
from monitor.config.sections.read_http import read_http_client, read_signing_secret, read_url
from monitor.config.sections.unsupported import RECEIVER, ROUTE, WEBHOOK, ignore_unsupported
from monitor.config.yaml.yaml_reader import Section
from monitor.config.yaml.yaml_values import shown

WEBHOOK_TIMEOUT_MS = 10_000


def read_alerting(root: Section) -> AlertingConfig:
    """The top-level keys `route` and `receivers`."""
    receivers = tuple(_read_receiver(section) for section in root.sections("receivers"))
    route_section = root.section("route")
    if route_section is None:
        if receivers:
            root.problem("missing, want route.receiver to say which of the receivers is used", "route")
        return AlertingConfig(None, receivers)
    ignore_unsupported(route_section, ROUTE)
    route_section.require("receiver")
    route = Route(route_section.text("receiver"))
    names = [receiver.name for receiver in receivers]
    if route.receiver and route.receiver not in names:
        route_section.problem(f"got {shown(route.receiver)}, want the name of one of the receivers", "receiver")
    for name in sorted({name for name in names if names.count(name) > 1}):
        root.problem(f"got the name {shown(name)} more than once, want a name for each receiver", "receivers")
    return AlertingConfig(route, receivers)


def _read_receiver(section: Section) -> Receiver:
    section.require("name")
    ignore_unsupported(section, RECEIVER)
    webhooks = tuple(_read_webhook(webhook) for webhook in section.sections("webhook_configs"))
    return Receiver(section.text("name"), webhooks)


def _read_webhook(section: Section) -> WebhookConfig:
    ignore_unsupported(section, WEBHOOK)
    return WebhookConfig(
        url=read_url(section),
        send_resolved=section.flag("send_resolved", True),
        max_alerts=section.integer("max_alerts"),
        # Upstream's 0, its default, is "as long as the group interval": here every request has an end.
        timeout_ms=section.duration_ms("timeout") or WEBHOOK_TIMEOUT_MS,
        http=read_http_client(section.section_or_empty("http_config")),
        signing_secret=read_signing_secret(section),
    )
