"""Which renamings of a vocabulary hold for a target, from the names of what it exposes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from monitor.config.vocabulary_config import MetricShape, Renaming, Sign, Vocabulary

BUCKET, SUM, COUNT = "_bucket", "_sum", "_count"
OTHER_RUNTIME = "other"


@dataclass(frozen=True, slots=True)
class ChosenRenaming:
    """A renaming that a target gets: `canonical_names` by sample name. `scaled` are the sample names whose values are
    in the renaming's unit: counts of a histogram are in none. It `is_summary` if it has no buckets."""

    renaming: Renaming
    canonical_names: Mapping[str, str]
    scaled: frozenset[str]
    is_summary: bool = False


def choose_renamings(names: Collection[str], vocabularies: Iterable[Vocabulary]) -> tuple[ChosenRenaming, ...]:
    """The renamings of a target whose samples have `names`, in order.

    One metric is renamed to each canonical name with the same constants, because two would count everything twice; and
    none if the target itself has the canonical name.
    """
    chosen: list[ChosenRenaming] = []
    taken: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for vocabulary in vocabularies:
        for renaming in vocabulary.renamings:
            target = (renaming.canonical, frozenset(renaming.constants.items()))
            found = None if target in taken or _has_metric(names, renaming.canonical) else _choose(names, renaming)
            if found is not None:
                chosen.append(found)
                taken.add(target)
    return tuple(chosen)


def recognise(names: Collection[str], signs: Iterable[Sign]) -> str:
    """The first of `signs` that the names show; empty if there is none."""
    return next((sign.name for sign in signs if any(_shows(names, metric) for metric in sign.metrics)), "")


def _choose(names: Collection[str], renaming: Renaming) -> ChosenRenaming | None:
    name, canonical = renaming.name, renaming.canonical
    if renaming.shape is not MetricShape.HISTOGRAM:
        return ChosenRenaming(renaming, {name: canonical}, frozenset([name])) if name in names else None
    if name + COUNT not in names:
        return None
    total = (renaming.sum_name or name) + SUM
    total = total if total in names else name + SUM
    found = {name + COUNT: canonical + COUNT}
    if total in names:
        found[total] = canonical + SUM
    is_summary = name + BUCKET not in names
    if not is_summary:
        found[name + BUCKET] = canonical + BUCKET
    return ChosenRenaming(renaming, found, frozenset([total]) & found.keys(), is_summary)


def _has_metric(names: Collection[str], canonical: str) -> bool:
    return canonical in names or canonical + COUNT in names


def _shows(names: Collection[str], metric: str) -> bool:
    if metric.endswith("*"):
        return any(name.startswith(metric[:-1]) for name in names)
    return metric in names or metric + COUNT in names
