"""Whatever a client sends is answered, and never with an error of ours."""

from __future__ import annotations

import pytest
from api_server import ApiClient
from hypothesis import given, settings
from hypothesis import strategies as st

ENDPOINTS = [
    "query", "query_range", "query_exemplars", "labels", "label/job/values", "label/U__%00_ff_/values", "series",
    "format_query", "parse_query", "metadata", "targets", "targets/metadata", "targets/relabel_steps", "status/tsdb",
]  # fmt: skip
NAMES = ["query", "time", "start", "end", "step", "timeout", "limit", "lookback_delta", "stats", "match[]", "metric",
         "limit_per_metric", "state", "scrapePool", "match_target", "labels"]  # fmt: skip
numbers = st.one_of(
    st.integers().map(str), st.floats().map(repr), st.sampled_from(["1e18", "-9.2e15", "9.3e15", "0x1p3"])
)
expressions = st.sampled_from(
    [
        "up",
        "up{a=~'.*'}",
        "rate(up[5m])",
        "up @ 9.2e15",
        "up[292y:1ms]",
        "up offset -292y",
        '"\\xff"',
        "minute()",
        "{",
        "1",
    ]
)
values = st.one_of(
    numbers, expressions, st.text(max_size=10), st.sampled_from(["1m", "-1h", "2020-01-01T00:00:00Z", "{}"])
)


@given(st.sampled_from(ENDPOINTS), st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=6), st.booleans())
@settings(max_examples=400, deadline=None)
def test_any_parameters_are_answered(api: ApiClient, path, parameters, in_form):
    merged: dict[str, list[str]] = {}
    for name, value in parameters:
        merged.setdefault(name, []).append(value)
    ask = api.post if in_form and "/" not in path else api.get
    reply = ask(path, timeout="0.5", **{name: texts for name, texts in merged.items() if name != "timeout"})
    assert reply.status in (200, 204, 400, 404, 405, 422, 503), reply.body
    assert reply.status == 204 or reply.json["status"] in ("success", "error")


@pytest.mark.parametrize("time", ["1e14", "-1e15", "9e15", "-9.2e15"])
@pytest.mark.parametrize(
    "expression",
    ["up", "up offset 292y", "up offset -292y", "rate(up[292y])", "up[1m]", "max_over_time(up[5m:1s])", "year()",
     "timestamp(up)", "days_in_month()", "up @ 9e15", "predict_linear(up[1h], 1e300)", "rate(up[1m] @ start())"],
)  # fmt: skip
def test_the_ends_of_time_are_answered(api, expression, time):
    assert api.get("query", query=expression, time=time).status in (200, 422)
    bounds = {"start": time, "end": time, "step": "1e9"}
    assert api.get("query_range", query=expression, **bounds).status in (200, 400, 422)
