from __future__ import annotations

import pytest
from config_problems import load_text, problems_of, warnings_of

from monitor.config.scaling_config import ProcessActuator, ScaleDirection, ScalingPolicy, WebhookActuator
from monitor.config.scrape_config import Secret

WEBHOOK = "actuator: {webhook: {url: http://a/b}}"
PROCESS = "command: [serve, '--port={port}'], listen: ':80', port_range: 9001-9003"


def policy_of(text: str) -> ScalingPolicy:
    head = "name: web, expr: sum(x), target_value: 10, max_replicas: 3"
    return load_text(f"scaling_policies: [{{{head}, {text}}}]").scaling_policies[0]


def policy_problems(text: str) -> list[str]:
    found = problems_of(f"scaling_policies:\n- name: web\n  expr: sum(x)\n  {text}")
    return [line.replace("scaling_policies[0].", "") for line in found]


def process_problems(text: str) -> list[str]:
    found = policy_problems(f"target_value: 1\n  max_replicas: 3\n  actuator: {{process: {{{text}}}}}")
    return [line.removeprefix("6 actuator.process.") for line in found]


def test_a_policy_has_careful_defaults():
    assert policy_of(WEBHOOK) == ScalingPolicy(
        name="web",
        expr="sum(x)",
        target_value=10.0,
        min_replicas=1,
        max_replicas=3,
        actuator=WebhookActuator(Secret("http://a/b")),
        tolerance=0.1,
        interval_ms=15_000,
        scale_up=ScaleDirection(0),
        scale_down=ScaleDirection(300_000),
        dry_run=True,
        metric_max_age_ms=60_000,
    )


def test_every_key_of_a_policy_is_read():
    policy = policy_of(
        f"{WEBHOOK}, min_replicas: 0, tolerance: 0.2, interval: 5s, dry_run: false, metric_max_age: 30s, "
        "scale_up: {stabilization_window: 10s}, scale_down: {stabilization_window: 1h}"
    )

    assert (policy.min_replicas, policy.tolerance, policy.interval_ms, policy.dry_run) == (0, 0.2, 5_000, False)
    assert (policy.scale_up, policy.scale_down) == (ScaleDirection(10_000), ScaleDirection(3_600_000))
    assert policy.metric_max_age_ms == 30_000


def hold_warnings(expression: str, more: str = "", interval: str = "2m") -> list[str]:
    return warnings_of(f"""
global: {{evaluation_interval: 30s}}
scrape_configs: [{{job_name: slow, scrape_interval: {interval}}}, {{job_name: fast, scrape_interval: 90s}}]
scaling_policies:
- {{name: web, expr: '{expression}', target_value: 10, max_replicas: 3, {WEBHOOK}, metric_max_age: 1m}}
{more}""")


def test_a_policy_whose_samples_are_always_too_old_gives_a_warning():
    message = "5 scaling_policies[0].metric_max_age: got 1m, want more than the scrape interval of"

    assert hold_warnings("sum(x)") == [f"{message} 1m30s: the policy holds between scrapes"]
    assert hold_warnings('sum(x{job="slow"})') == [f"{message} 2m: the policy holds between scrapes"]


def test_a_policy_that_may_read_something_younger_gives_none():
    assert hold_warnings('sum(x{job="slow"})', interval="1m") == []
    assert hold_warnings("sum(x)", interval="1m") == []
    assert hold_warnings("sum(x)", "rule_files: ['*.yml']") == []


@pytest.mark.parametrize(
    ("listen", "host", "port"), [("':80'", "", 80), ("127.0.0.1:80", "127.0.0.1", 80), ("'[::1]:80'", "::1", 80)]
)
def test_copies_of_a_program_listen_behind_a_public_address(listen, host, port):
    policy = policy_of(
        f"actuator: {{process: {{command: [a, '{{port}}'], listen: {listen}, ports: [1, 2, 3], graceful_stop: 5s}}}}"
    )

    assert policy.actuator == ProcessActuator(("a", "{port}"), host, port, (1, 2, 3), 5_000)


def test_a_port_range_has_both_ends():
    actuator = policy_of(f"actuator: {{process: {{{PROCESS}}}}}").actuator

    assert isinstance(actuator, ProcessActuator)
    assert (actuator.ports, actuator.graceful_stop_ms) == ((9001, 9002, 9003), 30_000)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "tolerance: 0.5",
            [
                "2 target_value: missing, want it to be set",
                "2 max_replicas: missing, want it to be set",
                "2 actuator: missing, want it to be set",
            ],
        ),
        (f"target_value: 0\n  max_replicas: 1\n  {WEBHOOK}", ["4 target_value: got 0.0, want a number above 0"]),
        (
            f"target_value: 1\n  max_replicas: 1\n  min_replicas: 2\n  {WEBHOOK}",
            ["5 max_replicas: got 1, want at least min_replicas, which is 2"],
        ),
        (f"target_value: 1\n  max_replicas: 0\n  {WEBHOOK}", ["5 max_replicas: got 0, want at least 1"]),
        (
            f"target_value: 1\n  max_replicas: 1\n  tolerance: 2\n  {WEBHOOK}",
            ["6 tolerance: got 2.0, want at most 1.0"],
        ),
        (
            f"target_value: 1\n  max_replicas: 1\n  scale_down: {{stabilization_window: 2h}}\n  {WEBHOOK}",
            ["6 scale_down.stabilization_window: got 2h, want at most 1h"],
        ),
        (
            "target_value: 1\n  max_replicas: 1\n  actuator: {}",
            ["6 actuator: got none of webhook or process, want exactly one of them"],
        ),
        (
            f"target_value: 1\n  max_replicas: 1\n  actuator: {{webhook: {{url: http://a}}, process: {{{PROCESS}}}}}",
            ["6 actuator.process: got webhook and process, want at most one of webhook or process"],
        ),
    ],
)
def test_a_mistake_in_a_policy_is_named(text, problems):
    assert policy_problems(text) == problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("listen: ':80', port_range: 1-3", "command: missing, want it to be set"),
        ("command: [a], listen: ':80', port_range: 1-3",
         "command: got no {port}, want it in the command: each copy listens on its own port"),
        ("command: ['{port}'], listen: 80, port_range: 1-3",
         "listen: got '80', want host:port such as 127.0.0.1:8080 or :8080"),
        ("command: ['{port}'], listen: ':99999', port_range: 1-3", "listen: got '99999', want a port from 1 to 65535"),
        ("command: ['{port}'], listen: ':80', port_range: 3-1", "port_range: got '3-1', want the lower port first"),
        ("command: ['{port}'], listen: ':80', port_range: 1..3",
         "port_range: got '1..3', want two ports such as 9001-9016"),
        ("command: ['{port}'], listen: ':80', port_range: 1-2",
         "port_range: got 2 ports, want at least max_replicas, which is 3"),
        ("command: ['{port}'], listen: ':2', port_range: 1-3",
         "port_range: got 2 among them, want ports other than that of listen"),
        ("command: ['{port}'], listen: ':80', ports: [1, 1, 2]", "ports: got a port twice"),
        ("command: ['{port}'], listen: ':80', ports: [1, 2, 3], port_range: 1-3",
         "port_range: got ports and port_range, want at most one of ports or port_range"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_process_actuator_is_named(text, problem):
    assert process_problems(text) == [problem]


def test_policies_have_different_names():
    policy = f"{{name: web, expr: x, target_value: 1, max_replicas: 1, {WEBHOOK}}}"

    assert problems_of(f"scaling_policies:\n- {policy}\n- {policy}") == [
        "3 scaling_policies[1].name: got 'web' again, want a name for each policy"
    ]
