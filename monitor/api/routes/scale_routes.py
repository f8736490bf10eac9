"""`/api/v1/scale`: what each scaling policy wants, and why it decided as it did."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

import orjson
from starlette.requests import Request

from monitor.api.answers import Answer
from monitor.api.endpoint import Endpoint, Parameter
from monitor.api.parameters import url_parameters

DECISIONS_MAX, DECISIONS_DEFAULT = 1_000, 100
ScaleAnswer = tuple[int, Mapping[str, Any]]
"""An HTTP status and a JSON body."""


class ScaleAnswers(Protocol):
    """Raises NotFound for a policy that is not in force."""

    async def policies(self) -> ScaleAnswer: ...

    async def policy(self, name: str) -> ScaleAnswer: ...

    async def decisions(self, name: str, limit: int, before: int | None) -> ScaleAnswer: ...


class ScaleRoutes:
    """Handlers over the scaling policies."""

    def __init__(self, answers: ScaleAnswers) -> None:
        self._answers = answers

    def endpoints(self) -> tuple[Endpoint, ...]:
        prefix, tag = "/api/v1/scale", "scaling"
        policy = Parameter("policy", "Name of a scaling policy.", in_path=True, example="web")
        limit = Parameter("limit", f"Most decisions in the answer, at most {DECISIONS_MAX}.", "integer", "100")
        before = Parameter("before", "`next_before` of the page before.", "integer")
        return (
            Endpoint(prefix, self.policies, "All policies as they stand", tag=tag),
            Endpoint(
                f"{prefix}/{{policy}}",
                self.policy,
                "One policy as it stands, for KEDA's metrics-api trigger",
                "503 with the same body while there is no fresh value, so that the caller's fallback takes over.",
                tag=tag,
                parameters=(policy,),
            ),
            Endpoint(
                f"{prefix}/{{policy}}/decisions",
                self.decisions,
                "Its decisions, the newest first",
                tag=tag,
                parameters=(policy, limit, before),
            ),
        )

    async def policies(self, _request: Request) -> Answer:
        return _answer(await self._answers.policies())

    async def policy(self, request: Request) -> Answer:
        return _answer(await self._answers.policy(request.path_params["policy"]))

    async def decisions(self, request: Request) -> Answer:
        parameters = url_parameters(request)
        limit = parameters.integer_or("limit", DECISIONS_DEFAULT, DECISIONS_MAX)
        before = parameters.integer_or("before", None)
        answer = await self._answers.decisions(request.path_params["policy"], limit, before)
        return await asyncio.to_thread(_answer, answer)


def _answer(answer: ScaleAnswer) -> Answer:
    status, body = answer
    return Answer((orjson.dumps(body),), status)
