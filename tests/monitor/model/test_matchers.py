from __future__ import annotations

import time

import pytest

from monitor.model.matchers import Matcher, MatchOp


@pytest.mark.parametrize(
    ("op", "value", "text", "expected"),
    [
        (MatchOp.EQUAL, "a", "a", True),
        (MatchOp.EQUAL, "", "", True),
        (MatchOp.NOT_EQUAL, "a", "", True),
        (MatchOp.REGEX, "a.c", "a\nc", True),
        (MatchOp.REGEX, "a|b", "ab", False),
        (MatchOp.REGEX, "a|", "", True),
        (MatchOp.REGEX, "(?i)ab", "AB", True),
        (MatchOp.REGEX, "b", "abc", False),
        (MatchOp.NOT_REGEX, "a.*", "abc", False),
        (MatchOp.NOT_REGEX, "a.*", "", True),
    ],
)
def test_matchers_are_anchored_and_a_dot_matches_any_character(
    op: MatchOp, value: str, text: str, expected: bool
) -> None:
    assert Matcher("l", op, value).matches(text) is expected


def test_a_wrong_regex_is_refused_with_its_reason() -> None:
    with pytest.raises(ValueError, match=r"error parsing regexp: missing \): a\("):
        Matcher("l", MatchOp.REGEX, "a(")


def test_a_regex_that_hangs_backtracking_engines_takes_linear_time() -> None:
    matcher = Matcher("l", MatchOp.REGEX, "(a+)+$x")
    began = time.process_time()
    assert not matcher.matches("a" * 50_000)
    assert time.process_time() - began < 2
