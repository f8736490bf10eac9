"""Numbers are found by their hashes, however they were added."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.storage.head.hash_runs import HashRuns

added = st.lists(st.lists(st.tuples(st.integers(2**63, 2**63 + 9), st.integers(0, 99)), min_size=1), max_size=8)


def filled(portions: list[list[tuple[int, int]]]) -> HashRuns:
    runs = HashRuns()
    for portion in portions:
        hashes, numbers = zip(*portion, strict=True)
        runs.add(np.array(hashes, np.uint64), np.array(numbers, np.int64))
    return runs


def found(runs: HashRuns, hashed: int) -> list[int]:
    return sorted(number for run in runs.runs for number in run.find(np.uint64(hashed)))


@given(added)
def test_all_numbers_of_a_hash_are_found(portions: list[list[tuple[int, int]]]) -> None:
    runs, pairs = filled(portions), [pair for portion in portions for pair in portion]
    assert len(runs) == len(pairs)
    for hashed in range(2**63, 2**63 + 10):
        assert found(runs, hashed) == sorted(number for each, number in pairs if each == hashed)


@given(added)
def test_numbers_that_are_not_wanted_are_gone(portions: list[list[tuple[int, int]]]) -> None:
    left = filled(portions).only(lambda numbers: numbers % 2 == 0)
    for hashed in range(2**63, 2**63 + 10):
        wanted = [number for portion in portions for each, number in portion if each == hashed and number % 2 == 0]
        assert found(left, hashed) == sorted(wanted)


def test_there_are_few_runs() -> None:
    assert len(filled([[(2**63 + number, number)] for number in range(1_000)]).runs) <= 10
