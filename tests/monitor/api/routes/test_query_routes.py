"""Instant and range queries, and the routes that only parse."""

from __future__ import annotations

import time

import pytest
from api_story import END, END_MS

UP = 'up{job="api"}'


def test_an_instant_query_answers_in_prometheus_shape(api):
    reply = api.get("query", query=UP, time=str(END))
    assert reply.headers["content-type"] == "application/json"
    assert reply.body == (
        b'{"status":"success","data":{"resultType":"vector","result":['
        b'{"metric":{"__name__":"up","instance":"10.0.0.1:80","job":"api"},"value":[%d,"1"]},'
        b'{"metric":{"__name__":"up","instance":"10.0.0.2:80","job":"api"},"value":[%d,"1"]}]}}' % (END, END)
    )


def test_get_and_post_answer_the_same(api):
    parameters = {"query": "sum by (job) (rate(http_requests_total[5m]))", "time": f"{END}.25"}
    assert api.get("query", **parameters).body == api.post("query", **parameters).body
    assert b'"value":[%d.250,' % END in api.get("query", **parameters).body


def test_the_form_wins_over_the_url(api):
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    reply = api.request("POST", "/api/v1/query?query=2&time=4", "query=1", headers)
    assert reply.data["result"] == [4, "1"]


def test_the_health_check_of_grafana_is_answered(api):
    assert api.post("query", query="1+1", time="4").data == {"resultType": "scalar", "result": [4, "2"]}


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        ("1970-01-01T00:00:04Z", 4),
        ("-4.5", -4.5),
        ("2262-01-01T00:00:00Z", 9214646400),
        ("1e14", 1e14),
        ("-1e15", -1e15),
    ],
)
def test_any_time_is_answered(api, at, seconds):
    data = api.get("query", query="time()", time=at).data
    assert (data["result"][0], float(data["result"][1])) == (seconds, seconds)
    assert api.get("query", query="rate(up[292y]) + minute()", time=at).data["result"] == []


def test_without_a_time_it_is_now(api):
    before = time.time()
    shown = api.get("query", query="time()").data["result"][0]
    assert before - 0.001 <= shown <= time.time()


def test_a_string_and_samples_have_shapes_of_their_own(api):
    assert api.get("query", query='"a<é"', time="1.5").data == {"resultType": "string", "result": [1.5, "a<é"]}
    data = api.get("query", query=f"{UP}[30s]", time=str(END)).data
    assert data["resultType"] == "matrix"
    assert data["result"][0]["values"] == [[END - 15, "1"], [END, "1"]]


def test_a_range_query_has_a_value_at_every_step(api):
    data = api.get("query_range", query="up", start=str(END - 60), end=str(END), step="30").data
    assert data["resultType"] == "matrix"
    assert [series["metric"]["instance"] for series in data["result"]] == [
        "10.0.0.1:80",
        "10.0.0.2:80",
        "10.0.0.3:5432",
    ]
    assert data["result"][2]["values"] == [[END - 60, "0"], [END - 30, "0"], [END, "0"]]


def test_a_range_query_takes_every_form_of_its_times(api):
    as_numbers = api.post("query_range", query="1", start="0", end="3", step="1.5").data["result"]
    as_texts = api.get(
        "query_range", query="1", start="1970-01-01T00:00:00Z", end="1970-01-01T00:00:03Z", step="1s500ms"
    ).data["result"]
    assert as_numbers == as_texts == [{"metric": {}, "values": [[0, "1"], [1.5, "1"], [3, "1"]]}]


def test_the_largest_resolution_is_that_of_prometheus(api):
    most = api.get("query_range", query="1", start="0", end="11000", step="1")
    assert len(most.data["result"][0]["values"]) == 11_001
    assert api.get("query_range", query="1", start="0", end="11001", step="1").status == 400


@pytest.mark.parametrize(
    "path_and_parameters",
    [
        ("query", {"query": "up", "time": str(END)}),
        ("query", {"query": "up[1m]", "time": str(END)}),
        ("query_range", {"query": "up", "start": str(END - 60), "end": str(END), "step": "15"}),
    ],
    ids=["vector", "samples", "matrix"],
)
def test_a_limit_truncates_and_says_so(api, path_and_parameters):
    path, parameters = path_and_parameters
    reply = api.get(path, limit="2", **parameters)
    assert [series["metric"]["instance"] for series in reply.data["result"]] == ["10.0.0.1:80", "10.0.0.2:80"]
    assert reply.json["warnings"] == ["results truncated due to limit"]
    assert "warnings" not in api.get(path, limit="3", **parameters).json
    assert len(api.get(path, limit="0", **parameters).data["result"]) == 3


def test_remarks_about_a_query_stand_beside_the_data(api):
    reply = api.get("query", query="rate(up[1m])", time=str(END)).json
    assert reply["infos"] == [
        'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "up" (1:6)'
    ]
    assert "warnings" not in reply
    warned = api.get("query", query="quantile(2, up)", time=str(END)).json
    assert warned["warnings"] == ["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"]


def test_lookback_can_be_chosen(api):
    late = str(END + 120)
    assert len(api.get("query", query="up", time=late).data["result"]) == 3
    assert api.get("query", query="up", time=late, lookback_delta="1m").data["result"] == []
    assert len(api.get("query", query="up", time=late, lookback_delta="0").data["result"]) == 3


def test_statistics_are_given_when_asked_for(api):
    statistics = api.get("query", query="sum(up)", time=str(END), stats="all").data["stats"]
    assert statistics["samples"]["totalQueryableSamples"] >= 3
    assert set(statistics["timings"]) == {
        "evalTotalTime", "resultSortTime", "queryPreparationTime", "innerEvalTime", "execQueueTime", "execTotalTime",
    }  # fmt: skip
    assert 0 < statistics["timings"]["evalTotalTime"] <= statistics["timings"]["execTotalTime"] < 30


def test_exemplars_are_an_empty_list(api):
    assert api.get("query_exemplars", query="up").data == []
    assert api.post("query_exemplars", query="up", start="1", end="5").data == []


def test_an_expression_is_laid_out(api):
    assert api.post("format_query", query="sum(up)by(job)").data == "sum by (job) (up)"


def test_an_expression_is_shown_as_a_tree(api):
    tree = api.get("parse_query", query="sum by (job) (up offset 5m)").data
    assert (tree["type"], tree["op"], tree["grouping"]) == ("aggregation", "sum", ["job"])
    assert tree["expr"]["offset"] == 300_000


def test_labels_of_any_text_are_valid_json(api):
    (series,) = api.get("query", query="odd", time=str(END)).data["result"]
    assert series["metric"]["dotted.name"] == 'é<"\\\n'
    assert series["value"] == [END, "12"]
    assert END_MS % 1000 == 0
