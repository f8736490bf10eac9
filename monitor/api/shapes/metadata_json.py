"""Metadata of metrics, gathered from the targets that expose them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from monitor.model.matchers import Matcher
from monitor.scrape.exposition.parse_exposition import FamilyMetadata
from monitor.scrape.target_status import JobTargets, TargetStatus

Json = dict[str, Any]


def metric_metadata(jobs: Iterable[JobTargets], metric: str, limit: int | None, limit_per_metric: int) -> Json:
    """The `data` of /api/v1/metadata: for each family the different things that targets say of it.

    At most `limit` families (None: all), and `limit_per_metric` entries of each (0 or less: all). An empty `metric`
    asks for all families.
    """
    found: dict[str, dict[FamilyMetadata, None]] = {}
    for target in _active(jobs):
        for entry in target.metadata:
            if metric and entry.family != metric:
                continue
            known = found.setdefault(entry.family, {})
            if limit_per_metric <= 0 or len(known) < limit_per_metric:
                known[entry] = None
    shown = list(found.items())[:limit] if limit is not None and limit >= 0 else found.items()
    return {family: [_entry(entry) for entry in entries] for family, entries in shown}


def target_metadata(jobs: Iterable[JobTargets], metric: str, matchers: tuple[Matcher, ...], limit: int) -> list[Json]:
    """The `data` of /api/v1/targets/metadata. As upstream, `limit` (-1: none) ends the list after a whole target."""
    result: list[Json] = []
    for target in _active(jobs):
        if 0 <= limit <= len(result):
            break
        labels = target.target.labels
        if all(matcher.matches(labels.get(matcher.name, "")) for matcher in matchers):
            result.extend(_target_entries(target, metric))
    return result


def _target_entries(target: TargetStatus, metric: str) -> Iterator[Json]:
    labels = dict(target.target.labels)
    for entry in target.metadata:
        if not metric:
            yield {"target": labels, "metric": entry.family, **_entry(entry)}
        elif entry.family == metric:
            yield {"target": labels, **_entry(entry)}


def _active(jobs: Iterable[JobTargets]) -> Iterator[TargetStatus]:
    for job in jobs:
        yield from job.active


def _entry(entry: FamilyMetadata) -> Json:
    return {"type": entry.type.value, "unit": entry.unit, "help": entry.help}
