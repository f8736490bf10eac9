"""What a rule tells those who notify: an alert that fires or was resolved, in Alertmanager's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.model.labels import Labels


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert is resolved from `ends_at_ms` on; until then it fires. A firing one is renewed before it runs out."""

    labels: Labels
    annotations: Mapping[str, str]
    starts_at_ms: int
    ends_at_ms: int
    generator_url: str

    def is_firing(self, now_ms: int) -> bool:
        return self.ends_at_ms > now_ms
