"""The rule files of a configuration, read and checked. Nothing of alerts is imported unless there are any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.config.config import Config
from monitor.promql.features import Features

if TYPE_CHECKING:
    from alerts.rules import RuleGroup


@dataclass(frozen=True, slots=True)
class RuleSetup:
    """What a configuration asks for, checked: nothing of it is in force yet."""

    groups: tuple[RuleGroup, ...]
    config: Config


def read_rule_setup(config: Config, features: Features) -> RuleSetup:
    """Raises ConfigError with every mistake of every rule file."""
    if not config.rule_files:
        return RuleSetup((), config)
    from alerts.load_rules import RuleDefaults, load_rule_files  # noqa: PLC0415  (see above)

    defaults = RuleDefaults(
        interval_ms=config.global_config.evaluation_interval_ms,
        query_offset_ms=config.global_config.rule_query_offset_ms,
        name_validation=config.global_config.name_validation,
        features=features,
    )
    return RuleSetup(load_rule_files(config.rule_files, defaults), config)
