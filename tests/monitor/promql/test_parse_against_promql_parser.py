"""The parser beside the PyPI package promql-parser: what is PromQL and what is not.

The package's grammar is that of an older Prometheus with pieces of newer ones. Where they differ the lists are right,
which a real Prometheus confirms; the differences are named here so that a new one is noticed.
"""

from __future__ import annotations

import promql_parser
from hypothesis import given
from promql_expression_lists import read_list
from promql_strategies import vectors

UNKNOWN_TO_THE_PACKAGE = {
    "numbers with digits in groups, or octal and over 64 bits": [
        "1_000", "1_000.5", "1e1_0", "0x_1f", "0x1_F", "0_10", "0_8", "077777777777777777777777777", "foo[.5]",
    ],
    "durations of no length": ["0s", "foo offset 0s", "foo offset 0s offset 5m"],
    "a backslash in a raw string": ["`back\\slash \"and\" 'quotes'`", 'foo{a=~"\\\\QC\\\\C\\\\E"}'],
    "labels of info() that match everything": ['info(foo, {a=~".*"})', "info(foo, {})"],
}  # fmt: skip
TAKEN_BY_THE_PACKAGE = {
    "numbers, durations and times that are too large": [
        "1e400", "300y", "foo[300y]", "foo[1e10]", "foo offset 300y", "foo offset 1e10", "foo offset -1e10",
        "foo @ 1e19", "foo @ 9223372036854775808", "foo @ -9223372036854775809",
    ],
    "ranges of no length": ["foo[0]", "foo[5m:0]", "foo[0:5m]"],
    "regexes that RE2 refuses": ['foo{a=~"a**"}', 'foo{a=~"a{1001}"}'],
    "a sign before a string": ['+"a"'],
    "labels without a name": ['foo + on("") bar', 'sum by ("") (foo)'],
    "metric names in the labels of info()": ["info(foo, bar)", 'info(foo, bar{a="b"})'],
}  # fmt: skip
ARITHMETIC_IN_DURATIONS = "duration expressions"


def is_taken(text: str) -> bool:
    try:
        promql_parser.parse(text)
    except ValueError:
        return False
    return True


def texts(differences: dict[str, list[str]]) -> set[str]:
    return {text for group in differences.values() for text in group}


def test_the_package_takes_what_is_accepted_but_for_the_differences_named() -> None:
    refused = {text for text, _ in read_list("accepted", without=ARITHMETIC_IN_DURATIONS) if not is_taken(text)}

    assert refused == texts(UNKNOWN_TO_THE_PACKAGE)


def test_the_package_refuses_what_is_refused_but_for_the_differences_named() -> None:
    taken = {text for text, _ in read_list("refused", without=ARITHMETIC_IN_DURATIONS) if is_taken(text)}

    assert taken == texts(TAKEN_BY_THE_PACKAGE)


@given(vectors(new=False))
def test_the_package_takes_generated_expressions(text: str) -> None:
    is_known_difference = "_" in text or "0s" in text or "`" in text or "[.5" in text
    assert is_known_difference or is_taken(text)
