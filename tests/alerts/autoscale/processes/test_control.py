"""What a keeper answers on its socket."""

from __future__ import annotations

import asyncio
import json

import pytest

from alerts.autoscale.processes.balancer import Balancer
from alerts.autoscale.processes.control import ControlServer
from alerts.autoscale.processes.fleet import Fleet
from alerts.autoscale.processes.settings import FleetSettings
from alerts.autoscale.stored_form import plain
from monitor.clock import SystemClock

SETTINGS = FleetSettings("web", ("serve", "{port}"), "127.0.0.1", 8080, (9001, 9002))


def answers(tmp_path, *lines: bytes) -> list[dict]:
    """The answers to `lines` on one connection, until it ends."""

    async def run():
        fleet = Fleet(SETTINGS, Balancer(SETTINGS), SystemClock(), {}, lambda records: None)
        control = ControlServer(fleet, 42, asyncio.Event())
        await control.open(tmp_path / "keeper.sock")
        reader, writer = await asyncio.open_unix_connection(tmp_path / "keeper.sock")
        writer.writelines(lines)
        writer.write_eof()
        received = (await reader.read()).splitlines()
        writer.close()
        await writer.wait_closed()
        control.close()
        return [json.loads(line) for line in received]

    return asyncio.run(run())


def ask(tmp_path, **request) -> dict:
    (answer,) = answers(tmp_path, json.dumps(request).encode() + b"\n")
    return answer


def test_every_answer_is_the_whole_status(tmp_path):
    status = ask(tmp_path, verb="scale", desired=2)["status"]
    assert (status["desired"], status["ready"], status["keeper_pid"]) == (2, 0, 42)
    assert status["digest"] == SETTINGS.digest()


@pytest.mark.parametrize(
    ("request_fields", "error"),
    [
        ({"verb": "dance"}, "got the verb 'dance', want own, scale, status, log or end"),
        ({"verb": "scale", "desired": 3}, "got 3 replicas, want 0 to 2, the number of ports"),
        ({"verb": "scale", "desired": -1}, "got -1 replicas"),
        ({"verb": "scale", "desired": None}, "TypeError"),
        ({"verb": "scale"}, "KeyError"),
        ({"verb": "log", "replica": 7}, "got replica 7, want one of"),
        ({"verb": "own", "settings": {}}, "want all fields of FleetSettings"),
        ({"verb": "own", "settings": {**plain(SETTINGS), "listen_port": 1}}, "got the address 127.0.0.1:1"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_said(tmp_path, request_fields, error):
    assert error in ask(tmp_path, **request_fields)["error"]


def test_a_keeper_that_is_ending_takes_no_orders(tmp_path):
    lines = [json.dumps(request).encode() + b"\n" for request in ({"verb": "end"}, {"verb": "own", "settings": None})]
    ended, refused = answers(tmp_path, *lines)
    assert "status" in ended
    assert refused["error"] == "ValueError: the keeper is ending"


@pytest.mark.parametrize("line", [b"hello\n", b"[]\n", b"\xff\n"])
def test_what_is_no_request_gets_no_status(tmp_path, line):
    assert not any("status" in answer for answer in answers(tmp_path, line))
