"""One place that a receiver notifies: what Alertmanager calls an integration."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.config.alerting_config import Receiver, WebhookConfig


@dataclass(frozen=True, slots=True)
class Integration:
    """`key` names it in the outbox: the receiver, the kind and the number, such as `oncall/webhook[0]`."""

    key: str
    receiver: str
    config: WebhookConfig


def integrations_of(receivers: tuple[Receiver, ...]) -> dict[str, tuple[Integration, ...]]:
    """By receiver name."""
    return {
        receiver.name: tuple(
            Integration(f"{receiver.name}/webhook[{index}]", receiver.name, config)
            for index, config in enumerate(receiver.webhook_configs)
        )
        for receiver in receivers
    }


def url_digests(integrations: Mapping[str, tuple[Integration, ...]]) -> dict[str, str]:
    """By integration key, what changes when the URL (or the file that holds it) changes, and does not show it."""
    return {integration.key: url_digest(integration) for members in integrations.values() for integration in members}


def url_digest(integration: Integration) -> str:
    url = integration.config.url
    return hashlib.sha256(f"{url.text}\n{url.file}".encode()).hexdigest()
