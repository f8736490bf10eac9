"""Who is told of alerts: the frozen form of `route` and `receivers`, a part of alertmanager.yml."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.config.scrape_config import HttpClientConfig, Secret


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """One URL that notifications are posted to. `max_alerts` 0 is no limit.

    With a `signing_secret` (`whsec_` and base64, as Standard Webhooks wants it) each request is signed.
    """

    url: Secret
    send_resolved: bool = True
    max_alerts: int = 0
    timeout_ms: int = 10_000
    http: HttpClientConfig = field(default_factory=HttpClientConfig)
    signing_secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """A named group of places to notify. One without any swallows what is routed to it."""

    name: str
    webhook_configs: tuple[WebhookConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Where alerts go: all of them to one receiver."""

    receiver: str


@dataclass(frozen=True, slots=True)
class AlertingConfig:
    """`route` is None if nobody is to be told."""

    route: Route | None = None
    receivers: tuple[Receiver, ...] = ()
