"""Which receivers hear of an alert, and in which group. The routing tree will take the place of `SingleRoute`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.model.labels import Labels

DEFAULT_REPEAT_INTERVAL_MS = 4 * 3_600_000


@dataclass(frozen=True, slots=True)
class RoutedGroup:
    """The group of alerts that one belongs to at one receiver. `group_key` is Alertmanager's."""

    receiver: str
    group_key: str
    group_labels: Labels
    repeat_interval_ms: int = DEFAULT_REPEAT_INTERVAL_MS


class Router(Protocol):
    """Where alerts go."""

    def routes(self, labels: Labels) -> Sequence[RoutedGroup]: ...


@dataclass(frozen=True, slots=True)
class SingleRoute:
    """All alerts to one receiver, grouped by some labels: what a route without children does in Alertmanager."""

    receiver: str
    group_by: tuple[str, ...] = ("alertname",)
    repeat_interval_ms: int = DEFAULT_REPEAT_INTERVAL_MS

    def routes(self, labels: Labels) -> Sequence[RoutedGroup]:
        group_labels = Labels({name: labels[name] for name in self.group_by if name in labels})
        # The first pair of braces is the route: the root of the tree has no matchers.
        return (RoutedGroup(self.receiver, f"{{}}:{group_labels}", group_labels, self.repeat_interval_ms),)
