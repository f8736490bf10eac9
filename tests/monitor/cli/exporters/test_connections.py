from __future__ import annotations

import json
import socket

from typer.testing import CliRunner

from monitor.cli.exporters.table import app

runner = CliRunner()


def test_the_accept_queue_of_a_port_is_printed_as_json() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=5) as server:
        port = str(server.getsockname()[1])
        result = runner.invoke(app, ["connections", "--port", port, "--json"])

    assert result.exit_code == 0
    by_name = {metric["name"]: metric["samples"] for metric in json.loads(result.stdout)["metrics"]}
    assert by_name["server_accept_queue_limit"] == [
        {"name": "server_accept_queue_limit", "labels": {"port": port}, "value": 5}
    ]


def test_a_pid_that_does_not_run_is_an_error_that_names_it() -> None:
    result = runner.invoke(app, ["connections", "--pid", "4194999", "--json"])

    assert (result.exit_code, result.stderr) == (1, "plimsoll exporter: no process found for pid=4194999\n")
