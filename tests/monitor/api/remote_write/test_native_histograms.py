"""Native histograms from remote write to answers, over HTTP and with a real store."""

from __future__ import annotations

import pytest
from api_server import PROTOBUF, ApiClient, open_context, serving
from api_story import START_MS
from native_histograms import HistogramSpec, histogram_request, parse_histogram

LATENCY = {"__name__": "latency_seconds", "job": "a"}
PATH = "/api/v1/write"


@pytest.fixture
def api(tmp_path):
    with open_context(tmp_path) as context, serving(context) as client:
        yield client


def write(api: ApiClient, samples: dict[int, HistogramSpec], *, as_integers: bool = False):
    return api.request("POST", PATH, histogram_request([(LATENCY, samples)], as_integers=as_integers), PROTOBUF)


def ask(api: ApiClient, expression: str, at_ms: int = START_MS):
    return api.get("query", query=expression, time=str(at_ms / 1000)).data["result"]


@pytest.mark.parametrize("as_integers", [False, True])
def test_a_histogram_is_given_back_bucket_by_bucket(api, as_integers):
    sample = parse_histogram("{{schema:1 count:9 sum:2.5 z_bucket:2 z_bucket_w:0.5 buckets:[3 0 1] n_buckets:[1 2]}}")

    assert write(api, {START_MS: sample}, as_integers=as_integers).status == 204

    (series,) = ask(api, "latency_seconds")
    assert series["metric"] == LATENCY
    time, histogram = series["histogram"]
    assert (time, histogram["count"], histogram["sum"]) == (START_MS / 1000, "9", "2.5")
    assert histogram["buckets"] == [
        [1, "-1.414213562373095", "-1", "2"],
        [1, "-1", "-0.7071067811865475", "1"],
        [3, "-0.5", "0.5", "2"],
        [0, "0.7071067811865475", "1", "3"],
        [0, "1.414213562373095", "2", "1"],
    ]


def test_custom_bounds_are_kept(api):
    sample = parse_histogram("{{schema:-53 count:4 sum:9 custom_values:[0.1 2.5] buckets:[1 2 1]}}")

    assert write(api, {START_MS: sample}).status == 204

    buckets = ask(api, "latency_seconds")[0]["histogram"][1]["buckets"]
    assert buckets == [[3, "-Inf", "0.1", "1"], [0, "0.1", "2.5", "2"], [0, "2.5", "+Inf", "1"]]


def test_a_bucket_that_comes_later_was_empty_before(api):
    assert write(api, {START_MS: parse_histogram("{{count:1 sum:1 buckets:[1]}}")}).status == 204
    assert write(api, {START_MS + 15_000: parse_histogram("{{count:3 sum:4 buckets:[1 2]}}")}).status == 204

    (series,) = ask(api, "latency_seconds[1m]", START_MS + 15_000)
    assert [histogram["buckets"] for _, histogram in series["histograms"]] == [
        [[0, "0.5", "1", "1"]],
        [[0, "0.5", "1", "1"], [0, "1", "2", "2"]],
    ]


def test_a_stale_marker_ends_a_histogram(api):
    assert write(api, {START_MS: parse_histogram("{{schema:2 count:1 sum:1 buckets:[1]}}")}).status == 204
    assert write(api, {START_MS + 1000: HistogramSpec(sum=1.0)}).status == 204
    stale = histogram_request([(LATENCY, {START_MS + 2000: HistogramSpec()})], stale=True)
    assert api.request("POST", PATH, stale, PROTOBUF).status == 204

    assert len(ask(api, "latency_seconds", START_MS + 1000)) == 1
    assert ask(api, "latency_seconds", START_MS + 2000) == []
    assert ask(api, "count_over_time(latency_seconds[1m])", START_MS + 2000)[0]["value"][1] == "2"


def test_floats_and_histograms_of_one_series_come_side_by_side(api):
    assert api.write([(LATENCY, {START_MS: 1.5})]).status == 204
    assert write(api, {START_MS + 15_000: parse_histogram("{{count:1 sum:1 buckets:[1]}}")}).status == 204

    (series,) = ask(api, "latency_seconds[1m]", START_MS + 15_000)
    assert series["values"] == [[START_MS / 1000, "1.5"]]
    assert [time for time, _ in series["histograms"]] == [START_MS / 1000 + 15]


def test_a_range_query_gives_histograms_at_each_step(api):
    samples = {START_MS + at: parse_histogram("{{count:1 sum:1 buckets:[1]}}") for at in (0, 15_000)}
    assert write(api, samples).status == 204

    times = {"start": str(START_MS / 1000), "end": str(START_MS / 1000 + 15), "step": "15"}
    (series,) = api.get("query_range", query="sum(latency_seconds) * 2", **times).data["result"]
    assert [histogram["count"] for _, histogram in series["histograms"]] == ["2", "2"]
    assert "values" not in series


def test_nobody_sees_how_histograms_are_kept(api):
    assert write(api, {START_MS: parse_histogram("{{count:3 sum:1 z_bucket:1 buckets:[1 1]}}")}).status == 204

    times = {"start": str(START_MS / 1000 - 60), "end": str(START_MS / 1000 + 60)}
    assert api.get("series", **{"match[]": "latency_seconds"}, **times).data == [LATENCY]
    assert api.get("labels").data == ["__name__", "job"]
    assert api.get("labels", **{"match[]": "latency_seconds"}).data == ["__name__", "job"]
    assert api.get("label/__histogram_component__/values").data == []


def test_the_label_that_tells_components_apart_is_refused(api):
    reply = api.write([({**LATENCY, "__histogram_component__": "0/count"}, {START_MS: 1.0})])

    assert reply.status == 400
    assert "want no label __histogram_component__: it is reserved" in reply.json["error"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{schema:9 count:1}}", "got the schema 9, want -4 to 8, or -53 for custom bounds"),
        ("{{count:-1}}", "got the count -1.0, want none below 0"),
        ("{{count:1 custom_values:[1]}}", "got custom bounds with the schema 0, want none"),
        ("{{schema:-53 custom_values:[2 1]}}", "want them to ascend"),
        ("{{schema:-53 custom_values:[1] buckets:[1 1 1]}}", "got a bucket behind the 1 custom bounds"),
        ("{{schema:-53 z_bucket:1}}", "got negative or zero buckets with custom bounds, want none"),
    ],
)
def test_what_is_no_histogram_is_refused_and_the_others_are_kept(api, text, reason):
    series = [({**LATENCY, "job": "b"}, {START_MS: parse_histogram(text)})]
    series.append((LATENCY, {START_MS: parse_histogram("{{count:1 sum:1 buckets:[1]}}")}))

    reply = api.request("POST", PATH, histogram_request(series), PROTOBUF)

    assert reply.status == 400
    assert reason in reply.json["error"]
    assert [each["metric"]["job"] for each in ask(api, "latency_seconds")] == ["a"]


def test_written_histograms_are_counted_as_samples(api):
    samples = {START_MS + at: parse_histogram("{{count:1 sum:1 buckets:[1]}}") for at in (0, 15_000)}
    assert write(api, samples).status == 204

    assert b"plimsoll_remote_write_samples_total 2.0" in api.request("GET", "/metrics").body
