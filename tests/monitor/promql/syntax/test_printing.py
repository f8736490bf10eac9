"""Trees back to text."""

from __future__ import annotations

import pytest
from promql_expression_lists import ALL_FEATURES, read_list

from monitor.promql.syntax.nodes import NumberLiteral, StringLiteral
from monitor.promql.syntax.parse import parse_expression
from monitor.promql.syntax.printing import format_expression, prettify


@pytest.mark.parametrize(("text", "printed"), read_list("accepted") + read_list("accepted_since_3_14"))
def test_an_expression_prints_as_upstream_prints_it(text: str, printed: str) -> None:
    assert format_expression(parse_expression(text, ALL_FEATURES)) == printed


@pytest.mark.parametrize(
    ("value", "printed"),
    [(1e21, "1000000000000000000000"), (1e-7, "0.0000001"), (-0.0, "-0"), (2.0, "2"), (float("inf"), "+Inf")],
)
def test_numbers_print_without_exponent(value: float, printed: str) -> None:
    assert format_expression(NumberLiteral(value)) == printed


def test_bytes_that_are_no_utf8_print_as_escapes() -> None:
    assert format_expression(StringLiteral("a\udcff\n")) == r'"a\xff\n"'


SHORT = "sum by (job) (rate(http_requests_total[5m]))"
LONG_NAME = "a_metric_with_a_name_that_is_long_enough_to_fill_the_better_part_of_a_line"


def pretty(text: str) -> str:
    return prettify(parse_expression(text, ALL_FEATURES))


def test_what_fits_on_a_line_stays_on_it() -> None:
    assert pretty(f"{SHORT} > 5") == f"{SHORT} > 5"


def test_a_line_may_have_100_bytes_and_no_more() -> None:
    assert "\n" not in pretty(f"abs({'x' * 95})")
    assert "\n" in pretty(f"abs({'x' * 96})")
    assert "\n" in pretty(f'label_join(up, "{"é" * 40}", "", "")')


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"{LONG_NAME} + {LONG_NAME}", [f"  {LONG_NAME}", "+", f"  {LONG_NAME}"]),
        (
            f"{LONG_NAME} == bool on(a) group_left(b) fill(0) {LONG_NAME}",
            [f"  {LONG_NAME}", "== bool on (a) group_left (b) fill (0)", f"  {LONG_NAME}"],
        ),
        (
            f"sum by (job, instance) (rate({LONG_NAME}[5m]))",
            ["sum by (job, instance) (", f"  rate({LONG_NAME}[5m])", ")"],
        ),
        (
            f"topk(3, abs({LONG_NAME} offset 1w @ 1))",
            ["topk(", "  3,", f"  abs({LONG_NAME} @ 1.000 offset 1w)", ")"],
        ),
        (
            f"clamp({LONG_NAME}, 12345678901, 12345678901)",
            ["clamp(", f"  {LONG_NAME},", "  12345678901,", "  12345678901", ")"],
        ),
        (
            f"-(abs({LONG_NAME}) * 100000000 / 1000000000)",
            ["-(", f"    abs({LONG_NAME}) * 100000000", "  /", "    1000000000", ")"],
        ),
        (
            f"avg_over_time(({LONG_NAME} + {LONG_NAME})[1h:])",
            ["avg_over_time(", "  (", f"      {LONG_NAME}", "    +", f"      {LONG_NAME}", "  )[1h:]", ")"],
        ),
        (
            f"rate({LONG_NAME}[1h:5m] offset 1h @ 1234567890)",
            ["rate(", f"  {LONG_NAME}[1h:5m] @ 1234567890.000 offset 1h", ")"],
        ),
        (
            f"quantile_over_time(scalar({LONG_NAME}), up[1h:5m])",
            ["quantile_over_time(", f"  scalar({LONG_NAME}),", "up[1h:5m]", ")"],
        ),
    ],
)  # fmt: skip
def test_what_is_longer_is_split_where_upstream_splits_it(text: str, lines: list[str]) -> None:
    assert pretty(text).split("\n") == lines


def test_a_deep_tree_is_laid_out_level_by_level() -> None:
    text = "1"
    for _ in range(70):
        text = f"abs({text} * {LONG_NAME})"

    assert pretty(text).count("\n") > 70 * 3
