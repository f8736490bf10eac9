"""Samples given out by HTTP: the same in every format, and the same again after an import."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from history_server import HistoryServer, history_server
from stored_samples import Samples, seal_all, settings_of, stored_samples

from monitor.config.settings import Limits
from monitor.history.columns import label_of
from monitor.history.exports.read_history import HistoryQuestion
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.model.matchers import Matcher, MatchOp
from monitor.model.samples import ABSENT, STALE, STALE_BITS

SERIES = [
    {"__name__": "a_total", "job": "x", "text": 'quoted "é", \\ and\nmore'},
    {"__name__": "a_total", "job": "y"},
    {"__name__": "b", "value": "a label called value", "timestamp": "1"},
]
MATCH = ['{__name__=~"a_total|b"}']
TYPES = {
    "jsonl": "application/jsonl; charset=utf-8",
    "csv": "text/csv; charset=utf-8; header=present",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
IMPORTED = {"jsonl": "application/jsonl", "csv": "text/csv"}
Rows = set[tuple[Labels, int, str]]


def fill(server: HistoryServer) -> None:
    """200 rows, some in blocks, with everything that a value may be."""
    for first in (0, 100):
        values = np.arange(first, first + 100)[:, None] * 1.5 + np.arange(3)
        values[5] = [math.inf, -math.inf, math.nan]
        values[6, 0] = ABSENT
        values[7, 1] = STALE
        values[8, 2] = 1e-300
        server.store.append("target", LabelFrame.of(SERIES), np.arange(first, first + 100) * 1_000, values)
        if not first:
            seal_all(server.store)


@pytest.fixture
def server(tmp_path):
    with history_server(tmp_path / "one", limits=Limits(export_samples=97), settings=settings_of()) as running:
        fill(running)
        yield running


def export(server: HistoryServer, table: str, **parameters: str) -> bytes:
    reply = server.api.get("export", **{"match[]": MATCH, "format": table, **parameters})
    assert (reply.status, reply.headers["content-type"]) == (200, TYPES[table])
    return reply.body


def text_of(value: float | None) -> str:
    return "stale" if value is None else repr(float(value))


def rows_of(table: str, body: bytes) -> Rows:
    """What an export holds, read by libraries of others."""
    if table == "jsonl":
        lines = [json.loads(line) for line in body.splitlines()]
        return {
            (Labels(line["metric"]), time, text_of(None if value is None else float(value)))
            for line in lines
            for time, value in zip(line["timestamps"], line["values"], strict=True)
        }
    if table == "csv":
        reader = csv.reader(io.StringIO(body.decode(), newline=""))
        names = [label_of(name) for name in next(reader)[2:]]
        return {
            (
                Labels(zip(names, fields[2:], strict=True)),
                int(fields[0]),
                text_of(float(fields[1]) if fields[1] else None),
            )
            for fields in reader
        }
    read = pyarrow.parquet.read_table if table == "parquet" else lambda file: pyarrow.ipc.open_stream(file).read_all()
    columns = read(io.BytesIO(body))
    times = columns.column("timestamp").cast(pyarrow.int64()).to_pylist()
    values = columns.column("value").to_pylist()
    names = columns.column_names[2:]
    labels = [columns.column(name).to_pylist() for name in names]
    plain = [label_of(name) for name in names]
    return {
        (Labels([(name, text or "") for name, text in zip(plain, texts, strict=True)]), time, text_of(value))
        for time, value, *texts in zip(times, values, *labels, strict=True)
    }


def rows_in(samples: Samples) -> Rows:
    found = set()
    for (labels, time), bits in samples.items():
        value = None if bits == int(STALE_BITS) else float(np.uint64(bits).view(np.float64))
        found.add((labels, time, text_of(value)))
    return found


@pytest.mark.parametrize("table", TYPES)
def test_every_sample_is_in_every_format(server: HistoryServer, table: str) -> None:
    expected = rows_in(stored_samples(server.store))
    assert len(expected) == 2 * (300 - 1)
    assert rows_of(table, export(server, table)) == expected


@pytest.mark.parametrize("table", IMPORTED)
def test_an_import_of_an_export_gives_identical_answers(server: HistoryServer, tmp_path: Path, table: str) -> None:
    body = export(server, table)
    with history_server(tmp_path / "two") as other:
        reply = other.send(body, IMPORTED[table])
        assert reply.data["refusedLines"] == 0
        assert stored_samples(other.store) == stored_samples(server.store)
        for query in ("a_total", "rate(a_total[10s])", "count_over_time(b[20s])"):
            asked = {"query": query, "start": "0", "end": "210", "step": "7"}
            answers = [each.api.get("query_range", **asked).body for each in (server, other)]
            assert answers[0] == answers[1]


def test_only_what_is_asked_for_is_given(server: HistoryServer) -> None:
    body = export(server, "csv", start="10", end="20.5")
    assert {time for _, time, _ in rows_of("csv", body)} == {row * 1000 for row in range(10, 21)}
    reply = server.api.get("export", **{"match[]": ['{job="x"}', '{__name__="a_total"}'], "format": "jsonl"})
    rows = rows_of("jsonl", reply.body)
    assert {labels["job"] for labels, _, _ in rows} == {"x", "y"}
    samples = sum(len(json.loads(line)["values"]) for line in reply.body.splitlines())
    assert samples == len(rows) == 2 * 200 - 2


def test_nothing_found_is_an_empty_file(server: HistoryServer) -> None:
    for table in TYPES:
        reply = server.api.get("export", **{"match[]": "nothing", "format": table})
        assert reply.status == 200
        if table != "jsonl":
            assert reply.body.startswith({"csv": b"timestamp_ms,value,", "parquet": b"PAR1", "arrow": b"\xff"}[table])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "no match[] parameter provided"),
        ({"match[]": "a", "format": "xml"}, "got 'xml', want one of jsonl, csv, parquet, arrow"),
        ({"match[]": "a", "start": "2", "end": "1"}, "end timestamp must not be before start"),
    ],
    ids=["no match", "format", "times"],
)
def test_wrong_parameters_are_refused(server: HistoryServer, parameters: dict[str, str], message: str) -> None:
    reply = server.api.get("export", **parameters)
    assert reply.status == 400
    assert message in reply.json["error"]


def test_series_that_come_during_an_export_disturb_nothing(server: HistoryServer) -> None:
    selector = (Matcher("__name__", MatchOp.REGEX, "a_total|b"),)
    question = HistoryQuestion(server.store, [selector], 0, 199_000)
    seen: dict[tuple[Labels, int], int] = {}
    for number, runs in enumerate(question.pieces(200)):
        server.store.append(
            f"new-{number}", LabelFrame.of([{"__name__": "b", "n": str(number)}]), np.array([10**9]), np.ones((1, 1))
        )
        labels = runs.labels.all_labels()
        for series, (start, end) in enumerate(zip(runs.starts[:-1].tolist(), runs.starts[1:].tolist(), strict=True)):
            for time in runs.timestamps_ms[start:end].tolist():
                seen[labels[series], time] = seen.get((labels[series], time), 0) + 1
    assert set(seen.values()) == {1}
    assert len(seen) == 2 * (300 - 1)


@pytest.mark.parametrize("table", TYPES)
def test_range_queries_come_in_the_same_formats(server: HistoryServer, table: str) -> None:
    asked = {"query": "a_total * 2", "start": "0", "end": "4", "step": "2"}
    reply = server.api.get("query_range", format=table, **asked)
    assert reply.headers["content-type"] == TYPES[table]
    plain = server.api.get("query_range", **asked).data["result"]
    expected = {
        (Labels(series["metric"]), int(time * 1000), text_of(float(value)))
        for series in plain
        for time, value in series["values"]
    }
    assert rows_of(table, reply.body) == expected
    assert len(expected) == 6


def test_a_wrong_format_of_a_range_query_is_refused(server: HistoryServer) -> None:
    reply = server.api.get("query_range", query="1", start="0", end="1", step="1", format="xml")
    assert reply.status == 400
