"""The engine's answers for scaling, and how old what they were made from is."""

from __future__ import annotations

import pytest
from manual_clock import ManualClock
from memory_reader import MemoryReader, SharedStripeReader

from alerts.autoscale.engine_query import EngineQuery
from alerts.autoscale.query import reading_of
from monitor.errors import EvaluationError, ParseError
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits

LIVE = """
load 15s
  requests_total{instance="a"} 0+150x20
  requests_total{instance="b"} 0+150x20
  requests_total{instance="gone"} 0+150x4
  ended 5 5 5 stale
"""
AT_MS = 300_000


@pytest.fixture(params=[MemoryReader, SharedStripeReader])
def query(request):
    memory = request.param()
    memory.load(LIVE)
    return EngineQuery(Engine(QueryLimits(), Features(), ManualClock()), memory).query


def test_a_sum_is_one_value_as_old_as_its_newest_sample(query):
    reading = reading_of(query('sum(rate(requests_total{instance!="gone"}[1m]))', AT_MS + 4_000))
    assert (reading.value, reading.timestamp_ms, reading.elements) == (pytest.approx(20), AT_MS, 1)


def test_a_sum_over_what_stopped_minutes_ago_is_old(query):
    """A range selector and the lookback of an instant one still see it."""
    for expression in ('sum(rate(requests_total{instance="gone"}[5m]))', 'sum(requests_total{instance="gone"})'):
        assert reading_of(query(expression, AT_MS)).timestamp_ms == 60_000


def test_the_oldest_part_of_an_expression_counts(query):
    expression = 'sum(requests_total{instance="a"}) + sum(requests_total{instance="gone"})'
    assert reading_of(query(expression, AT_MS)).timestamp_ms == 60_000


def test_an_offset_is_not_an_age(query):
    assert reading_of(query('sum(requests_total{instance="a"} offset 2m)', AT_MS)).timestamp_ms == AT_MS


def test_a_stale_marker_is_no_sample(query):
    assert reading_of(query("sum(last_over_time(ended[5m]))", AT_MS)).timestamp_ms == 30_000


def test_several_elements_are_several(query):
    assert reading_of(query("requests_total", AT_MS)).elements == 3


def test_nothing_is_nothing_and_has_no_age(query):
    assert reading_of(query("sum(nowhere)", AT_MS)).elements == 0


def test_a_value_out_of_nothing_has_no_age(query):
    reading = reading_of(query("sum(nowhere) or vector(0)", AT_MS))
    assert (reading.value, reading.timestamp_ms) == (0, None)


def test_a_scalar_is_one_value(query):
    assert reading_of(query("scalar(sum(requests_total{instance='a'}))", AT_MS)).value == 3000


def test_a_warning_is_passed_on(query):
    assert "quantile" in reading_of(query("quantile(7, requests_total)", AT_MS)).warning


@pytest.mark.parametrize(("expression", "error"), [("sum(", ParseError), ("requests_total[5m]", EvaluationError)])
def test_what_has_no_value_is_an_error(query, expression, error):
    with pytest.raises(error):
        query(expression, AT_MS)
