"""Samples taken in by HTTP: what is good is kept, what is not is named."""

from __future__ import annotations

import gzip
import zlib

import numpy as np
import pytest
from history_server import HistoryServer, history_server
from stored_samples import Samples, stored_samples

from monitor.config.settings import Limits
from monitor.model.labels import Labels
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.store import StoreSettings

TEXT, OPENMETRICS, JSON, CSV = (
    "text/plain",
    "application/openmetrics-text; version=1.0.0",
    "application/jsonl",
    "text/csv",
)
A = Labels({"__name__": "a_total", "job": "x"})
BODIES = {
    TEXT: b'# TYPE a_total counter\na_total{job="x"} 1 1000\n\na_total{job="x"} 2.5 2000\n',
    OPENMETRICS: b'# TYPE a counter\na_total{job="x"} 1 1\na_total{job="x"} 2.5 2\n# EOF\n',
    JSON: b'{"metric":{"__name__":"a_total","job":"x"},"values":[1,2.5],"timestamps":[1000,2000]}\n',
    CSV: b"timestamp_ms,value,__name__,job,empty\n1000,1,a_total,x,\n2000,2.5,a_total,x,\n",
}


@pytest.fixture
def server(tmp_path):
    with history_server(tmp_path) as running:
        yield running


def floats(samples: Samples) -> dict[tuple[Labels, int], float]:
    return {key: float(np.uint64(bits).view(np.float64)) for key, bits in samples.items()}


@pytest.mark.parametrize("content_type", BODIES)
def test_each_format_brings_the_same_samples(server: HistoryServer, content_type: str) -> None:
    reply = server.send(BODIES[content_type], content_type)
    assert reply.status == 200, reply.body
    assert floats(stored_samples(server.store)) == {(A, 1000): 1.0, (A, 2000): 2.5}
    assert (reply.data["samples"], reply.data["refusedLines"], reply.data["errors"]) == (2, 0, [])


BAD_LINES = [
    (TEXT, b"a 1 1000\nb 2\nc{ 3 1000\nd x 1000\ne 5 1000", {2: "no timestamp", 3: "want", 4: "value"}, 2),
    (OPENMETRICS, b"a 1 1\nb 2 999999999999999\n\nc 3 2\n", {2: "want a time from 1970 to 9999"}, 2),
    (
        JSON,
        b'{"metric":{"__name__":"a"},"values":[1],"timestamps":[1]}\n{"metric":{}\n'
        b'{"metric":{"__name__":"a"},"values":[1,2],"timestamps":[1]}\n'
        b'{"metric":{"job":"a"},"values":[1],"timestamps":[1]}\n'
        b'{"metric":{"__name__":"a"},"values":[true],"timestamps":[1]}\n[]',
        {
            2: "not JSON",
            3: "got 2 values and 1 timestamps",
            4: "want a metric name",
            5: "got true",
            6: "want an object",
        },
        1,
    ),
    (
        CSV,
        b'timestamp,value,__name__,note\n1970-01-01T00:00:01Z,1,a,"two\nlines"\n3,x,a,\n4,1,,\n5,1\n2.5,6,a,\n',
        {4: "value: got 'x'", 5: "want a metric name", 6: "got 2 fields, want 4"},
        2,
    ),
]


@pytest.mark.parametrize(
    ("content_type", "body", "wanted", "kept"), BAD_LINES, ids=["text", "openmetrics", "json", "csv"]
)
def test_bad_lines_are_named_and_good_ones_kept(
    server: HistoryServer, content_type: str, body: bytes, wanted: dict[int, str], kept: int
) -> None:
    reply = server.send(body, content_type)
    errors = {error["line"]: error["message"] for error in reply.data["errors"]}
    assert errors.keys() == wanted.keys()
    assert all(wanted[line] in errors[line] for line in wanted), errors
    assert (reply.data["samples"], reply.data["refusedLines"]) == (kept, len(wanted))
    assert reply.json["warnings"] == [f"{len(wanted)} lines refused"]
    assert len(stored_samples(server.store)) == kept


def test_nothing_good_is_a_bad_request(server: HistoryServer) -> None:
    reply = server.send(b"nonsense here at all\n\n", TEXT)
    assert reply.status == 400
    assert reply.json["error"].startswith("all 1 lines refused, the first: line 1: ")


@pytest.mark.parametrize(
    ("content_type", "headers", "status"),
    [("image/png", {}, 415), ("", {}, 415), (TEXT, {"Content_Encoding": "br"}, 415)],
    ids=["type", "no type", "encoding"],
)
def test_unknown_types_are_refused(
    server: HistoryServer, content_type: str, headers: dict[str, str], status: int
) -> None:
    assert server.send(BODIES[TEXT], content_type, **headers).status == status


def test_compressed_bodies_are_taken_and_broken_ones_refused(server: HistoryServer) -> None:
    whole = gzip.compress(BODIES[JSON] * 2)
    assert server.send(whole, JSON, Content_Encoding="gzip").data["lines"] == 2
    assert server.send(whole[:-9], JSON, Content_Encoding="gzip").status == 400
    assert server.send(b"plain", JSON, Content_Encoding="gzip").status == 400


def test_a_body_that_unfolds_without_end_meets_the_limit_of_a_line(tmp_path) -> None:
    with history_server(tmp_path, limits=Limits(import_line_bytes=2**20)) as server:
        bomb = zlib.compressobj(9, wbits=31)
        body = bomb.compress(b"a" * 2**26) + bomb.compress(b"\n" + BODIES[JSON]) + bomb.flush()
        reply = server.send(body, JSON, Content_Encoding="gzip")
    assert reply.data["errors"] == [{"line": 1, "message": "longer than 1048576 bytes (import_line_size)"}]
    assert reply.data["lines"] == 1


def test_samples_older_than_the_late_window_are_taken(tmp_path) -> None:
    with history_server(tmp_path, settings=StoreSettings(head=HeadSettings(late_window_ms=0))) as server:
        assert server.send(b"a 1 1000000000\n", TEXT).data["samples"] == 1
        assert server.send(b"a 2 0\na 3 5\n", TEXT).data["samples"] == 2
        assert len(stored_samples(server.store)) == 3


def test_too_many_series_are_refused_line_by_line(tmp_path) -> None:
    with history_server(tmp_path, settings=StoreSettings(head=HeadSettings(series_max=2))) as server:
        server.send(b"a 1 1000\nb 1 1000\n", TEXT)
        reply = server.send(b"a 2 2000\nc 1 1000\nb 2 2000\nd 1 1000\n", TEXT)
        assert [error["line"] for error in reply.data["errors"]] == [2, 4]
        assert "head_series_max" in reply.data["errors"][0]["message"]
        assert len(stored_samples(server.store)) == 4


def test_a_long_body_is_taken_piece_by_piece(server: HistoryServer) -> None:
    body = b"".join(b'a{i="%d"} %d %d\n' % (line % 100, line, line // 100 * 1000) for line in range(120_000))
    assert server.send(body, TEXT).data["samples"] == 120_000
    result = server.api.get("query", query="sum(count_over_time(a[1h]))", time="1200").data["result"]
    assert result[0]["value"][1] == "120000"
