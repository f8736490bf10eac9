from __future__ import annotations

import pytest

from monitor.config.sections.environment import expand_environment


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("$HOME", "/root"),
        ("${HOME}/x", "/root/x"),
        ("a$HOMEx", "a"),
        ("$$HOME", "$HOME"),
        ("${$}5", "$5"),
        ("5$", "5$"),
        ("$.", "$."),
        ("${}x", "x"),
        ("${HOME", "HOME"),
        ("$1x", "x"),
        ("$NONE.", "."),
    ],
)
def test_variables_are_replaced_as_gos_os_expand_does(text, expanded):
    assert expand_environment(text, {"HOME": "/root"})[0] == expanded


def test_variables_that_are_not_set_are_named():
    assert expand_environment("$A ${B} $C", {"A": "", "C": "c"}) == ("  c", ("A", "B"))
