"""The same samples in a real Prometheus: every answer is the same, to the byte where order and text are defined."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from api_server import ApiClient
from api_story import END, END_MS, START_MS, story
from peers import find_peer
from prometheus_process import running_prometheus

from monitor.model.samples import STALE

VALUES = [
    0.0, -0.0, 1.0, 0.1, 1e-5, 9.99e-6, 1e-6, 9.999e-7, 1e-7, 1e15, 1e16, 123456789012345680.0, 1e20, 1e21, 1.5e300,
    5e-324, 1.7976931348623157e308, float("nan"), float("inf"), float("-inf"), -2.5e-9, 2.0**53, 2.0**63, 1 / 3,
]  # fmt: skip
RANGE = {"start": str(END - 600), "end": str(END), "step": "15"}


def with_values() -> list:
    floats = [({"__name__": "value", "i": f"{i:02d}"}, {END_MS: value}) for i, value in enumerate(VALUES)]
    ended = ({"__name__": "ended"}, {END_MS - 60_000: 1.0, END_MS - 30_000: STALE})
    return [*story(), *floats, ended]


@pytest.fixture(scope="module")
def peer(tmp_path_factory) -> Iterator[ApiClient]:
    flag = "--web.enable-remote-write-receiver"
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), flag) as process:
        client = ApiClient(f"http://127.0.0.1:{process.port}")
        reply = client.write(with_values())
        assert reply.status == 204, reply.body
        yield client


@pytest.fixture(scope="module")
def ours(context_factory) -> Iterator[ApiClient]:
    with context_factory() as client:
        reply = client.write(with_values())
        assert reply.status == 204, reply.body
        yield client


@pytest.mark.parametrize(
    "expression",
    [
        "value", "sort_desc(value)", "-value", "up", "http_requests_total", "odd", "up[1m]", "value[5m]", "1.5", "-1/0",
        "sum by (job) (rate(http_requests_total[5m]))", '"a<b>é\u2028"', "time()", "vector(1)", "ended",
        "topk(1, http_requests_total)", "nope", "quantile(2, up)", "rate(up[5m])", "up == bool 1",
        "up offset 10m", "absent(nope{a='b'})", "{__name__=~'u.*'}",
    ],
)  # fmt: skip
def test_instant_queries(ours, peer, expression):
    parameters = {"query": expression, "time": f"{END}.25"}
    mine, theirs = ours.get("query", **parameters), peer.get("query", **parameters)
    assert mine.json == theirs.json
    if "<" not in expression:  # Go escapes it, which JSON leaves open
        assert mine.body == theirs.body


@pytest.mark.parametrize(
    "expression",
    ["up", "http_requests_total", "odd / 3", "time()", "1", "ended", "value", "rate(http_requests_total[1m])", "nope"],
)
@pytest.mark.parametrize("parameters", [RANGE, {**RANGE, "step": "0.7"}, {**RANGE, "limit": "2"}], ids=str)
def test_range_queries(ours, peer, expression, parameters):
    mine, theirs = (client.post("query_range", query=expression, **parameters) for client in (ours, peer))
    assert mine.body == theirs.body


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("labels", {}),
        ("labels", {"limit": "2"}),
        ("labels", {"match[]": ["up", "odd"]}),
        ("label/job/values", {}),
        ("label/U__dotted_2e_name/values", {}),
        ("label/i/values", {"limit": "3"}),
        ("label/__name__/values", {"match[]": '{job="api"}'}),
        ("series", {"match[]": ["up", "value"]}),
        ("series", {"match[]": "up", "limit": "1"}),
        ("series", {"match[]": "up", "start": str(START_MS // 1000), "end": str(END)}),
        ("series", {"match[]": "nope"}),
        ("query_exemplars", {"query": "up"}),
        ("format_query", {"query": "sum by(job)(rate(up[5m]))>1"}),
        ("parse_query", {"query": "1 + 2"}),
    ],
)
def test_labels_and_series(ours, peer, path, parameters):
    assert ours.get(path, **parameters).json == peer.get(path, **parameters).json


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("query", {}),
        ("query", {"query": "up{"}),
        ("query", {"query": "up", "time": "x"}),
        ("query", {"query": "up", "time": "1_0"}),
        ("query", {"query": "up", "timeout": "x"}),
        ("query", {"query": "up", "limit": "-1"}),
        ("query", {"query": "up + on() up", "time": str(END)}),
        ("query_range", {"query": "up"}),
        ("query_range", {"query": "up[1m]", **RANGE}),
        ("query_range", {"query": "up", **RANGE, "end": "1"}),
        ("query_range", {"query": "up", **RANGE, "step": "0"}),
        ("query_range", {"query": "up", **RANGE, "step": "0.01"}),
        ("query_exemplars", {"query": "up", "start": "5", "end": "1"}),
        ("labels", {"match[]": "{}"}),
        ("label/U__/values", {}),
        ("series", {}),
        ("series", {"match[]": "up[5m]"}),
        ("metadata", {"limit": "x"}),
        ("targets/metadata", {"match_target": "{"}),
        ("format_query", {"query": "sum("}),
    ],
)
def test_errors(ours, peer, path, parameters):
    mine, theirs = ours.get(path, **parameters), peer.get(path, **parameters)
    assert (mine.status, mine.headers["content-type"]) == (theirs.status, theirs.headers["content-type"])
    if theirs.status != 422:  # the order of the series that it names is not defined
        assert mine.json == theirs.json


def promtool(client: ApiClient, command: str, *arguments: str) -> str:
    done = subprocess.run(
        [find_peer("PROMTOOL"), "query", command, client.url, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("instant", ["up", f"--time={END}"]),
        ("instant", ["http_requests_total[1m]", f"--time={END}"]),
        ("instant", ["1 + 1", "--time=4"]),
        ("instant", ["value", f"--time={END}"]),
        ("range", ["sum by (job) (up)", f"--start={END - 120}", f"--end={END}", "--step=30s"]),
        ("labels", ["job", f"--start={START_MS // 1000}", f"--end={END}"]),
        ("labels", ["instance", "--match=up", f"--start={START_MS // 1000}", f"--end={END}"]),
        ("series", ["--match=up", "--match=odd", f"--start={START_MS // 1000}", f"--end={END}"]),
    ],
)
def test_promtool_prints_the_same_for_both(ours, peer, command, arguments):
    positional = [argument for argument in arguments if not argument.startswith("--")]
    flags = [argument for argument in arguments if argument.startswith("--")]
    shown = promtool(ours, command, *positional, *flags)
    assert shown == promtool(peer, command, *positional, *flags)
    assert shown.strip()
