"""What `/api/v1/rules` and `/api/v1/alerts` answer about the rule groups in force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from alerts.api.rule_shapes import alerts_json, rule_filter, rules_json
from alerts.group_state import GroupStatus
from monitor.promql.syntax.matcher_sets import parse_matcher_sets

Statuses = Callable[[], Sequence[GroupStatus]]
"""The rule groups in the order of their files; called on the event loop."""


class RuleAnswers:
    """The `data` of the answers. Errors leave as errors of monitor.errors: the API shapes them."""

    def __init__(self, statuses: Statuses) -> None:
        self._statuses = statuses

    async def rules(self, parameters: Mapping[str, Sequence[str]]) -> object:
        """Raises BadRequest and ParseError."""
        wanted = rule_filter(parameters, parse_matcher_sets(parameters.get("match[]", ())))
        return await asyncio.to_thread(rules_json, self._statuses(), wanted)

    async def alerts(self) -> object:
        return await asyncio.to_thread(alerts_json, self._statuses())
