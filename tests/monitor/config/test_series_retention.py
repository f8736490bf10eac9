"""`storage.retention`: how long some series are kept."""

from __future__ import annotations

import pytest
from config_problems import load_text, problems_of

from monitor.app.store_settings import store_settings
from monitor.config.load import load_config
from monitor.config.render import render_yaml
from monitor.errors import ConfigError
from monitor.model.matchers import Matcher, MatchOp
from monitor.storage.blocks.retention import Retention, RetentionRule

TEXT = """
storage:
  tsdb:
    retention: {time: 30d, size: 10GB, percentage: 80}
  retention:
  - {match: '{job="gc"}', keep: 7d}
  - {match: slo_errors_total, keep: 0s}
"""


def test_limits_become_the_settings_of_the_store() -> None:
    rules = (
        RetentionRule((Matcher("job", MatchOp.EQUAL, "gc"),), 7 * 86_400_000),
        RetentionRule((Matcher("__name__", MatchOp.EQUAL, "slo_errors_total"),), 0),
    )
    retention = store_settings(load_text(TEXT)).maintenance.retention
    assert retention == Retention(30 * 86_400_000, rules, 10 * 2**30, 80.0)


def test_what_is_shown_of_a_configuration_can_be_read_again() -> None:
    config = load_text(TEXT)
    again = load_config(render_yaml(config))
    assert [(each.match, each.keep_ms) for each in again.storage.series_retention] == [
        (each.match, each.keep_ms) for each in config.storage.series_retention
    ]


def test_missing_and_wrong_keys_are_named() -> None:
    assert problems_of("storage:\n  retention:\n  - {match: up}\n  - {keep: x, match: up, kep: 1}") == [
        "3 storage.retention[0].keep: missing, want it to be set",
        "4 storage.retention[1].keep: got 'x', want a duration such as 30s, 1h30m or 200ms",
        "4 storage.retention[1].kep: unknown key, did you mean keep?",
    ]


def test_a_selector_that_cannot_be_parsed_is_named_with_its_line() -> None:
    config = load_text("storage:\n  retention:\n  - keep: 7d\n    match: '{job='\n  - {match: '{}', keep: 1d}")
    with pytest.raises(ConfigError) as caught:
        store_settings(config)
    assert [(problem.line, problem.path) for problem in caught.value.problems] == [
        (4, "storage.retention[0].match"),
        (5, "storage.retention[1].match"),
    ]
