"""What is ambiguous is judged step by step; the scripts hold the rest of vector matching."""

from __future__ import annotations

import pytest
from memory_reader import MemoryReader

from monitor.clock import SystemClock
from monitor.errors import EvaluationError, LimitExceeded
from monitor.model.frame import Frame
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits

LIMITS = QueryLimits()


def query(expression: str, load: str, end_ms: int, limits: QueryLimits = LIMITS) -> Frame:
    reader = MemoryReader()
    reader.load(f"load 1m\n{load}")
    engine = Engine(limits, Features(promql_binop_fill_modifiers=True), SystemClock())
    value = engine.range(engine.plan(expression), 0, end_ms, 60_000, reader).value
    assert isinstance(value, Frame)
    return value


TURNS = """
    many 1 1 1 1
    one{v="a"} 10 stale
    one{v="b"} _ _ 20 20
    one{v="c"} _ _ _ 30
"""


def test_series_of_one_match_group_may_take_turns() -> None:
    frame = query("many + on () one", TURNS, 120_000)

    assert frame.values[0, [0, 2]].tolist() == [11, 21]
    assert frame.mask().tolist() == [[True, False, True]]


def test_the_first_step_with_two_of_them_fails_the_query() -> None:
    with pytest.raises(EvaluationError, match="found duplicate series for the match group"):
        query("many + on () one", TURNS, 180_000)


def test_duplicates_do_not_matter_where_the_other_side_is_empty() -> None:
    load = """
        many 1 stale
        one{v="a"} _ 10
        one{v="b"} _ 20
    """

    assert query("many + on () one", load, 60_000).series == 0
    with pytest.raises(EvaluationError, match="found duplicate series"):
        query("many + on () fill (0) one", load, 60_000)


def test_of_several_failures_the_earliest_is_told() -> None:
    load = """
        many{i="1"} 1 1
        many{i="2"} _ 1
        one{v="a"} 1 1
        one{v="b"} 1 stale
    """

    with pytest.raises(EvaluationError, match="found duplicate series"):
        query("many + on () one", load, 60_000)


def test_two_many_sides_without_a_partner_are_fine() -> None:
    load = """
        many{i="1"} 1 1
        many{i="2"} 1 1
        one 10 stale
    """

    assert query("many{i='1'} + on () one", load, 60_000).mask().tolist() == [[True, False]]
    with pytest.raises(EvaluationError, match="multiple matches for labels: many-to-one matching must be explicit"):
        query("many + on () one", load, 60_000)


def test_a_label_set_is_told_with_its_name_among_its_labels() -> None:
    load = 'one{v="b"} 1\n one{v="a"} 1\n many 1'

    with pytest.raises(EvaluationError) as raised:
        query("many + on () one", load, 0)

    assert '[{__name__="one", v="a"}, {__name__="one", v="b"}];many-to-many matching not allowed' in str(raised.value)


def a_crowd(name: str, load: str) -> str:
    return "".join(f'{name}{{{name}="{index}"}} {load}\n' for index in range(30))


def test_many_series_of_one_match_group_are_refused_before_they_are_paired() -> None:
    with pytest.raises(EvaluationError, match=r"found duplicate series for the match group \{\} on the right"):
        query("many + on () one", a_crowd("many", "1") + a_crowd("one", "1"), 0)


A_CROWD_TAKING_TURNS = a_crowd("many", "1x29") + "".join(
    f'one{{i="{index}"}} {"_ " * index}{index} stale\n' for index in range(30)
)


def test_many_series_of_one_match_group_may_take_turns() -> None:
    frame = query("many + on () group_left one", A_CROWD_TAKING_TURNS, 29 * 60_000)

    assert frame.series == 30
    assert frame.values[7].tolist() == [1 + step for step in range(30)]


def test_pairs_that_might_take_turns_are_limited() -> None:
    limits = QueryLimits(cells_max=30 * 30 * 30 - 1)

    with pytest.raises(LimitExceeded, match="900 series at 30 steps"):
        query("many + on () group_left one", A_CROWD_TAKING_TURNS, 29 * 60_000, limits)
