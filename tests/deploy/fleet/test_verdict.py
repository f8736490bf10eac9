from __future__ import annotations

from typing import Any

from deploy.fleet.verdict import cell_verdict, differing, not_judged, report_verdict


def figure(agrees: bool | None, generator: float | None = 1.0) -> dict[str, Any]:
    return {"agrees": agrees, "generator": generator}


def cell(**figures: dict[str, Any]) -> dict[str, Any]:
    return {"server": "gin", "service": {"requests_equal": False}, "qps": figure(True), **figures}


def test_a_cell_without_a_difference_says_how_many_figures_agree() -> None:
    assert cell_verdict(cell(bytes=figure(True))) == "2 agree"


def test_what_differs_is_named() -> None:
    differs = cell(bytes=figure(False), errors=figure(False))

    assert differing(differs) == ["bytes", "errors"]
    assert cell_verdict(differs) == "1 agree; 2 differ: bytes, errors"


def test_a_latency_that_was_not_judged_does_not_agree() -> None:
    assert cell_verdict(cell(latency_p99=figure(None))) == "1 agree; 1 not judged: latency_p99"


def test_what_a_generator_cannot_see_is_not_to_be_judged_unless_the_kernel_can() -> None:
    unseen = cell(**dict.fromkeys(("gc_pauses", "memory", "memory_max", "cpu"), figure(None, None)))

    assert not_judged(unseen) == ["memory", "memory_max", "cpu"]


def test_a_report_says_how_many_cells_of_how_many_there_are() -> None:
    assert report_verdict([cell()] * 3, 4) == ["3 of 4 cells", "figures that differ: 0", "figures not judged: 0"]


def test_a_report_counts_figures_over_all_cells() -> None:
    cells = [cell(bytes=figure(False)), cell(bytes=figure(False), latency_p50=figure(None))]

    assert report_verdict(cells, 2)[1:] == [
        "figures that differ: 2 (bytes in 2)",
        "figures not judged: 1 (latency_p50 in 1)",
    ]
