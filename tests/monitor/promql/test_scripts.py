"""Runs tests/promql_scripts/*.test."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory_reader import BundleReader, MemoryReader, SharedStripeReader
from promql_scripts import ScriptCase, read_script

SCRIPTS = sorted((Path(__file__).parents[2] / "promql_scripts").glob("*.test"))
CASES = [case for script in SCRIPTS for case in read_script(script)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.place)
def test_a_script_case_gives_what_it_says(case: ScriptCase) -> None:
    case.run()


@pytest.mark.parametrize("reader_type", [SharedStripeReader, BundleReader])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.place)
def test_a_script_case_does_not_depend_on_how_samples_are_stored(
    case: ScriptCase, reader_type: type[MemoryReader]
) -> None:
    case.run(reader_type)


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) > 10
    assert len(CASES) > 200
