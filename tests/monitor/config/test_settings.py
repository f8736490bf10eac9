from __future__ import annotations

from dataclasses import fields

from config_problems import load_text, problems_of

from monitor.config.settings import SETTINGS, Limits, Unit


def test_the_table_has_a_row_with_unit_and_help_for_every_limit():
    assert [setting.field for setting in SETTINGS] == [field.name for field in fields(Limits)]
    assert all(setting.help and (setting.default or setting.unit is Unit.TEXT) for setting in SETTINGS)
    assert all(setting.field.endswith("_bytes") == (setting.unit is Unit.SIZE) for setting in SETTINGS)
    assert all(setting.field.endswith("_ms") == (setting.unit is Unit.DURATION) for setting in SETTINGS)


def test_limits_are_read_in_their_units():
    limits = load_text("limits: {query_timeout: 30s, scrape_body_size: 1MB, query_samples: 1000}").limits

    assert (limits.query_timeout_ms, limits.scrape_body_bytes, limits.query_samples) == (30_000, 1_048_576, 1000)
    assert limits.query_steps == Limits().query_steps


def test_a_limit_of_nothing_is_refused():
    assert problems_of("limits:\n  query_timeout: 0\n  scrape_body_size: 0\n  queries: 0\n  querys: 1") == [
        "2 limits.query_timeout: got '0', want at least 1ms",
        "3 limits.scrape_body_size: got 0, want at least 1",
        "4 limits.queries: got 0, want at least 1",
        "5 limits.querys: unknown key, did you mean queries?",
    ]


def test_the_client_header_is_the_name_of_a_header():
    assert load_text("limits: {client_header: X-Real-Ip}").limits.client_header == "X-Real-Ip"
    assert problems_of("limits:\n  client_header: a b") == [
        "2 limits.client_header: got 'a b', want the name of an HTTP header"
    ]
