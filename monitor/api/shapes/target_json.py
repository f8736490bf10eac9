"""Targets in the shapes of /api/v1/targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from monitor.config.scrape_config import RelabelRule
from monitor.model.durations import format_duration, rfc3339
from monitor.scrape.relabel import RelabelStep, relabel_steps
from monitor.scrape.target_status import JobTargets, TargetStatus

Json = dict[str, Any]
NEVER = "0001-01-01T00:00:00Z"
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_ACTIVE_STATES, _DROPPED_STATES = frozenset({"", "any", "active"}), frozenset({"", "any", "dropped"})


def targets_json(jobs: Iterable[JobTargets], state: str, pool: str, external_url: str) -> Json:
    """The `data` of /api/v1/targets. `state` active, dropped or any; empty ones ask for all."""
    by_name = sorted(jobs, key=lambda job: job.job_name)
    wanted = [job for job in by_name if pool in ("", job.job_name)]
    active: list[Json] = []
    dropped: list[Json] = []
    if state in _ACTIVE_STATES:
        active = [_active(job.job_name, target, external_url) for job in wanted for target in job.active]
    if state in _DROPPED_STATES:
        dropped = list(_dropped(wanted))
    counts = {job.job_name: job.dropped_total for job in by_name} if state in _DROPPED_STATES else None
    return {"activeTargets": active, "droppedTargets": dropped, "droppedTargetCounts": counts}


def _active(pool: str, status: TargetStatus, external_url: str) -> Json:
    target = status.target
    return {
        "discoveredLabels": dict(target.discovered_labels),
        "labels": dict(target.labels),
        "scrapePool": pool,
        "scrapeUrl": target.url,
        "globalUrl": global_url(target.url, external_url),
        "lastError": status.last_error,
        "lastScrape": rfc3339(status.last_scrape_ms) if status.last_scrape_ms else NEVER,
        "lastScrapeDuration": status.last_duration_seconds,
        "health": status.health.value,
        "scrapeInterval": format_duration(target.scrape_interval_ms),
        "scrapeTimeout": format_duration(target.scrape_timeout_ms),
    }


def _dropped(jobs: Iterable[JobTargets]) -> Iterator[Json]:
    for job in jobs:
        for target in job.dropped:
            yield {"discoveredLabels": dict(target.discovered_labels), "scrapePool": job.job_name}


def global_url(url: str, external_url: str) -> str:
    """`url` as others reach it: a local host is replaced by the external one, and our own address wholly."""
    parts, external = urlsplit(url), urlsplit(external_url)
    if parts.hostname not in _LOCAL_HOSTS or not external.hostname:
        return url
    if parts.port is not None and parts.port == external.port:
        return urlunsplit(parts._replace(scheme=external.scheme, netloc=external.netloc))
    port = f":{parts.port}" if parts.port is not None else ""
    host = f"[{external.hostname}]" if ":" in external.hostname else external.hostname
    return urlunsplit(parts._replace(netloc=host + port))


def relabel_steps_json(labels: Mapping[str, str], rules: tuple[RelabelRule, ...]) -> Json:
    """The `data` of /api/v1/targets/relabel_steps: what each rule makes of `labels`, up to the one that drops them."""
    return {"steps": [_step(step) for step in relabel_steps(labels, rules)]}


def _step(step: RelabelStep) -> Json:
    rule = step.rule
    shape: Json = {"action": rule.action.value, "separator": rule.separator, "regex": rule.regex}
    optional = {
        "sourceLabels": list(rule.source_labels),
        "modulus": rule.modulus,
        "targetLabel": rule.target_label,
        "replacement": rule.replacement,
    }
    shape |= {key: value for key, value in optional.items() if value}
    return {"rule": shape, "output": dict(step.labels) if step.kept else {}, "keep": step.kept}
