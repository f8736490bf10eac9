"""Remote write 1.0 over HTTP: what is taken, what is refused and how, and what is on disk when 204 is answered."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

import cramjam
import pytest
from api_server import PROTOBUF, ApiClient, open_context, serving
from api_story import START_MS
from remote_write import write_request

from monitor.api.worker_pool import WorkerPool
from monitor.config.settings import Limits
from monitor.errors import StorageFull
from monitor.storage.head.head_state import HeadSettings
from monitor.storage.store import Store, StoreSettings

UP = {"__name__": "up", "job": "a"}
PATH = "/api/v1/write"


@pytest.fixture
def api(tmp_path):
    with open_context(tmp_path) as context, serving(context) as client:
        yield client


def value_of(api: ApiClient, expression: str, at_ms: int = START_MS) -> dict[str, str]:
    result = api.get("query", query=expression, time=str(at_ms / 1000)).data["result"]
    return {series["metric"].get("job", ""): series["value"][1] for series in result}


def test_what_is_written_can_be_asked_for(api):
    reply = api.write([(UP, {START_MS - 15_000: 1.0, START_MS: 2.0}), ({**UP, "job": "b"}, {START_MS: 3.5})])
    assert (reply.status, reply.body) == (204, b"")
    assert value_of(api, "up") == {"a": "2", "b": "3.5"}
    assert value_of(api, "count_over_time(up[1m])") == {"a": "2", "b": "1"}


def test_writing_the_same_again_changes_nothing(api):
    for _ in range(2):
        assert api.write([(UP, {START_MS: 1.0})]).status == 204
    assert value_of(api, "count_over_time(up[1m])") == {"a": "1"}


def test_the_answer_comes_only_when_the_samples_are_on_disk(tmp_path):
    with open_context(tmp_path / "a") as context:
        held: list[Future[None]] = []
        asked = threading.Event()

        class HeldStore(Store):
            def durable(self) -> Future[None]:
                held.append(Future())
                asked.set()
                return held[0]

        store = HeldStore(tmp_path / "b", StoreSettings(), context.clock)
        with serving(context, store=store, receiver=store) as client:
            replies: list = []
            thread = threading.Thread(target=lambda: replies.append(client.write([(UP, {START_MS: 1.0})])))
            thread.start()
            assert asked.wait(10)
            assert value_of(client, "up") == {"a": "1"}
            assert replies == []
            held[0].set_result(None)
            thread.join(10)
        store.close()
    assert replies[0].status == 204


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/x-protobuf"},
        {**PROTOBUF, "Content-Type": "application/x-protobuf; proto=prometheus.WriteRequest"},
        {**PROTOBUF, "X-Prometheus-Remote-Write-Version": "0.1.0"},
    ],
)
def test_the_headers_of_real_senders_are_taken(api, headers):
    assert api.request("POST", PATH, write_request([(UP, {START_MS: 1.0})]), headers).status == 204


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Content-Type": "application/json"}, "content type: got application/json, want application/x-protobuf"),
        (
            {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"},
            "content type: got the message io.prometheus.write.v2.Request,"
            " want prometheus.WriteRequest (remote write 1.0)",
        ),
        ({**PROTOBUF, "Content-Encoding": "gzip"}, "content encoding: got gzip, want snappy"),
        ({**PROTOBUF, "Content-Encoding": "zstd"}, "content encoding: got zstd, want snappy"),
    ],
)  # fmt: skip
def test_other_types_are_415_so_that_senders_fall_back(api, headers, message):
    reply = api.request("POST", PATH, write_request([(UP, {START_MS: 1.0})]), headers)
    assert (reply.status, reply.json) == (415, {"status": "error", "errorType": "bad_data", "error": message})


@pytest.mark.parametrize(
    "body",
    [b"", b"abc", b"\xff" * 20, cramjam.snappy.compress_raw(b"\x0a\xff\x01abc"), cramjam.snappy.compress_raw(b"\x0f")],
    ids=["nothing", "no snappy", "a varint without end", "a series that ends too early", "an unknown wire type"],
)
def test_what_does_not_decode_is_refused_for_good(api, body):
    reply = api.request("POST", PATH, bytes(body), PROTOBUF)
    assert (reply.status, reply.json["errorType"]) == (400, "bad_data")


def test_a_request_of_nothing_is_taken(api):
    assert api.request("POST", PATH, bytes(cramjam.snappy.compress_raw(b"")), PROTOBUF).status == 204


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"job": "x"}, 'remote write labels: got {job="x"}, want a metric name'),
        ({"__name__": "", "job": "x"}, 'remote write labels: got {job="x"}, want a metric name'),
        ({"__name__": "x", "": "y"}, "remote write labels: got an empty label name"),
    ],
)
def test_a_series_with_bad_labels_is_refused_and_the_others_are_kept(api, bad, reason):
    reply = api.write([(UP, {START_MS: 1.0}), (bad, {START_MS: 5.0}), ({**UP, "job": "b"}, {START_MS: 2.0})])
    assert (reply.status, reply.json["error"]) == (400, f"1 of 3 series refused: {reason}")
    assert value_of(api, "up") == {"a": "1", "b": "2"}
    assert b"plimsoll_remote_write_refused_series_total 1.0" in api.request("GET", "/metrics").body


@pytest.mark.parametrize("bad_ms", [-1, -(2**62), 253_402_300_800_000, 2**62])
def test_samples_of_impossible_times_are_refused_and_the_others_are_kept(api, bad_ms):
    reply = api.write([(UP, {bad_ms: 1.0, START_MS: 2.0}), ({**UP, "job": "b"}, {START_MS: 3.0})])
    reason = f"got a sample at {bad_ms} ms, want a time from 1970 to 9999"
    assert (reply.status, reply.json["error"]) == (400, f"1 of 2 series refused: {reason}")
    assert value_of(api, "up") == {"a": "2", "b": "3"}


def test_the_first_millisecond_of_1970_is_a_time(api):
    assert api.write([(UP, {0: 7.0})]).status == 204
    assert value_of(api, "up", 1000) == {"a": "7"}


def test_over_the_limit_of_series_known_ones_keep_flowing(tmp_path):
    settings = StoreSettings(head=HeadSettings(series_max=3))
    with open_context(tmp_path, settings=settings) as context, serving(context) as api:
        known = [({"__name__": "up", "job": str(i)}, {START_MS: 1.0}) for i in range(3)]
        assert api.write(known).status == 204
        more = [({"__name__": "up", "job": str(i)}, {START_MS + 1000: 2.0}) for i in range(6)]
        reply = api.write(more)
        assert reply.status == 400
        assert reply.json["error"].startswith("3 of 6 series refused: got 4 series in the head, want at most 3")
        assert value_of(api, "up", START_MS + 1000) == {"0": "2", "1": "2", "2": "2"}


def test_a_body_over_the_limit_is_refused(tmp_path):
    with open_context(tmp_path, Limits(write_request_bytes=1000)) as context, serving(context) as api:
        packed = bytes(cramjam.snappy.compress_raw(b"\0" * 1001))
        too_long = api.request("POST", PATH, b"\0" * 1001, PROTOBUF)
        bomb = api.request("POST", PATH, packed, PROTOBUF)
    assert (too_long.status, bomb.status) == (413, 400)
    assert too_long.json["error"] == "body: got 1001 bytes, want at most 1000 (write_request_size)"
    assert bomb.json["error"] == "snappy body: got 1001 bytes uncompressed, want at most 1000"


def test_a_full_disk_asks_to_try_again(tmp_path):
    class FullStore(Store):
        def durable(self) -> Future[None]:
            failed: Future[None] = Future()
            failed.set_exception(StorageFull("the disk is full"))
            return failed

    with open_context(tmp_path / "a") as context:
        store = FullStore(tmp_path / "b", StoreSettings(), context.clock)
        with serving(context, receiver=store) as api:
            reply = api.write([(UP, {START_MS: 1.0})])
        store.close()
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    assert reply.json == {"status": "error", "errorType": "unavailable", "error": "the disk is full"}


def test_too_many_at_once_are_asked_to_come_again(tmp_path):
    writes = WorkerPool("remote write", 1, 0, "waiting_write_requests")
    asyncio.run(writes.enter())
    with open_context(tmp_path) as context, serving(context, writes=writes) as api:
        reply = api.write([(UP, {START_MS: 1.0})])
    writes.close()
    assert (reply.status, reply.headers["retry-after"]) == (429, "5")
    assert "want at most 0 (waiting_write_requests)" in reply.json["error"]


def test_without_a_receiver_there_is_nothing(tmp_path):
    with open_context(tmp_path) as context, serving(context, receiver=None) as api:
        reply = api.write([(UP, {START_MS: 1.0})])
    assert (reply.status, reply.json["error"]) == (404, "remote write is not enabled")


def test_a_large_request_of_many_series_is_taken_in_parts(api):
    series = [({"__name__": "m", "i": str(i), "job": "a"}, {START_MS: float(i)}) for i in range(5_000)]
    assert api.write(series).status == 204
    assert value_of(api, "count by (job) (m)") == {"a": "5000"}
    assert value_of(api, "sum by (job) (m)") == {"a": str(5_000 * 4_999 // 2)}
