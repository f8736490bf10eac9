"""Label names, label values and series."""

from __future__ import annotations

import pytest
from api_server import open_context, serving
from api_story import END, START_MS

from monitor.config.settings import Limits

START = START_MS // 1000


def test_label_names_are_sorted(api):
    assert api.get("labels").data == ["__name__", "code", "dotted.name", "instance", "job"]


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"match[]": "up"}, ["__name__", "instance", "job"]),
        ({"match[]": ["up", '{__name__="http_requests_total"}']}, ["__name__", "code", "instance", "job"]),
        ({"match[]": "nope"}, []),
        ({"match[]": "up", "start": "1", "end": "2"}, []),
        ({"match[]": "up", "start": str(START), "end": str(END)}, ["__name__", "instance", "job"]),
    ],
)
def test_label_names_of_some_series(api, parameters, names):
    assert api.get("labels", **parameters).data == names
    assert api.post("labels", **parameters).data == names


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("label/job/values", ["api", "db"]),
        ("label/__name__/values", ["http_requests_total", "odd", "up"]),
        ("label/nope/values", []),
        ("label/dotted.name/values", ['é<"\\\n']),
        ("label/U__dotted_2e_name/values", ['é<"\\\n']),
        ("label/%6aob/values", ["api", "db"]),
        ("label/%C3%A9/values", []),
    ],
)
def test_label_values_under_plain_and_escaped_names(api, path, values):
    assert api.get(path).data == values


def test_label_values_of_some_series(api):
    assert api.get("label/instance/values", **{"match[]": 'up{job="api"}'}).data == ["10.0.0.1:80", "10.0.0.2:80"]
    several = {"match[]": ['up{job="db"}', 'odd{job="api"}']}
    assert api.get("label/job/values", **several).data == ["api", "db"]


def test_series_are_sorted_and_each_is_there_once(api):
    found = api.get("series", **{"match[]": ["up", '{job="db"}', '{__name__=~"u.*"}']}).data
    assert found == [
        {"__name__": "up", "instance": "10.0.0.1:80", "job": "api"},
        {"__name__": "up", "instance": "10.0.0.2:80", "job": "api"},
        {"__name__": "up", "instance": "10.0.0.3:5432", "job": "db"},
    ]
    assert api.post("series", **{"match[]": "up"}).data == found


def test_series_without_samples_in_the_time_asked_for_are_left_out(api):
    assert api.get("series", **{"match[]": "up", "start": str(END + 86_400)}).data == []
    assert api.get("series", **{"match[]": "up", "start": "5", "end": "1"}).data == []


@pytest.mark.parametrize("path", ["labels", "label/instance/values", "series"])
def test_a_limit_truncates_and_says_so(api, path):
    match = {"match[]": "up"}
    every = api.get(path, **match).data
    cut = api.get(path, limit="2", **match)
    assert (cut.data, cut.json["warnings"]) == (every[:2], ["results truncated due to limit"])
    whole = api.get(path, limit=str(len(every)), **match)
    assert (whole.data, "warnings" in whole.json) == (every, False)


def test_grafanas_limit_of_all_series_is_honoured(api):
    reply = api.post("series", **{"match[]": '{__name__!=""}', "limit": "3"})
    assert [series["__name__"] for series in reply.data] == ["http_requests_total"] * 3


def test_an_answer_over_the_limit_of_the_server_is_refused(tmp_path):
    with open_context(tmp_path, Limits(found_series=2)) as context, serving(context) as api:
        api.write([({"__name__": "m", "i": str(i)}, {START_MS: 1.0}) for i in range(3)])
        reply = api.get("series", **{"match[]": "m"})
        wanted = "found 3 series, want at most 2 (found_series); use match[] or limit"
        assert (reply.status, reply.json["error"]) == (422, wanted)
        assert api.get("label/i/values").status == 422
        assert len(api.get("series", limit="2", **{"match[]": "m"}).data) == 2
