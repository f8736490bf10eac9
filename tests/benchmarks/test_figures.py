"""Ratios and verdicts of measured figures."""

from __future__ import annotations

import pytest
from comparison.figures import Against, Better, Figure, Must, Verdict, geometric_mean


def figure(values: dict[str, float | None], must: Must | None = None, better: Better = Better.LOWER) -> Figure:
    return Figure("scrape", "CPU", "s", values, must, better)


def test_the_ratio_is_against_the_best_peer() -> None:
    assert figure({"plimsoll": 1.0, "prometheus": 4.0, "victoriametrics": 2.0}).ratio == 0.5


def test_the_best_peer_has_the_most_where_more_is_better() -> None:
    values: dict[str, float | None] = {"plimsoll": 8.0, "prometheus": 4.0, "victoriametrics": 2.0}

    assert figure(values, better=Better.HIGHER).ratio == 2.0


def test_a_ratio_may_be_against_prometheus_only() -> None:
    values: dict[str, float | None] = {"plimsoll": 1.0, "prometheus": 4.0, "victoriametrics": 2.0}

    assert figure(values, Must(0.3, Against.PROMETHEUS)).ratio == 0.25


@pytest.mark.parametrize(
    ("ours", "better", "verdict"),
    [
        (0.6, Better.LOWER, Verdict.PASS),
        (0.61, Better.LOWER, Verdict.MISS),
        (0.6, Better.HIGHER, Verdict.PASS),
        (0.59, Better.HIGHER, Verdict.MISS),
    ],
)
def test_the_limit_itself_passes(ours: float, better: Better, verdict: Verdict) -> None:
    assert figure({"plimsoll": ours, "prometheus": 1.0}, Must(0.6), better).verdict is verdict


@pytest.mark.parametrize("peers", [{}, {"prometheus": None}, {"prometheus": 0.0}], ids=["none", "failed", "zero"])
def test_without_a_peer_there_is_no_ratio_and_no_verdict(peers: dict[str, float | None]) -> None:
    alone = figure({"plimsoll": 1.0, **peers}, Must(0.6))

    assert (alone.ratio, alone.verdict) == (None, Verdict.NO_PEER)


def test_what_we_could_not_measure_is_a_miss() -> None:
    assert figure({"plimsoll": None, "prometheus": 1.0}, Must(0.6)).verdict is Verdict.MISS


def test_a_count_is_compared_with_its_limit_as_it_is() -> None:
    assert figure({"plimsoll": 0.0}, Must(0, Against.NOTHING)).verdict is Verdict.PASS
    assert figure({"plimsoll": 1.0}, Must(0, Against.NOTHING)).verdict is Verdict.MISS


def test_a_figure_without_a_must_has_no_verdict() -> None:
    assert figure({"plimsoll": 9.0, "prometheus": 1.0}).verdict is Verdict.NO_TARGET


def test_the_geometric_mean_of_a_ratio_and_its_inverse_is_one() -> None:
    assert geometric_mean([0.25, 4.0]) == pytest.approx(1.0)
    assert geometric_mean([]) is None
