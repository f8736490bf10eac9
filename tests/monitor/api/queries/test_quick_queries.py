"""What is answered on the event loop."""

from __future__ import annotations

import pytest

from monitor.api.queries.quick_queries import QUICK_SAMPLES_MAX, QUICK_SECONDS_MAX, REMEMBERED_MAX, QuickQueries
from monitor.promql.steps import QueryTimes

HOUR = QueryTimes(0, 3_600_000, 15_000)


def test_a_query_is_quick_once_it_was() -> None:
    quick = QuickQueries()
    assert not quick.is_quick("up", HOUR, None)

    quick.learn("up", HOUR, None, 480, 0.001)

    assert quick.is_quick("up", HOUR, None)
    assert quick.is_quick("up", QueryTimes.instant(5), None)


def test_a_longer_range_or_more_steps_are_not_known_to_be_quick() -> None:
    quick = QuickQueries()
    quick.learn("up", HOUR, None, 480, 0.001)

    assert not quick.is_quick("up", QueryTimes(0, 7_200_000, 30_000), None)
    assert not quick.is_quick("up", QueryTimes(0, 3_600_000, 1_000), None)


def test_another_lookback_is_another_query() -> None:
    quick = QuickQueries()
    quick.learn("up", HOUR, None, 480, 0.001)

    assert not quick.is_quick("up", HOUR, 86_400_000)


def test_a_query_that_became_large_is_quick_no_longer() -> None:
    quick = QuickQueries()
    quick.learn("up", HOUR, None, 480, 0.001)
    quick.learn("up", HOUR, None, QUICK_SAMPLES_MAX + 1, 0.001)

    assert not quick.is_quick("up", HOUR, None)


@pytest.mark.parametrize(("samples", "seconds"), [(QUICK_SAMPLES_MAX + 1, 0.001), (1, QUICK_SECONDS_MAX + 0.001)])
def test_what_loads_much_or_takes_long_is_not_quick(samples: int, seconds: float) -> None:
    quick = QuickQueries()
    quick.learn("up", HOUR, None, samples, seconds)

    assert not quick.is_quick("up", HOUR, None)


def test_what_is_forgotten_is_quick_no_longer() -> None:
    quick = QuickQueries()
    quick.learn("up", HOUR, None, 480, 0.001)
    quick.forget("up", None)
    quick.forget("never asked", None)

    assert not quick.is_quick("up", HOUR, None)


def test_only_so_many_are_remembered() -> None:
    quick = QuickQueries()
    for number in range(REMEMBERED_MAX + 1):
        quick.learn(f"up == {number}", HOUR, None, 1, 0.001)

    assert not quick.is_quick("up == 0", HOUR, None)
    assert quick.is_quick("up == 1", HOUR, None)
