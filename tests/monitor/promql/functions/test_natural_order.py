from __future__ import annotations

from functools import cmp_to_key

import pytest

from monitor.promql.functions.natural_order import is_before


@pytest.mark.parametrize(
    "ordered",
    [
        ["host1", "host2", "host10"],
        ["+Inf", "0.1", "0.5", "1", "2.5", "10"],
        ["1.2", "1.10"],
        ["a", "a1", "b"],
        ["9", "99999999999999999999"],
        ["0" * 30 + "9", "10", "9" * 5000],
    ],
)
def test_numbers_within_texts_count_as_numbers(ordered: list[str]) -> None:
    def compare(a: str, b: str) -> int:
        return -1 if is_before(a, b) else 1

    assert sorted([*ordered[1:], ordered[0]], key=cmp_to_key(compare)) == ordered


def test_the_empty_text_is_before_nothing() -> None:
    assert not is_before("", "a")
    assert not is_before("a", "")
