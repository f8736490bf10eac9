"""Everything that can be wrong with a request, and exactly what is answered."""

from __future__ import annotations

import pytest

NO_EXPRESSION = "unknown position: parse error: no expression found in input"
IN_BRACES = "parse error: unexpected end of input inside braces"
UNCLOSED = "1:5: parse error: unclosed left parenthesis"
NO_MATCHER = "match[] must contain at least one non-empty matcher"
BEYOND_INT64 = 'strconv.Atoi: parsing "9223372036854775808": value out of range'
NO_STEP = "zero or negative query resolution step widths are not accepted. Try a positive integer"
RESOLUTION = (
    "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
)


def invalid(name: str, reason: str) -> str:
    return f'invalid parameter "{name}": {reason}'


def no_time(name: str, text: str) -> str:
    return invalid(name, f"invalid time value for '{name}': cannot parse \"{text}\" to a valid timestamp")


def not_for_a_range(kind: str) -> str:
    return invalid("query", f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector')


CASES = [
    ("query", invalid("query", NO_EXPRESSION)),
    ("query?query=", invalid("query", NO_EXPRESSION)),
    ("query?query=up%7B", invalid("query", f"1:4: {IN_BRACES}")),
    ("query?query=1&time=abc", no_time("time", "abc")),
    ("query?query=1&time=NaN", no_time("time", "NaN")),
    ("query?query=1&timeout=x", invalid("timeout", 'cannot parse "x" to a valid duration')),
    ("query?query=1&timeout=1e20", invalid("timeout", 'cannot parse "1e20" to a valid duration. It overflows int64')),
    ("query?query=1&limit=x", invalid("limit", 'strconv.Atoi: parsing "x": invalid syntax')),
    ("query?query=1&limit=-1", invalid("limit", "limit must be non-negative")),
    ("query?query=1&limit=9223372036854775808", invalid("limit", BEYOND_INT64)),
    ("query?query=1&lookback_delta=x", 'error parsing lookback delta duration: cannot parse "x" to a valid duration'),
    ("query_range?query=1", invalid("start", 'cannot parse "" to a valid timestamp')),
    ("query_range?query=1&start=1", invalid("end", 'cannot parse "" to a valid timestamp')),
    ("query_range?query=1&start=1&end=2", invalid("step", 'cannot parse "" to a valid duration')),
    ("query_range?query=1&start=2&end=1", invalid("end", "end timestamp must not be before start time")),
    ("query_range?query=1&start=1&end=2&step=0", invalid("step", NO_STEP)),
    ("query_range?query=1&start=1&end=2&step=-0.5", invalid("step", NO_STEP)),
    ("query_range?query=1&start=1&end=2&step=-1s", invalid("step", 'cannot parse "-1s" to a valid duration')),
    ("query_range?query=1&start=0&end=11001&step=1", RESOLUTION),
    ("query_range?query=1&start=0&end=2&step=0.0001", RESOLUTION),
    ("query_range?query=up[1m]&start=1&end=2&step=1", not_for_a_range("range vector")),
    ("query_range?query=%22a%22&start=1&end=2&step=1", not_for_a_range("string")),
    ("query_range?query=sum(&start=1&end=2&step=1", invalid("query", UNCLOSED)),
    ("query_exemplars", NO_EXPRESSION),
    ("query_exemplars?query=up&start=5&end=1", "end timestamp must not be before start timestamp"),
    ("format_query?query=sum(", invalid("query", UNCLOSED)),
    ("parse_query?query=sum(", invalid("query", UNCLOSED)),
    ("labels?limit=-2", invalid("limit", "limit must be non-negative")),
    ("labels?start=x", no_time("start", "x")),
    ("labels?match[]=up%7B", f"1:4: {IN_BRACES}"),
    ("labels?match[]=", "unknown position: parse error: unexpected end of input"),
    ("labels?match[]=%7B%7D", NO_MATCHER),
    ("label/job/values?match[]=%7Ba=~%22.*%22%7D", NO_MATCHER),
    ("label/%ff/values", 'invalid label name: "\\xff"'),
    ("label/U__/values", 'invalid label name: ""'),
    ("series", "no match[] parameter provided"),
    ("series?match[]=1", invalid("match[]", '1:1: parse error: unexpected number "1"')),
    ("series?match[]=up&end=x", no_time("end", "x")),
    ("metadata?limit=x", "limit must be a number"),
    ("metadata?limit_per_metric=x", "limit_per_metric must be a number"),
    ("targets/metadata?limit=x", "limit must be a number"),
    ("targets/metadata?match_target=x%7B", invalid("match_target", f"1:3: {IN_BRACES}")),
    ("targets/relabel_steps?labels={}", "no scrapePool parameter provided"),
    ("targets/relabel_steps?scrapePool=a", "no labels parameter provided"),
    ("targets/relabel_steps?scrapePool=a&labels=[]", "error parsing labels: want an object whose values are strings"),
    ("status/tsdb?limit=0", "limit must be a positive number"),
    ("status/tsdb?limit=x", "limit must be a positive number"),
]


@pytest.mark.parametrize(("path", "message"), CASES, ids=[path for path, _ in CASES])
def test_a_bad_request_is_refused_in_the_words_of_prometheus(api, path, message):
    reply = api.request("GET", f"/api/v1/{path}")
    assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
    assert reply.json == {"status": "error", "errorType": "bad_data", "error": message}


@pytest.mark.parametrize(
    ("method", "path", "status", "error_type", "message"),
    [
        ("GET", "/api/v1/nope", 404, "not_found", "path /api/v1/nope not found"),
        ("GET", "/api/v2/nope", 404, "not_found", "path /api/v2/nope not found"),
        ("GET", "/api/v1/query/", 404, "not_found", "path /api/v1/query/ not found"),
        ("GET", "/api/v1/label//values", 404, "not_found", "path /api/v1/label//values not found"),
        ("PUT", "/api/v1/query", 405, "bad_data", "method PUT not allowed, want one of GET, HEAD, POST"),
        ("DELETE", "/api/v1/series", 405, "bad_data", "method DELETE not allowed, want one of GET, HEAD, POST"),
        ("POST", "/api/v1/label/job/values", 405, "bad_data", "method POST not allowed, want one of GET, HEAD"),
        ("GET", "/api/v1/write", 405, "bad_data", "method GET not allowed, want one of POST"),
        ("GET", "/api/v1/targets/relabel_steps?scrapePool=a&labels={}", 404, "not_found", "scrape pool 'a' not found"),
    ],
)  # fmt: skip
def test_what_is_not_there_has_the_same_shape(api, method, path, status, error_type, message):
    reply = api.request(method, path)
    assert (reply.status, reply.json) == (status, {"status": "error", "errorType": error_type, "error": message})


@pytest.mark.parametrize("path", ["/nope", "/api", "/rules", "/config/v1/rules"])
def test_outside_of_the_api_a_missing_page_is_plain_text(api, path):
    """Grafana looks for these words to learn that there is no ruler."""
    reply = api.request("GET", path)
    assert (reply.status, reply.body) == (404, b"404 page not found\n")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_wrong_method_names_the_right_ones(api):
    assert set(api.request("PATCH", "/api/v1/query").headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_an_evaluation_that_has_no_answer_is_422(api):
    reply = api.get("query", query="up + on() up", time="1700001785")
    assert (reply.status, reply.json["errorType"]) == (422, "execution")
    assert "many-to-many matching not allowed" in reply.json["error"]


def test_a_query_over_a_limit_is_422(api):
    reply = api.get("query", query="count_over_time(vector(1)[10y:1ms])")
    assert (reply.status, reply.json["errorType"]) == (422, "execution")
    assert "want at most" in reply.json["error"]


def test_a_body_that_is_no_form_is_refused(api):
    reply = api.request("POST", "/api/v1/query", b'{"query":"1"}', {"Content-Type": "application/json"})
    wanted = 'body: got content type "application/json", want application/x-www-form-urlencoded'
    assert (reply.status, reply.json["error"]) == (400, wanted)


def test_a_body_over_the_limit_is_refused_before_it_is_read(api):
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(2**30)}
    reply = api.request("POST", "/api/v1/query", b"query=1", headers)
    assert reply.status == 413
    assert reply.json["error"] == "body: got 1073741824 bytes, want at most 1048576 (request_body_size)"


def test_too_many_parameters_are_refused(api):
    reply = api.post("query", query="1", x=["y"] * 10_001)
    assert (reply.status, reply.json["errorType"]) == (400, "bad_data")
    assert "want at most 10000" in reply.json["error"]
