"""Type, unit and help of some metrics, from the targets that expose them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from monitor.scrape.exposition.parse_exposition import FamilyMetadata
from monitor.scrape.target_status import JobTargets

_SUFFIXES = ("_total", "_bucket", "_sum", "_count", "_created", "_info")


def describe_metrics(jobs: Iterable[JobTargets], names: Sequence[str]) -> dict[str, FamilyMetadata]:
    """What the first target that knows a name says of it. A name such as `x_bucket` is also known as its family `x`."""
    wanted = {family for name in names for family in _families(name)}
    found: dict[str, FamilyMetadata] = {}
    for entry in _entries(jobs):
        if entry.family in wanted:
            found[entry.family] = entry
            wanted.remove(entry.family)
            if not wanted:
                break
    described = {}
    for name in names:
        family = next((family for family in _families(name) if family in found), None)
        if family is not None:
            described[name] = found[family]
    return described


def _families(name: str) -> Iterator[str]:
    yield name
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            yield name.removesuffix(suffix)


def _entries(jobs: Iterable[JobTargets]) -> Iterator[FamilyMetadata]:
    for job in jobs:
        for target in job.active:
            yield from target.metadata
