"""Whatever happens to the preload, the program it is loaded into goes on as before."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from eventually import eventually
from node_program import PRELOAD, node_program, node_server
from raw_http import RawConnection
from toolchains import need_program


def ask_once(port: int) -> int:
    with RawConnection(port) as connection:
        return connection.ask("/").status


def test_a_taken_port_is_a_warning(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with node_server(tmp_path, PLIMSOLL_METRICS_PORT=str(port)) as program:
            assert ask_once(program.port) == 200
            eventually(lambda: f"plimsoll: warning: no metrics at 127.0.0.1:{port}" in program.errors.read_text(), True)
            assert "set PLIMSOLL_METRICS_PORT to another" in program.errors.read_text()
            assert program.stop() == 0


def test_a_wrong_setting_is_said_and_the_program_runs(tmp_path: Path) -> None:
    with node_server(tmp_path, PLIMSOLL_METRICS_PORT="http") as program:
        assert ask_once(program.port) == 200
        assert 'PLIMSOLL_METRICS_PORT: got "http", want 0 to 65535' in program.errors.read_text()


def test_an_error_while_measuring_is_counted_and_stays_inside(tmp_path: Path) -> None:
    handler = 'Object.defineProperty(request, "route", { get() { throw new Error("boom"); } }); response.end("ok")'
    with node_server(tmp_path, handler) as program:
        assert [ask_once(program.port) for _ in range(3)] == [200] * 3

        eventually(lambda: program.scrape().sum("plimsoll_preload_errors_total"), 3.0)
        assert program.errors.read_text().count("boom") == 1
        assert program.stop() == 0


def test_a_program_without_a_server_shows_nothing_of_it(tmp_path: Path) -> None:
    command = [need_program("node"), "--require", str(PRELOAD), "-e", 'console.log("done")']

    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)

    assert (done.stdout, done.stderr) == ("done\n", "")


def test_a_server_that_closes_ends_the_program_though_a_scraper_is_connected(tmp_path: Path) -> None:
    with node_server(tmp_path) as program:
        program.scrape()
        with RawConnection(program.metrics_ports[0]) as scraper:
            assert scraper.ask("/nowhere").status == 404

            start = time.monotonic()
            assert program.stop() == 0
            assert time.monotonic() - start < 3


TWO_SERVERS = """
const http = require("node:http");
const first = http.createServer((request, response) => response.end("first")).listen(0, "127.0.0.1", () => {
  http.createServer((request, response) => response.end("second")).listen(0, "127.0.0.1", function () {
    console.log("port " + first.address().port + " " + this.address().port);
  });
});
"""


def test_several_servers_of_a_program_are_counted_together(tmp_path: Path) -> None:
    with node_program(tmp_path, TWO_SERVERS) as program:
        ports = [program.port, int(program.output.read_text().split()[2])]
        assert [ask_once(port) for port in ports] == [200, 200]

        eventually(lambda: program.scrape().sum("http_server_request_duration_seconds_count"), 2.0)
        assert program.scrape().sum("server_connections_accepted_total") == 2


LISTENS_TWICE = """
const server = require("node:http").createServer((request, response) => response.end("ok"));
server.listen(0, "127.0.0.1", () => server.close(() => {
  server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port));
}));
"""


def test_a_server_that_listens_again_is_counted_once(tmp_path: Path) -> None:
    with node_program(tmp_path, LISTENS_TWICE) as program:
        assert ask_once(program.port) == 200

        eventually(lambda: program.scrape().sum("server_connections_accepted_total"), 1.0)


NOT_HTTP = """
const server = require("node:net").createServer((socket) => socket.end("hello"));
server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port));
"""


def test_a_server_that_speaks_no_http_is_left_alone(tmp_path: Path) -> None:
    with node_program(tmp_path, NOT_HTTP) as program:
        with socket.create_connection(("127.0.0.1", program.port)) as connection:
            assert connection.recv(100) == b"hello"

        assert program.metrics_ports == []
