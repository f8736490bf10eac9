"""The parser beside a real Prometheus: verdicts, messages with positions, layout and trees.

Differences that stand on purpose. Positions count characters, Prometheus's bytes. A regex with bytes that are no UTF-8
is refused here always, there only if it is more than a literal. And what 3.5 says otherwise than 3.14: it lacks the
newer syntax, names fewer things that might have been meant, and calls `@` by a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_process import PrometheusProcess, Verdict, running_prometheus
from promql_expression_lists import read_list
from promql_strategies import SOUPS, vectors

from monitor.errors import ParseError
from monitor.promql.features import Features
from monitor.promql.syntax.parse import parse_expression
from monitor.promql.syntax.printing import prettify
from monitor.promql.syntax.tree_json import expression_json

FEATURES = ["promql-experimental-functions", "promql-duration-expr"]
NEWER_FIELDS = {"anchored", "smoothed", "fillValues"}
NEWER_SYNTAX = ["start", "step", "min_of", "fill", "anchored", "smoothed", "</", ">/"]
OLDER_WORDS = [
    ('number, duration, step(), range(), or "]"', 'number or duration or "]"'),
    ("number, duration, step(), or range()", "number or duration"),
    ("subquery or range selector", "subquery selector"),
    ('"<Item 57400>" ', ""),
]
STANDING_DIFFERENCES = [
    "unexpected character in duration expression",
    "unexpected colon",
    "expected ':'",
    "invalid UTF-8",
]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusProcess]:
    directory = tmp_path_factory.mktemp("prometheus")
    with running_prometheus(directory, f"--enable-feature={','.join(FEATURES)}") as process:
        yield process


def our_verdict(text: str) -> Verdict:
    try:
        node = parse_expression(text, Features.of(FEATURES))
    except ParseError as error:
        return Verdict(str(error))
    return Verdict(None, prettify(node), without_newer_fields(expression_json(node)))


def without_newer_fields(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: without_newer_fields(value) for key, value in tree.items() if key not in NEWER_FIELDS}
    return [without_newer_fields(item) for item in tree] if isinstance(tree, list) else tree


def in_older_words(verdict: Verdict) -> Verdict:
    error = verdict.error
    for newer, older in OLDER_WORDS:
        error = error.replace(newer, older) if error else error
    return Verdict(error, verdict.pretty, without_newer_fields(verdict.tree))


def assert_equal_verdicts(ours: Verdict, theirs: Verdict) -> None:
    if ours.error and theirs.error and any(words in ours.error + theirs.error for words in STANDING_DIFFERENCES):
        return
    assert in_older_words(ours) == in_older_words(theirs)


@pytest.mark.parametrize("name", ["accepted", "refused"])
def test_the_lists_are_what_prometheus_says(prometheus: PrometheusProcess, name: str) -> None:
    for text, _ in read_list(name):
        assert_equal_verdicts(our_verdict(text), prometheus.verdict(text))


@pytest.mark.parametrize("name", ["accepted_since_3_14", "refused_since_3_14"])
def test_the_lists_of_newer_syntax_are_what_a_newer_prometheus_says(prometheus: PrometheusProcess, name: str) -> None:
    if prometheus.version() < (3, 14):
        pytest.skip("needs Prometheus 3.14 or later: set PROMETHEUS to its path")
    for text, _ in read_list(name):
        assert (prometheus.verdict(text).error is None) == (name == "accepted_since_3_14")


@given(text=vectors(new=False))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_generated_expressions_have_the_same_layout_and_tree(prometheus: PrometheusProcess, text: str) -> None:
    # 3.5 forgets the quotes around the labels of `on` and `ignoring` when it prints them.
    if '"a.b"' not in text:
        assert_equal_verdicts(our_verdict(text), prometheus.verdict(text))


@given(text=SOUPS.filter(lambda text: text.isascii() and not any(word in text for word in NEWER_SYNTAX)))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_generated_nonsense_is_refused_in_the_same_words(prometheus: PrometheusProcess, text: str) -> None:
    assert_equal_verdicts(our_verdict(text), prometheus.verdict(text))


@given(text=vectors(new=False), data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_expression_is_refused_in_the_same_words(
    prometheus: PrometheusProcess, text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    damaged = text[:start] + text[start + data.draw(st.integers(1, 3)) :]
    if damaged.isascii() and '"a.b"' not in damaged and not any(word in damaged for word in NEWER_SYNTAX):
        assert_equal_verdicts(our_verdict(damaged), prometheus.verdict(damaged))
