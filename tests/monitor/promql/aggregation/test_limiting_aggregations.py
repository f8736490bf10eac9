"""Over many steps topk and bottomk are vectorised; one step at a time they do as upstream does."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_reader import MemoryReader

from monitor.clock import SystemClock
from monitor.model.frame import Frame
from monitor.model.labels import Labels
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits

ENGINE = Engine(QueryLimits(), Features(), SystemClock())
STEPS = 3

cells = st.one_of(st.none(), st.integers(0, 3).map(float), st.sampled_from([math.nan, math.inf, -math.inf]))
tables = st.lists(st.lists(cells, min_size=STEPS, max_size=STEPS), min_size=1, max_size=25)


def a_reader(table: list[list[float | None]]) -> MemoryReader:
    reader = MemoryReader()
    for number, row in enumerate(table):
        labels = {"__name__": "m", "i": str(number), "parity": str(number % 2)}
        reader.add(labels, {step * 1000: value for step, value in enumerate(row) if value is not None})
    return reader


def kept(value: object, step: int) -> set[Labels]:
    assert isinstance(value, Frame)
    return {
        labels for labels, is_there in zip(value.labels.all_labels(), value.mask()[:, step], strict=True) if is_there
    }


@pytest.mark.parametrize("operator", ["topk", "bottomk", "topk by (parity)", "bottomk by (parity)"])
@given(table=tables, count=st.integers(0, 9))
def test_every_step_keeps_what_it_keeps_alone(operator: str, table: list[list[float | None]], count: int) -> None:
    reader, plan = a_reader(table), ENGINE.plan(f"{operator} ({count} + scalar(vector(time())), m)")

    together = ENGINE.range(plan, 0, (STEPS - 1) * 1000, 1000, reader, lookback_ms=1000).value

    for step in range(STEPS):
        alone = ENGINE.instant(plan, step * 1000, reader, lookback_ms=1000).value
        assert kept(together, step) == kept(alone, 0)
