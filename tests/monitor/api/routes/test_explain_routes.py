"""What a query does and costs, part by part."""

from __future__ import annotations

import pytest
from api_server import open_context, serving
from api_story import END

from monitor.config.settings import Limits

RANGE = {"start": str(END - 600), "end": str(END), "step": "60"}


def shape(node: dict) -> tuple:
    return (node["kind"], *(shape(child) for child in node["children"]))


def test_the_tree_is_that_of_the_expression(api):
    query = "sum by (job) (rate(http_requests_total[5m])) / on (job) (count(up) by (job) > 0)"

    tree = api.get("explain", query=query, **RANGE).data["tree"]

    comparison = ("parentheses", (">", ("count", ("selector",)), ("number",)))
    assert shape(tree) == ("/", ("sum", ("rate()", ("range selector",))), comparison)
    assert tree["children"][0]["children"][0]["text"] == "rate(http_requests_total[5m])"


def test_each_part_says_what_was_expected_and_what_it_took(api):
    data = api.post("explain", query="sum(rate(http_requests_total[5m]))", **RANGE).data
    total, rate = data["tree"], data["tree"]["children"][0]
    selector = rate["children"][0]

    assert total["estimate"] == {"series": 1, "steps": 11, "loadedSamples": 0, "windowSamples": 0}
    assert selector["estimate"]["series"] == rate["actual"]["series"] == selector["actual"]["series"] > 1
    assert selector["estimate"]["loadedSamples"] == data["estimate"]["loadedSamples"] > 0
    assert (total["actual"]["series"], total["actual"]["evaluations"]) == (1, 1)
    assert total["actual"]["seconds"] >= rate["actual"]["seconds"] >= selector["actual"]["seconds"] >= 0
    assert total["actual"]["ownSeconds"] == pytest.approx(total["actual"]["seconds"] - rate["actual"]["seconds"])
    assert data["resultSeries"] == 1
    assert data["stats"]["samples"]["totalQueryableSamples"] == pytest.approx(
        data["estimate"]["windowSamples"], rel=0.3
    )


def test_the_estimate_alone_evaluates_nothing(api):
    data = api.get("explain", query="sum(up)", time=str(END), analyze="false").data

    assert (data["stats"], data["refused"], data["step"]) == (None, None, 0)
    assert data["tree"]["actual"] is None
    assert data["tree"]["children"][0]["estimate"]["series"] > 0


def test_a_query_that_would_be_refused_says_so(tmp_path):
    with open_context(tmp_path, Limits(query_window_samples=100)) as context, serving(context) as client:
        client.write([({"__name__": "a"}, {at * 1000: 1.0 for at in range(1000)})])
        data = client.get("explain", query="max_over_time(a[10m])", start="0", end="1000", step="10").data

    assert "(query_window_samples)" in data["refused"]
    assert data["stats"] is None
    assert data["tree"]["children"][0]["estimate"]["windowSamples"] > 100


@pytest.mark.parametrize("query", ["up{", "", "up + on (job) up"])
def test_a_wrong_query_is_the_same_error_as_elsewhere(api, query):
    explained, asked = api.get("explain", query=query, time=str(END)), api.get("query", query=query, time=str(END))

    assert (explained.status, explained.body) == (asked.status, asked.body)


@pytest.mark.parametrize("query", ["max_over_time((up > 0)[5m:1m])", "(((up)))", "up @ 5 + up", "1", '"a"', "up[5m]"])
def test_every_kind_of_query_is_explained(api, query):
    assert api.get("explain", query=query, time=str(END)).status == 200
