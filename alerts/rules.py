"""Rules and groups of rules, as rule files define them: frozen, checked, templates parsed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from alerts.templates.expand import RuleTemplate


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """Stores what `expression` gives under `name`. `labels` replace those of the result; an empty value removes one.

    `expression` is printed as Prometheus prints it.
    """

    name: str
    expression: str
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def label_texts(self) -> tuple[tuple[str, str], ...]:
        return self.labels


@dataclass(frozen=True, slots=True)
class AlertingRule:
    """Raises an alert for each element that `expression` gives. `labels` and `annotations` are sorted by name."""

    name: str
    expression: str
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    labels: tuple[tuple[str, RuleTemplate], ...] = ()
    annotations: tuple[tuple[str, RuleTemplate], ...] = ()

    @property
    def label_texts(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, template.text) for name, template in self.labels)


Rule = RecordingRule | AlertingRule


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated one after the other at the same instants. The labels of the group are in its rules.

    `limit` bounds the alerts or series of one rule; 0 is no limit.
    """

    name: str
    file: str
    interval_ms: int
    rules: tuple[Rule, ...] = ()
    limit: int = 0
    query_offset_ms: int = 0

    @property
    def key(self) -> str:
        """Names the group among all files, as Prometheus's metrics do."""
        return f"{self.file};{self.name}"

    def rule_keys(self) -> tuple[str, ...]:
        """A name for each rule that survives edits of everything but its name and labels.

        Rules that share both are numbered, so the first stays the first.
        """
        seen: Counter[str] = Counter()
        keys = []
        for rule in self.rules:
            labels = ",".join(f"{name}={text!r}" for name, text in rule.label_texts)
            key = f"{type(rule).__name__}:{rule.name}{{{labels}}}"
            seen[key] += 1
            keys.append(key if seen[key] == 1 else f"{key}#{seen[key]}")
        return tuple(keys)
