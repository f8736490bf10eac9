from __future__ import annotations

import pytest

from monitor.cli.query.times import parse_step_ms, parse_when_ms, seconds_text

NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("now", NOW_MS),
        ("", NOW_MS),
        ("90m", NOW_MS - 5_400_000),
        ("1600000000.5", 1_600_000_000_500),
        ("2026-01-02T03:04:05.678Z", 1_767_323_045_678),
    ],
)
def test_a_time_is_a_date_seconds_or_how_long_ago(text, time_ms):
    assert parse_when_ms(text, NOW_MS) == time_ms


@pytest.mark.parametrize("text", ["yesterday", "1y2", "nan", "12:00"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="want RFC 3339"):
        parse_when_ms(text, NOW_MS)


@pytest.mark.parametrize(
    ("text", "span_ms", "step_ms"),
    [("", 3_600_000, 30_000), ("", 0, 1_000), ("15s", 0, 15_000), ("0.5", 0, 500), ("2m", 0, 120_000)],
)
def test_a_step_is_chosen_for_about_120_steps(text, span_ms, step_ms):
    assert parse_step_ms(text, span_ms) == step_ms


@pytest.mark.parametrize(("time_ms", "text"), [(1_500, "1.5"), (2_000, "2"), (-4_000, "-4"), (7, "0.007")])
def test_seconds_have_no_digits_too_many(time_ms, text):
    assert seconds_text(time_ms) == text
