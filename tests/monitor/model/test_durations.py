from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.durations import format_duration, parse_duration_ms, rfc3339


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("0s", 0),
        ("1ms", 1),
        ("90s", 90_000),
        ("1h30m", 5_400_000),
        ("1y2w3d", 33_004_800_000),
        ("1m500ms", 60_500),
    ],
)
def test_durations_parse(text: str, expected: int) -> None:
    assert parse_duration_ms(text) == expected


@pytest.mark.parametrize("text", ["", "1", "s", "1m1h", "1.5s", "-1s", "1 s", "5mm", "300y", "1s1s"])
def test_what_is_no_duration_is_refused_with_what_was_got(text: str) -> None:
    with pytest.raises(ValueError, match=f"got '{text}'"):
        parse_duration_ms(text)


@given(st.integers(0, 10**12))
def test_formatting_is_the_inverse_of_parsing(duration_ms: int) -> None:
    assert parse_duration_ms(format_duration(duration_ms)) == duration_ms


def test_timestamps_print_without_superfluous_digits() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00Z"
    assert rfc3339(1_700_000_000_120) == "2023-11-14T22:13:20.12Z"
