"""A new configuration takes over without a restart, and a wrong one does not."""

from __future__ import annotations

import signal

import pytest
from service_process import running_service, wait_until

JOB = "- {{job_name: {name}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"


def config(port: int, *names: str) -> str:
    jobs = "".join(JOB.format(name=name, port=port) for name in names)
    return f"global: {{scrape_interval: 200ms}}\nscrape_configs:\n{jobs}"


def reload_by_signal(service) -> None:
    reloads = service.log().count("configuration reloaded from")
    service.signal(signal.SIGHUP)
    wait_until(lambda: service.log().count("configuration reloaded from") > reloads)


def reload_by_request(service) -> None:
    assert service.client.request("POST", "/-/reload").status == 200


@pytest.fixture(scope="module")
def reloading(tmp_path_factory, target):
    with running_service(tmp_path_factory.mktemp("service"), config(target.port, "kept", "first")) as service:
        yield service


@pytest.mark.parametrize("reload", [reload_by_signal, reload_by_request])
def test_a_new_target_appears_and_a_removed_one_ends(reloading, target, reload):
    reloading.config_file.write_text(config(target.port, "kept", "first"))
    reload_by_request(reloading)
    wait_until(lambda: reloading.value("count(up)") == 2)

    reloading.config_file.write_text(config(target.port, "kept", "second"))
    reload(reloading)

    wait_until(lambda: reloading.value("up{job='second'}") == 1)
    # A stale marker: without one it would be found for five minutes.
    wait_until(lambda: reloading.value("up{job='first'}") is None and reloading.value("up{job='kept'}") == 1)
    assert set(reloading.targets()) == {"kept", "second"}
    assert reloading.value("min(up{job='kept'})") == 1


def test_a_wrong_file_changes_nothing_and_says_why(reloading, target):
    before = set(reloading.targets())
    reloading.config_file.write_text(config(target.port, "other") + "  scheme: ftp\nextra: 1\n")

    reply = reloading.client.request("POST", "/-/reload")

    assert reply.status == 500
    assert f"{reloading.config_file}:" in reply.body.decode()
    assert reloading.metric("plimsoll_config_last_reload_successful") == 0
    assert set(reloading.targets()) == before

    reloading.config_file.write_text(config(target.port, *sorted(before)))
    reload_by_request(reloading)
    assert reloading.metric("plimsoll_config_last_reload_successful") == 1


def test_a_wrong_file_at_a_signal_is_said_in_the_log(reloading, target):
    good = reloading.config_file.read_text()
    reloading.config_file.write_text("globl: {}\nscrape_configs: 5\n")

    reloading.signal(signal.SIGHUP)

    wait_until(lambda: reloading.metric("plimsoll_config_last_reload_successful") == 0)
    for place in (":1: globl: unknown key", ":2: scrape_configs: "):
        assert f"{reloading.config_file}{place}" in reloading.log()
    assert reloading.value("up{job='kept'}") == 1
    reloading.config_file.write_text(good)
    reload_by_request(reloading)


def test_a_wrong_rule_file_is_refused_as_a_whole(reloading, target):
    good, before = reloading.config_file.read_text(), set(reloading.targets())
    (reloading.config_file.parent / "rules.yml").write_text("groups: [{name: g, rules: [{alert: A, expr: 'up =='}]}]")
    reloading.config_file.write_text(config(target.port, "other") + "rule_files: [rules.yml]\n")

    reply = reloading.client.request("POST", "/-/reload")

    assert (reply.status, b"rules.yml:1: " in reply.body) == (500, True)
    assert set(reloading.targets()) == before
    reloading.config_file.write_text(good)
    reload_by_request(reloading)
