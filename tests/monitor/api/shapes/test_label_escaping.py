"""Label names that do not fit into a URL path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.api.shapes.label_escaping import unescape_name


def escaped(name: str) -> str:
    return "U__" + "".join(
        char if char.isascii() and char.isalnum() else "__" if char == "_" else f"_{ord(char):x}_" for char in name
    )


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_name_comes_back(name):
    assert unescape_name(escaped(name)) == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("job", "job"),
        ("a.b", "a.b"),
        ("_2e_", "_2e_"),
        ("U__a_2e_b", "a.b"),
        ("U__a_2E_b", "a.b"),
        ("U__a__b", "a_b"),
        ("U___5f_", "_"),
        ("U__a_2e", "U__a_2e"),
        ("U__a_zz_", "U__a_zz_"),
        ("U__a_d800_", "U__a_d800_"),
        ("U__a_110000_", "U__a_110000_"),
        ("U__a_0000000_", "U__a_0000000_"),
        ("U__", ""),
    ],
)
def test_what_is_not_validly_escaped_is_taken_as_it_is(written, name):
    assert unescape_name(written) == name
