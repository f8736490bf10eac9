"""`scaling_policies`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor.config.scaling_config import ProcessActuator, ScaleDirection, ScalingPolicy, WebhookActuator
from monitor.config.scrape_config import ScrapeConfig
from monitor.config.sections.read_http import read_http_client, read_signing_secret, read_url
from monitor.config.yaml.yaml_reader import Section
from monitor.config.yaml.yaml_values import shown
from monitor.model.durations import format_duration

# The longest stabilization window that Kubernetes' HPA takes.
STABILIZATION_WINDOW_MAX_MS = 3_600_000
REPLICAS_MAX = 100_000
PORT_MAX = 65_535
_PORT_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")
_JOB_MATCHER = re.compile(r"""\bjob\s*=\s*["']([^"']*)["']""")
_LISTEN = re.compile(r"(?P<host>[^:\[\]/ ]*|\[[0-9a-fA-F:.]+\]):(?P<port>[0-9]{1,5})")
_NO_ADDRESS = ("", 0)


def read_scaling_policies(
    root: Section, jobs: Sequence[ScrapeConfig], rule_interval_ms: int
) -> tuple[ScalingPolicy, ...]:
    """The top-level key `scaling_policies`; one without an actuator is left out, with a Problem.

    A policy that can read nothing as young as it wants, of `jobs` or of rules evaluated every `rule_interval_ms` (0:
    there are none), gives a warning.
    """
    sections = root.sections("scaling_policies")
    names = [section.text("name") for section in sections]
    for section, name in zip(sections, names, strict=True):
        if name and name in names[: sections.index(section)]:
            section.problem(f"got {shown(name)} again, want a name for each policy", "name")
    policies = []
    for section in sections:
        policy = _read_policy(section)
        if policy is not None:
            _warn_of_holds(section, policy, jobs, rule_interval_ms)
            policies.append(policy)
    return tuple(policies)


def _warn_of_holds(
    section: Section, policy: ScalingPolicy, jobs: Sequence[ScrapeConfig], rule_interval_ms: int
) -> None:
    """Of an expression that names jobs only those count."""
    interval_by_job = {job.job_name: job.scrape_interval_ms for job in jobs}
    named = [interval_by_job[name] for name in _JOB_MATCHER.findall(policy.expr) if name in interval_by_job]
    intervals = named or [*interval_by_job.values(), *([rule_interval_ms] if rule_interval_ms else [])]
    if intervals and min(intervals) > policy.metric_max_age_ms:
        got, interval = format_duration(policy.metric_max_age_ms), format_duration(min(intervals))
        message = f"got {got}, want more than the scrape interval of {interval}: the policy holds between scrapes"
        section.warning(message, "metric_max_age")


def _read_policy(section: Section) -> ScalingPolicy | None:
    section.require("name", "expr", "target_value", "max_replicas", "actuator")
    minimum = section.integer("min_replicas", 1, minimum=0, maximum=REPLICAS_MAX)
    maximum = section.integer("max_replicas", REPLICAS_MAX, minimum=1, maximum=REPLICAS_MAX)
    if maximum < minimum:
        section.problem(f"got {maximum}, want at least min_replicas, which is {minimum}", "max_replicas")
    target_value = section.number("target_value", 1.0)
    if target_value <= 0:
        section.problem(f"got {target_value}, want a number above 0", "target_value")
    actuator = _read_actuator(section, maximum if section.has("max_replicas") else 0)
    scale_up = _read_direction(section, "scale_up", 0)
    scale_down = _read_direction(section, "scale_down", 300_000)
    tolerance = section.number("tolerance", 0.1, minimum=0.0, maximum=1.0)
    interval_ms = section.duration_ms("interval", 15_000, minimum_ms=1_000)
    dry_run = section.flag("dry_run", True)
    metric_max_age_ms = section.duration_ms("metric_max_age", 60_000, minimum_ms=1_000)
    if actuator is None:
        return None
    return ScalingPolicy(
        name=section.text("name"),
        expr=section.text("expr"),
        target_value=target_value,
        min_replicas=minimum,
        max_replicas=maximum,
        actuator=actuator,
        tolerance=tolerance,
        interval_ms=interval_ms,
        scale_up=scale_up,
        scale_down=scale_down,
        dry_run=dry_run,
        metric_max_age_ms=metric_max_age_ms,
    )


def _read_direction(section: Section, key: str, default_ms: int) -> ScaleDirection:
    direction = section.section_or_empty(key)
    window_ms = direction.duration_ms("stabilization_window", default_ms)
    if window_ms > STABILIZATION_WINDOW_MAX_MS:
        got, wanted = format_duration(window_ms), format_duration(STABILIZATION_WINDOW_MAX_MS)
        direction.problem(f"got {got}, want at most {wanted}", "stabilization_window")
    return ScaleDirection(window_ms)


def _read_actuator(policy: Section, replicas: int) -> WebhookActuator | ProcessActuator | None:
    actuator = policy.section("actuator")
    if actuator is None:
        return None
    actuator.exactly_one("webhook", "process")
    webhook, process = actuator.section("webhook"), actuator.section("process")
    by_webhook = None if webhook is None else _read_webhook(webhook)
    by_process = None if process is None else _read_process(process, replicas)
    return by_webhook or by_process


def _read_webhook(section: Section) -> WebhookActuator:
    return WebhookActuator(
        url=read_url(section),
        signing_secret=read_signing_secret(section),
        timeout_ms=section.duration_ms("timeout", 10_000, minimum_ms=1),
        http=read_http_client(section.section_or_empty("http_config")),
    )


def _read_process(section: Section, replicas: int) -> ProcessActuator:
    section.require("command", "listen")
    command = section.texts("command")
    if command and not any("{port}" in argument for argument in command):
        section.problem("got no {port}, want it in the command: each copy listens on its own port", "command")
    listen_host, listen_port = section.parsed("listen", _to_address, _NO_ADDRESS)
    ports = _read_ports(section)
    place = "port_range" if section.has("port_range") else "ports"
    if ports and len(ports) < replicas:
        section.problem(f"got {len(ports)} ports, want at least max_replicas, which is {replicas}", place)
    if listen_port in ports:
        section.problem(f"got {listen_port} among them, want ports other than that of listen", place)
    graceful_stop_ms = section.duration_ms("graceful_stop", 30_000)
    return ProcessActuator(command, listen_host, listen_port, ports, graceful_stop_ms)


def _read_ports(section: Section) -> tuple[int, ...]:
    section.exactly_one("ports", "port_range")
    listed = section.parsed_list("ports", _to_port)
    if len(set(listed)) < len(listed):
        section.problem("got a port twice", "ports")
    return listed or section.parsed("port_range", _to_port_range, ())


def _to_port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= PORT_MAX):
        raise ValueError(f"got {shown(text)}, want a port from 1 to {PORT_MAX}")
    return int(text)


def _to_port_range(text: str) -> tuple[int, ...]:
    match = _PORT_RANGE.fullmatch(text)
    if match is None:
        raise ValueError(f"got {shown(text)}, want two ports such as 9001-9016")
    first, last = _to_port(match[1]), _to_port(match[2])
    if last < first:
        raise ValueError(f"got {shown(text)}, want the lower port first")
    return tuple(range(first, last + 1))


def _to_address(text: str) -> tuple[str, int]:
    match = _LISTEN.fullmatch(text)
    if match is None:
        raise ValueError(f"got {shown(text)}, want host:port such as 127.0.0.1:8080 or :8080")
    return match["host"].strip("[]"), _to_port(match["port"])
