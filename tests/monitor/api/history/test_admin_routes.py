"""Deleting and copying by HTTP, in Prometheus's shape."""

from __future__ import annotations

import pytest
from history_server import HistoryServer, history_server
from stored_samples import append_rows, seal_all

SERIES = [{"__name__": "up", "job": job} for job in ("a", "b")]


@pytest.fixture
def server(tmp_path):
    with history_server(tmp_path) as running:
        append_rows(running.store, "target", SERIES, 0, 100)
        yield running


def values(server: HistoryServer, selector: str) -> int:
    result = server.api.get("query", query=f"sum(count_over_time({selector}[1h]))", time="100").data["result"]
    return int(result[0]["value"][1]) if result else 0


def admin(server: HistoryServer, path: str, query: str = "", method: str = "POST"):
    return server.api.request(method, f"/api/v1/admin/tsdb/{path}?{query}")


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_deleted_series_are_out_of_the_next_answer(server: HistoryServer, method: str) -> None:
    reply = admin(server, "delete_series", "match[]=up{job=%22a%22}", method)
    assert (reply.status, reply.body) == (204, b"")
    assert values(server, "up") == 100


def test_only_samples_in_the_time_are_deleted(server: HistoryServer) -> None:
    assert admin(server, "delete_series", "match[]=up&start=10&end=19.5").status == 204
    assert values(server, "up") == 180


def test_cleaning_rewrites_the_blocks(server: HistoryServer) -> None:
    seal_all(server.store)
    admin(server, "delete_series", "match[]=up{job=%22a%22}")
    assert admin(server, "clean_tombstones").status == 204
    assert sum(block.meta.samples for block in server.store.blocks()) == 100


def test_a_snapshot_is_named_and_there(server: HistoryServer) -> None:
    name = admin(server, "snapshot").data["name"]
    assert (server.store.directory.snapshots / name / "journal.sqlite").exists()
    name = admin(server, "snapshot", "skip_head=true").data["name"]
    assert not (server.store.directory.snapshots / name / "journal.sqlite").exists()


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("delete_series", "", "no match[] parameter provided"),
        ("delete_series", "match[]={", "invalid parameter"),
        ("delete_series", "match[]={job=~%22.*%22}", "must contain at least one non-empty matcher"),
        ("delete_series", "match[]=up&start=2&end=1", "end timestamp must not be before start timestamp"),
        ("snapshot", "skip_head=maybe", "got 'maybe', want true or false"),
    ],
)
def test_what_makes_no_sense_is_refused(server: HistoryServer, path: str, query: str, message: str) -> None:
    reply = admin(server, path, query)
    assert (reply.status, reply.json["errorType"]) == (400, "bad_data")
    assert message in reply.json["error"]
    assert values(server, "up") == 200


@pytest.mark.parametrize("path", ["delete_series", "clean_tombstones", "snapshot"])
def test_administration_is_off_unless_asked_for(tmp_path, path: str) -> None:
    with history_server(tmp_path, admin=False) as server:
        reply = admin(server, path, "match[]=up")
    assert reply.status == 503
    assert reply.json == {"status": "error", "errorType": "unavailable", "error": "admin APIs disabled"}
