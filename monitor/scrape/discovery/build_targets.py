"""From target groups to targets: labels, relabelling, checks. Semantics of upstream's scrape/target.go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.config.scrape_config import ScrapeConfig, StaticGroup
from monitor.model.durations import format_duration, parse_duration_ms
from monitor.model.labels import Labels, quote
from monitor.scrape.relabel import relabel
from monitor.scrape.target import (
    ADDRESS_LABEL,
    INSTANCE_LABEL,
    JOB_LABEL,
    META_LABEL_PREFIX,
    METRICS_PATH_LABEL,
    PARAM_LABEL_PREFIX,
    SCHEME_LABEL,
    SCRAPE_INTERVAL_LABEL,
    SCRAPE_TIMEOUT_LABEL,
    DroppedTarget,
    Target,
    public_labels,
    target_key,
    target_url,
)

_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class TargetSet:
    """All targets of one job.

    `targets` differ in their keys. `dropped` holds at most `keep_dropped_targets` of the `dropped_total` that
    relabelling dropped. `failures` say which targets make no sense. If `limit_error` is not empty, there are more
    targets than `target_limit`, and none of them is to be scraped.
    """

    targets: tuple[Target, ...]
    dropped: tuple[DroppedTarget, ...]
    dropped_total: int
    failures: tuple[str, ...]
    limit_error: str


def build_targets(config: ScrapeConfig, groups: Iterable[StaticGroup]) -> TargetSet:
    """The targets of `groups` under the rules of `config`; the first of several with one key counts."""
    target_by_key: dict[str, Target] = {}
    dropped: list[DroppedTarget] = []
    dropped_total = 0
    failures: list[str] = []
    for group in groups:
        for index, address in enumerate(group.targets):
            discovered = discovered_labels(config, group, address)
            try:
                target = build_target(config, discovered)
            except ValueError as error:
                failures.append(f"instance {index} in group {group.origin}: {error}")
                continue
            if target is not None:
                target_by_key.setdefault(target.key, target)
                continue
            dropped_total += 1
            if not config.keep_dropped_targets or len(dropped) < config.keep_dropped_targets:
                dropped.append(DroppedTarget(discovered, config))
    limit_error = _limit_error(len(target_by_key), config.limits.targets)
    return TargetSet(tuple(target_by_key.values()), tuple(dropped), dropped_total, tuple(failures), limit_error)


def discovered_labels(config: ScrapeConfig, group: StaticGroup, address: str) -> Labels:
    """What is known of a target before relabelling: group labels, the job's name and how to scrape it."""
    found = {**group.labels, ADDRESS_LABEL: address}
    defaults = {
        JOB_LABEL: config.job_name,
        SCRAPE_INTERVAL_LABEL: format_duration(config.scrape_interval_ms),
        SCRAPE_TIMEOUT_LABEL: format_duration(config.scrape_timeout_ms),
        METRICS_PATH_LABEL: config.metrics_path,
        SCHEME_LABEL: config.scheme,
        **{f"{PARAM_LABEL_PREFIX}{name}": values[0] for name, values in config.params.items() if values},
    }
    return Labels({**defaults, **{name: value for name, value in found.items() if value}})


def build_target(config: ScrapeConfig, discovered: Labels) -> Target | None:
    """The target that relabelling makes of `discovered`; None if it drops it or leaves it without labels.

    Raises ValueError, in upstream's words, if what it leaves cannot be scraped.
    """
    relabelled = relabel(discovered, config.relabel_configs)
    if relabelled is None:
        return None
    _check_address(relabelled.get(ADDRESS_LABEL, ""), relabelled.get(SCHEME_LABEL, ""))
    interval_ms, timeout_ms = _timing_ms(relabelled)
    relabelled.setdefault(INSTANCE_LABEL, relabelled[ADDRESS_LABEL])
    labels = Labels({name: value for name, value in relabelled.items() if not name.startswith(META_LABEL_PREFIX)})
    _check_values(labels)
    url = target_url(labels, config.params)
    return Target(
        key=target_key(labels, url),
        url=url,
        labels=public_labels(labels),
        discovered_labels=discovered,
        scrape_interval_ms=interval_ms,
        scrape_timeout_ms=timeout_ms,
        config=config,
    )


def _check_address(address: str, scheme: str) -> None:
    if not address:
        raise ValueError("no address")
    if "/" in address:
        raise ValueError(f"{quote(address)} is not a valid hostname")
    if scheme not in _SCHEMES:
        raise ValueError(f"invalid scheme: {quote(scheme)}")


def _timing_ms(labels: dict[str, str]) -> tuple[int, int]:
    interval_ms = _parse_timing("scrape interval", labels.get(SCRAPE_INTERVAL_LABEL, ""))
    timeout_ms = _parse_timing("scrape timeout", labels.get(SCRAPE_TIMEOUT_LABEL, ""))
    if timeout_ms > interval_ms:
        timeout, interval = quote(labels[SCRAPE_TIMEOUT_LABEL]), quote(labels[SCRAPE_INTERVAL_LABEL])
        raise ValueError(f"scrape timeout cannot be greater than scrape interval ({timeout} > {interval})")
    return interval_ms, timeout_ms


def _parse_timing(name: str, text: str) -> int:
    try:
        duration_ms = parse_duration_ms(text)
    except ValueError:
        reason = f"not a valid duration string: {quote(text)}" if text else "empty duration string"
        raise ValueError(f"error parsing {name}: {reason}") from None
    if duration_ms == 0:
        raise ValueError(f"{name} cannot be 0")
    return duration_ms


def _check_values(labels: Labels) -> None:
    """A lone surrogate, which JSON files can hold, cannot be written as UTF-8."""
    for name, value in labels.items():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"invalid label value for {quote(name)}: {quote(value)}") from None


def _limit_error(count: int, limit: int) -> str:
    if limit and count > limit:
        return f"target_limit exceeded (number of targets: {count}, limit: {limit})"
    return ""
