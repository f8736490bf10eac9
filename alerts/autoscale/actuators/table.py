"""Which actuator carries out which kind of configuration: the one place to register a new kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from alerts.autoscale.actuators.actuator import Actuator
from alerts.autoscale.actuators.process import ProcessFleet
from alerts.autoscale.actuators.webhook import Endpoint, Webhook, WebhookSettings
from alerts.autoscale.processes.settings import FleetSettings
from alerts.autoscale.processes.state_file import StateDirectory
from alerts.http_options import read_secret
from monitor.clock import Clock
from monitor.config.scaling_config import ProcessActuator, ScalingPolicy, WebhookActuator
from monitor.config.scrape_config import HttpClientConfig


@dataclass(frozen=True, slots=True)
class Parts:
    """What actuators are made with.

    `explain_url` gives the address of a decision's reasons for a policy and a decision_seq. `request_options` gives
    aiohttp's keyword arguments for an HTTP client configuration (alerts/http_options.py). Fleets keep their files below
    `state_directory`.
    """

    session: aiohttp.ClientSession
    clock: Clock
    state_directory: Path
    explain_url: Callable[[str, int], str]
    request_options: Callable[[HttpClientConfig], Mapping[str, Any]]


def build_actuator(policy: ScalingPolicy, parts: Parts) -> Actuator:
    """The actuator that the policy's configuration describes. Raises KeyError for a kind that is not in the table."""
    return BUILDERS[type(policy.actuator)](policy, parts)


def _webhook(policy: ScalingPolicy, parts: Parts) -> Actuator:
    config = policy.actuator
    assert isinstance(config, WebhookActuator), f"BUG: got {type(config).__name__}, want WebhookActuator"
    secret = config.signing_secret
    endpoint = Endpoint(
        url=lambda: read_secret(config.url),
        signing_secret=None if secret is None else lambda: read_secret(secret),
        request_options=lambda: parts.request_options(config.http),
    )
    settings = WebhookSettings(timeout_seconds=config.timeout_ms / 1000)
    return Webhook(endpoint, parts.session, parts.clock, settings, parts.explain_url)


def _process(policy: ScalingPolicy, parts: Parts) -> Actuator:
    config = policy.actuator
    assert isinstance(config, ProcessActuator), f"BUG: got {type(config).__name__}, want ProcessActuator"
    directory = StateDirectory(parts.state_directory / f"fleet-{quote(policy.name, safe='')}")
    settings = FleetSettings(
        policy=policy.name,
        command=config.command,
        listen_host=config.listen_host,
        listen_port=config.listen_port,
        ports=config.ports,
        graceful_stop_ms=config.graceful_stop_ms,
        file_sd=directory.path / "targets.json",
    )
    return ProcessFleet(settings, directory, parts.clock, may_start=not policy.dry_run)


BUILDERS: Mapping[type, Callable[[ScalingPolicy, Parts], Actuator]] = {
    WebhookActuator: _webhook,
    ProcessActuator: _process,
}
