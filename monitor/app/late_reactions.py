"""Reactions for the configurations that ask for them.

Rules, notifications and scaling need SQLAlchemy and all of alerts/, which take longer to import than everything that
answers queries. So they are imported when a configuration asks for them, and then after queries are answered already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.app.rule_setup import RuleSetup
from monitor.config.config import Config
from monitor.errors import NotFound

if TYPE_CHECKING:
    from monitor.app.reactions import Reactions

ScaleAnswer = tuple[int, Mapping[str, Any]]


class LateReactions:
    """Builds Reactions once they are needed. Questions about them wait until the first configuration is in force."""

    def __init__(self, state_file: Path, build: Callable[[], Reactions]) -> None:
        """`state_file` is where earlier reactions left what is still to be done; `build` is called in a thread."""
        self._state_file = state_file
        self._build = build
        self._built: Reactions | None = None
        self._is_settled = asyncio.Event()

    async def apply(self, setup: RuleSetup) -> None:
        """Goes over to a checked configuration."""
        try:
            if self._built is None and (asks_for_reactions(setup.config) or self._state_file.exists()):
                self._built = await asyncio.to_thread(self._build)
            if self._built is not None:
                await self._built.apply(setup)
        finally:
            self._is_settled.set()

    async def stop(self) -> None:
        if self._built is not None:
            await self._built.stop()

    # What the API asks.

    async def rules(self, parameters: Mapping[str, Sequence[str]]) -> object:
        """See RuleAnswers.rules."""
        await self._is_settled.wait()
        if self._built is not None:
            return await self._built.rule_answers.rules(parameters)
        from alerts.api.rule_answers import RuleAnswers  # noqa: PLC0415  (wrong parameters are refused all the same)

        return await RuleAnswers(tuple).rules(parameters)

    async def alerts(self) -> object:
        """See RuleAnswers.alerts."""
        await self._is_settled.wait()
        return {"alerts": []} if self._built is None else await self._built.rule_answers.alerts()

    async def policies(self) -> ScaleAnswer:
        """See ScaleAnswers.policies."""
        await self._is_settled.wait()
        return (200, {"policies": []}) if self._built is None else await self._built.scale_answers.policies()

    async def policy(self, name: str) -> ScaleAnswer:
        """See ScaleAnswers.policy."""
        return await (await self._reactions_to(name)).scale_answers.policy(name)

    async def decisions(self, name: str, limit: int, before: int | None) -> ScaleAnswer:
        """See ScaleAnswers.decisions."""
        return await (await self._reactions_to(name)).scale_answers.decisions(name, limit, before)

    async def _reactions_to(self, policy: str) -> Reactions:
        await self._is_settled.wait()
        if self._built is None:
            raise NotFound(f"got scaling policy {policy!r}, but no policy is in force")
        return self._built


def asks_for_reactions(config: Config) -> bool:
    """Whether there is anything to evaluate, to tell or to scale, or a database in which that may stand."""
    return bool(
        config.rule_files
        or config.alerting.route is not None
        or config.scaling_policies
        or config.alerts_database is not None
    )
