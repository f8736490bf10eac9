from __future__ import annotations

import stat

import pytest

from alerts.load_rules import check_rule_files
from monitor.config.load import load_config
from monitor.demo.configuration import write_configuration
from monitor.demo.settings import REPLICAS_MAX, Addresses, Places

ADDRESSES = Addresses("127.0.0.1", 9090, 20_000, tuple(range(20_001, 20_001 + REPLICAS_MAX)), 20_100)


@pytest.fixture
def places(tmp_path) -> Places:
    found = Places(tmp_path / 'a directory with "quotes"')
    write_configuration(found, ADDRESSES, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    return found


def test_the_service_takes_the_configuration_without_a_warning(places):
    config = load_config(places.config)

    assert config.warnings == ()
    assert [job.job_name for job in config.scrape_configs] == ["shop", "plimsoll"]


def test_the_rules_are_valid(places):
    found = check_rule_files([str(places.rules)])

    assert (found.problems, found.rules) == ((), 2)


def test_the_policy_really_starts_processes(places):
    (policy,) = load_config(places.config).scaling_policies

    assert (policy.dry_run, policy.min_replicas, policy.max_replicas) == (False, 1, REPLICAS_MAX)
    assert len(policy.actuator.ports) == REPLICAS_MAX


def test_nobody_else_can_read_the_signing_secret(places):
    assert stat.S_IMODE(places.config.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("host", "service"), [("127.0.0.1", "127.0.0.1:9090"), ("0.0.0.0", "127.0.0.1:9090"), ("::", "[::1]:9090")]
)
def test_a_service_that_listens_everywhere_is_reached_on_loopback(host, service):
    assert Addresses(host, 9090, 1, (), 2).service == service
