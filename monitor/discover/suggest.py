"""From what was found to what to do: a configuration, rules, and how to instrument what exposes nothing. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitor.discover.recognise import Finding, Kind

_DURATION = "http_server_request_duration_seconds"
_REQUESTS = "http_server_requests_total"
# A rule file fits if one of these is exposed.
_RULES: Final = (
    ("http.yml", (_DURATION, _REQUESTS)),
    ("runtime.yml", ("runtime_gc_pause_seconds", "runtime_stall_seconds")),
    ("process.yml", ("process_cpu_seconds_total", "process_resident_memory_bytes")),
    ("connections.yml", ("server_accept_queue_length", "tcp_segments_sent_total")),
    ("host.yml", ("node_cpu_seconds_total",)),
    ("probe.yml", ("probe_success",)),
)
_ALWAYS: Final = "target.yml"
# A dashboard fits if what it is about is exposed.
_DASHBOARDS: Final = (
    ("fleet.json", (_DURATION, _REQUESTS)),
    ("go.json", ("go_goroutines",)),
    ("node.json", ("nodejs_heap_size_used_bytes",)),
    ("process.json", ("process_cpu_seconds_total",)),
)
_SERVICE_QUERIES: Final = (
    (_DURATION, "requests/s", "sum by (job) (rate(http_server_request_duration_seconds_count[1m]))"),
    (
        _DURATION,
        "p99",
        "histogram_quantile(0.99, sum by (job, framework, le) (rate(http_server_request_duration_seconds_bucket[1m])))",
    ),
    ("runtime_gc_pause_seconds", "GC share", "rate(runtime_gc_pause_seconds_sum[1m])"),
    ("process_resident_memory_bytes", "memory", "process_resident_memory_bytes"),
)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the shipped rules, the dashboards and the Node preload are installed."""

    rules_folder: Path
    dashboards_folder: Path
    node_preload: Path


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`config` is a plimsoll.yml, empty if there is nothing to scrape. `queries` are (what, expression) to look at.
    `dashboards` are files for Grafana. `instrument` has, for each server that exposes too little, its address and the
    commands or lines that help.
    """

    config: str
    rules: tuple[str, ...]
    dashboards: tuple[str, ...]
    queries: tuple[tuple[str, str], ...]
    instrument: tuple[tuple[str, tuple[str, ...]], ...]


def suggest(findings: Sequence[Finding], places: Places, scrape_interval: str) -> Suggestion:
    """What fits `findings`; what is no server and no exporter is left out."""
    scraped = [finding for finding in findings if finding.metrics_path and finding.kind is not Kind.MONITOR]
    exposed = {name for finding in scraped for name in finding.metrics | finding.canonical}
    if any(finding.kind is Kind.SERVER for finding in scraped):
        exposed.add(_DURATION)  # one that has not answered a request yet often has no histogram
    rules = tuple(str(places.rules_folder / name) for name in _fitting_rules(exposed)) if scraped else ()
    dashboards = (file for file, names in _DASHBOARDS if exposed.intersection(names))
    measured = {finding.pid for finding in scraped if finding.pid is not None and _DURATION in finding.canonical}
    return Suggestion(
        config=_config(scraped, rules, scrape_interval) if scraped else "",
        rules=rules,
        dashboards=tuple(str(places.dashboards_folder / name) for name in dashboards),
        queries=tuple((what, query) for name, what, query in _SERVICE_QUERIES if name in exposed),
        instrument=tuple(
            (str(finding.address), _instrument(finding, places))
            for finding in findings
            if finding.kind is Kind.SERVER and _DURATION not in finding.canonical and finding.pid not in measured
        ),
    )


def _fitting_rules(exposed: set[str]) -> list[str]:
    return [*(file for file, names in _RULES if exposed.intersection(names)), _ALWAYS]


def _config(scraped: Sequence[Finding], rules: Iterable[str], scrape_interval: str) -> str:
    """A JSON string is a YAML string, too."""
    names = _job_names(scraped)
    jobs = "".join(_job(finding, name) for finding, name in zip(scraped, names, strict=True))
    return f"""\
# Written by plimsoll discover.
global:
  scrape_interval: {scrape_interval}
  evaluation_interval: {scrape_interval}

rule_files: {json.dumps(list(rules))}

scrape_configs:
{jobs}"""


def _job_names(scraped: Sequence[Finding]) -> list[str]:
    uses = Counter(finding.name for finding in scraped)
    return [
        finding.name if uses[finding.name] == 1 else f"{finding.name}-{finding.address.port}" for finding in scraped
    ]


def _job(finding: Finding, name: str) -> str:
    labels = {"framework": finding.framework, "runtime": "" if finding.tells_runtime else finding.runtime}
    shown = {label: text for label, text in labels.items() if text}
    lines = [f"  # {', '.join(finding.reasons)}"] if finding.reasons else []
    lines += [f"  - job_name: {json.dumps(name)}"]
    if finding.scheme == "https":
        lines += ["    scheme: https", "    tls_config: {insecure_skip_verify: true}  # or its authority, as ca_file"]
    if finding.metrics_path != "/metrics":
        lines.append(f"    metrics_path: {json.dumps(finding.metrics_path)}")
    if finding.kind is Kind.SERVER:
        lines.append("    vocabulary: true")
    group = {"targets": [str(finding.address)], **({"labels": shown} if shown and finding.kind is Kind.SERVER else {})}
    lines.append(f"    static_configs: [{json.dumps(group)}]")
    return "\n".join(lines) + "\n"


def _instrument(finding: Finding, places: Places) -> tuple[str, ...]:
    port = finding.address.port
    beside = (
        f"plimsoll exporter process --port {port}",
        f"plimsoll exporter connections --port {port}",
        "plimsoll exporter access_log --file ACCESS_LOG    (if it writes one)",
    )
    return (*_for_runtime(finding, places), *beside)


def _read_variables(finding: Finding) -> str:
    """The exporter checks certificates, which seldom are for an address."""
    if finding.scheme == "https":
        url = f"https://NAME:{finding.address.port}"
        return f"plimsoll exporter expvar --url {url}    (NAME as in its certificate, which must be trusted here)"
    return f"plimsoll exporter expvar --url http://{finding.address}"


def _for_runtime(finding: Finding, places: Places) -> tuple[str, ...]:
    if finding.runtime == "node":
        return (f"restart it with NODE_OPTIONS='--require \"{places.node_preload}\"'    (metrics at 127.0.0.1:9464)",)
    if finding.runtime == "cpython":
        return (
            'app.add_middleware(MetricsMiddleware, registry=REGISTRY, metrics_path="/metrics")    (exporters.asgi)',
        )
    if finding.runtime == "jvm":
        return (
            "add micrometer-registry-prometheus, or the OpenTelemetry Java agent",
            "restart it with -Xlog:gc*,safepoint:file=gc.log; plimsoll exporter gc_logs --runtime jvm --file gc.log",
        )
    if finding.runtime == "go" and finding.has_variables:
        return (_read_variables(finding),)
    if finding.runtime == "go":
        return ("serve promhttp.Handler() of client_golang at /metrics, or import expvar",)
    if finding.runtime == "rust":
        return ("serve the registry of the prometheus crate at /metrics",)
    return ()
