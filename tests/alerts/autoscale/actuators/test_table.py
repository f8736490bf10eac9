"""From the configuration of an actuator to the actuator."""

from __future__ import annotations

import asyncio
import typing

import aiohttp
import pytest
from scaling_fakes import FakeActuator

from alerts.autoscale.actuators.actuator import ReplicaCount
from alerts.autoscale.actuators.process import ProcessFleet
from alerts.autoscale.actuators.table import BUILDERS, Parts, build_actuator
from alerts.autoscale.actuators.webhook import Webhook
from monitor.clock import SystemClock
from monitor.config import scaling_config
from monitor.config.scaling_config import ScalingPolicy
from monitor.config.scrape_config import Secret

WEBHOOK = scaling_config.WebhookActuator(Secret("http://scaler"), Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
PROCESS = scaling_config.ProcessActuator(("serve", "{port}"), "", 8080, (9001, 9002))


def built(config, tmp_path, **changes):
    async def build():
        async with aiohttp.ClientSession() as session:
            parts = Parts(session, SystemClock(), tmp_path, lambda policy, seq: "", lambda http: {})
            policy = ScalingPolicy("../web", "load", 1, 1, 2, config, **changes)
            actuator = build_actuator(policy, parts)
            return actuator, await actuator.observe()

    return asyncio.run(build())


def test_a_webhook_is_built_and_cannot_see_replicas(tmp_path):
    actuator, observed = built(WEBHOOK, tmp_path, dry_run=False)
    assert isinstance(actuator, Webhook)
    assert observed is None


def test_a_fleet_is_built_and_nothing_runs_yet(tmp_path):
    actuator, observed = built(PROCESS, tmp_path, dry_run=False)
    assert isinstance(actuator, ProcessFleet)
    assert observed == ReplicaCount(0, 0)


def test_a_fleet_in_a_dry_run_does_not_know_what_would_run(tmp_path):
    assert built(PROCESS, tmp_path, dry_run=True)[1] is None


def test_every_kind_in_the_configuration_is_in_the_table():
    kinds = typing.get_args(typing.get_type_hints(ScalingPolicy)["actuator"])
    assert set(BUILDERS) == set(kinds)


def test_a_kind_that_is_not_in_the_table_is_refused(tmp_path):
    with pytest.raises(KeyError):
        built(FakeActuator(), tmp_path)
