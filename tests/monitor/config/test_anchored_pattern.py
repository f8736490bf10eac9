from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.anchored_pattern import AnchoredPattern


@pytest.mark.parametrize(
    ("regex", "text", "groups"),
    [
        ("(.*)", "a\nb", ("a\nb", "a\nb")),
        (".*", "a", ("a",)),
        ("a|b", "b", ("b",)),
        ("a|b", "ab", None),
        ("a.c", "a\nc", ("a\nc",)),
        ("(a)|(é.*)", "éx", ("éx", "", "éx")),
        ("a|bc", "bc", ("bc",)),
        ("", "", ("",)),
        ("", "a", None),
    ],
)
def test_a_whole_text_matches_or_nothing_does(regex, text, groups):
    pattern = AnchoredPattern(regex)

    assert pattern.groups(text) == groups
    assert pattern.matches(text) is (groups is not None)


def test_named_groups_are_known_by_number():
    assert AnchoredPattern("(x)(?P<host>.*)").group_by_name == {"host": 2}


def test_a_wrong_regex_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="error parsing regexp: missing"):
        AnchoredPattern("(")


@given(
    st.sampled_from(["a|b", "a.*", ".*b", "(a|b)+", "a?b*", "(a)(b)?", ".*", "(.*)", "ab", "[ab]{2}", "a-b|b:a"]),
    st.text(alphabet="ab-:\n", max_size=4),
)
def test_the_fast_ways_agree_with_the_regex(regex, text):
    expected = re.compile(regex, re.DOTALL).fullmatch(text)

    found = AnchoredPattern(regex).groups(text)

    assert found == (None if expected is None else (text, *expected.groups(default="")))
