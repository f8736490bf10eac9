"""`limit`, `timeout`, `lookback_delta`, `stats`, format_query and parse_query: as a real Prometheus takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from api_server import ApiClient
from api_story import END, story
from prometheus_process import running_prometheus

NEWER_FIELDS = {"anchored", "smoothed", "fillValues"}


@pytest.fixture(scope="module")
def peer(tmp_path_factory) -> Iterator[ApiClient]:
    flag = "--web.enable-remote-write-receiver"
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), flag) as process:
        client = ApiClient(f"http://127.0.0.1:{process.port}")
        assert client.write(story()).status == 204
        yield client


def without_newer_fields(tree: Any) -> Any:
    """Without what the trees of Prometheus 3.14 have and those of 3.5 have not."""
    if isinstance(tree, dict):
        return {key: without_newer_fields(value) for key, value in tree.items() if key not in NEWER_FIELDS}
    return [without_newer_fields(item) for item in tree] if isinstance(tree, list) else tree


INSTANT = {"time": str(END)}
RANGE = {"start": str(END - 60), "end": str(END), "step": "30"}


@pytest.mark.parametrize(
    "extra",
    [
        {"limit": "1"}, {"limit": "0"}, {"limit": "100"}, {"limit": "-1"}, {"limit": "x"}, {"limit": "1.5"},
        {"timeout": "10"}, {"timeout": "x"}, {"timeout": "1m"},
        {"lookback_delta": "10s"}, {"lookback_delta": "1"}, {"lookback_delta": "0"}, {"lookback_delta": "-5"},
        {"lookback_delta": "x"}, {"lookback_delta": "10s", "limit": "1"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize(
    ("path", "times", "query"),
    [
        ("query", INSTANT, "up"),
        ("query", INSTANT, "up[1m]"),
        ("query", INSTANT, "sort_desc(http_requests_total)"),
        ("query", INSTANT, "1"),
        ("query", INSTANT, '"a"'),
        ("query_range", RANGE, "up"),
        ("query_range", RANGE, "1"),
    ],
)
def test_a_parameter_means_the_same(api, peer, path, times, query, extra):
    mine, theirs = api.get(path, query=query, **times, **extra), peer.get(path, query=query, **times, **extra)

    assert (mine.status, mine.json) == (theirs.status, theirs.json)


@pytest.mark.parametrize(
    "query",
    [
        "sum by(a,b)(rate(x{c=~'d.*'}[5m])) / on(a) group_left count(up)>bool 2", "up{", "", "-1 ^ 2", "foo offset -5m",
        "max_over_time(rate(a[5m] @ end())[1h:])", "{'a.b', c!='d'}", "label_replace(a,'b','c','d','e')", "a # comment",
        "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket{job='api'}[5m]))) and up == 1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["format_query", "parse_query"])
def test_an_expression_is_laid_out_and_taken_apart_the_same(api, peer, path, query):
    mine, theirs = api.post(path, query=query), peer.post(path, query=query)

    assert (mine.status, without_newer_fields(mine.json)) == (theirs.status, theirs.json)


def test_of_many_remarks_ten_are_shown_and_the_others_counted(api, peer):
    parameters = {"query": "quantile_over_time(time(), up[5m])", **RANGE, "step": "1"}
    mine, theirs = (client.get("query_range", **parameters).json["warnings"] for client in (api, peer))

    assert (len(mine), mine[-1]) == (len(theirs), theirs[-1]) == (11, "51 more warning annotations omitted")
