"""How figures are shown and written."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest
from comparison.figures import Against, Better, Detail, Figure, Measured, Must
from comparison.report import Report, as_json, as_markdown, as_table, number_text

CPU = Figure("scrape", "CPU", "s", {"plimsoll": 1.0, "prometheus": 4.0}, Must(0.6))
SLOW = Figure("queries", "time", "", {"plimsoll": 3.0, "prometheus": 4.0}, Must(0.3, Against.PROMETHEUS))


def report(figures: Sequence[Figure], details: Sequence[Detail] = (), notes: Sequence[str] = ()) -> Report:
    return Report(
        mode="full",
        begun="2026-01-01 00:00 UTC",
        seconds=61.234,
        machine={"processor": "fast", "cores": 2, "memory_mib": 1024},
        systems={"plimsoll": "Plimsoll", "prometheus": "Prometheus"},
        versions={"plimsoll": "1.0", "prometheus": "3.5"},
        notes=notes,
        measured=[Measured(tuple(figures), tuple(details))],
    )


def test_a_row_has_values_ratio_limit_and_verdict() -> None:
    lines = as_markdown(report([CPU])).splitlines()

    assert "| scrape | CPU (s) | 1 | 4 | 0.25 x best peer | <= 0.6 x best peer | pass |" in lines


def test_more_must_be_at_least_the_limit() -> None:
    rate = Figure("queries", "rate", "", {"plimsoll": 1.0, "prometheus": 4.0}, Must(2.0), Better.HIGHER)

    assert "| queries | rate | 1 | 4 | 0.25 x best peer | >= 2 x best peer | MISS |" in as_markdown(report([rate]))


def test_what_could_not_be_measured_is_a_dash() -> None:
    alone = Figure("queries", "rate", "", {"plimsoll": 2.5})

    assert "| queries | rate | 2.5 | - | - |  |  |" in as_markdown(report([alone]))


def test_notes_and_details_are_in_the_markdown() -> None:
    detail = Detail("Questions", ("question", "ms"), (("up|down", "1.0"),))

    text = as_markdown(report([CPU], [detail], ["Prometheus not found"]))

    assert "- Prometheus not found\n" in text
    assert "## Questions\n\n| question | ms |\n| --- | --- |\n| up\\|down | 1.0 |\n" in text


def test_the_json_says_the_same() -> None:
    written = orjson.loads(orjson.dumps(as_json(report([CPU, SLOW]))))

    assert written["is_good"] is False
    assert [(each["ratio"], each["verdict"]) for each in written["figures"]] == [(0.25, "pass"), (0.75, "MISS")]
    assert written["figures"][1]["must"] == {"limit": 0.3, "against": "Prometheus"}


def test_the_terminal_shows_a_row_for_each_figure() -> None:
    assert as_table(report([CPU, SLOW])).row_count == 2


def test_a_report_without_a_miss_is_good() -> None:
    assert report([CPU]).is_good
    assert not report([CPU, SLOW]).is_good


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (12.0, "12"), (0.12345, "0.123"), (12.345, "12.3"), (1234567.8, "1,234,568")],
)
def test_numbers_keep_the_digits_that_count(value: float | None, text: str) -> None:
    assert number_text(value) == text
