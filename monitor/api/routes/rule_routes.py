"""`/api/v1/rules` and `/api/v1/alerts`, as Prometheus serves them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from starlette.requests import Request

from monitor.api.answers import Answer, data_pieces
from monitor.api.endpoint import Endpoint, Parameter
from monitor.api.parameters import url_parameters

_FILTERS = (
    Parameter("type", "`alert` or `record`; all if empty.", example="alert"),
    Parameter("rule_name[]", "Only rules of these names.", is_repeated=True),
    Parameter("rule_group[]", "Only these groups.", is_repeated=True),
    Parameter("file[]", "Only groups of these files.", is_repeated=True),
    Parameter("match[]", "Selectors of rules by their labels.", is_repeated=True),
    Parameter("exclude_alerts", "`true` leaves the alerts out."),
    Parameter("group_limit", "Most groups; the answer then holds `groupNextToken`."),
    Parameter("group_next_token", "`groupNextToken` of the page before."),
)


class RuleAnswers(Protocol):
    """The `data` of the answers. Raises BadRequest and ParseError on parameters that are wrong."""

    async def rules(self, parameters: Mapping[str, Sequence[str]]) -> object: ...

    async def alerts(self) -> object: ...


class RuleRoutes:
    """Handlers over the rule groups."""

    def __init__(self, answers: RuleAnswers) -> None:
        self._answers = answers

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint("/api/v1/rules", self.rules, "Rules with their state", tag="rules", parameters=_FILTERS),
            Endpoint("/api/v1/alerts", self.alerts, "Pending and firing alerts", tag="rules"),
        )

    async def rules(self, request: Request) -> Answer:
        parameters = url_parameters(request)
        named = {parameter.name: parameters.texts(parameter.name) for parameter in _FILTERS}
        return await _answer(await self._answers.rules(named))

    async def alerts(self, _request: Request) -> Answer:
        return await _answer(await self._answers.alerts())


async def _answer(data: object) -> Answer:
    return Answer(await asyncio.to_thread(data_pieces, data))
