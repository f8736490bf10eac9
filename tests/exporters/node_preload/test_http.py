"""What the preload says of requests and connections is what clients have seen."""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.request
from pathlib import Path

import pytest
from certificates import make_certificate
from eventually import eventually
from node_program import OK, SERVER, NodeProgram, node_program, node_server
from raw_http import RawConnection, scrape
from toolchains import need_program

COUNT = "http_server_request_duration_seconds_count"
ROUTES = "/,/product/{id},/files/a.b"


def count(program: NodeProgram, **labels: str) -> int:
    return int(program.scrape().sum(COUNT, **labels))


@pytest.mark.parametrize("options", [["-k"], []], ids=["kept", "short"])
def test_all_requests_of_ab_are_counted(tmp_path: Path, options: list[str]) -> None:
    with node_server(tmp_path) as program:
        load = [need_program("ab"), "-q", *options, "-n", "1000", "-c", "8", f"http://127.0.0.1:{program.port}/"]
        output = subprocess.run(load, check=True, capture_output=True, text=True, timeout=60).stdout

        assert "Complete requests:      1000\nFailed requests:        0\n" in output
        eventually(lambda: count(program, http_response_status_code="200", http_request_method="GET"), 1000)
        assert program.scrape().sum("http_server_active_requests") == 0


def test_bytes_and_connections_are_those_of_the_client(tmp_path: Path) -> None:
    with node_server(tmp_path, 'response.end("x".repeat(5000))') as program:
        with RawConnection(program.port) as connection:
            received = sum(connection.ask("/").wire_bytes for _ in range(10))
            scraped = program.scrape()
            assert scraped.sum("server_connections_open") == 1
            assert scraped.sum("server_sent_bytes_total") == received

        eventually(lambda: program.scrape().sum("server_connections_open"), 0.0)
        scraped = program.scrape()
        assert scraped.sum("server_connections_accepted_total") == 1
        assert scraped.sum("server_sent_bytes_total") == received


def test_a_request_whose_client_goes_away_ends_without_a_status(tmp_path: Path) -> None:
    with node_server(tmp_path, "") as program:
        with RawConnection(program.port) as connection:
            connection.send("/")
            eventually(lambda: program.scrape().sum("http_server_active_requests"), 1.0)

        eventually(lambda: count(program, http_response_status_code=""), 1)
        assert program.scrape().sum("http_server_active_requests") == 0


def test_pipelined_requests_are_each_counted(tmp_path: Path) -> None:
    with node_server(tmp_path) as program, RawConnection(program.port) as connection:
        for _ in range(5):
            connection.send("/")
        assert [connection.read_answer().status for _ in range(5)] == [200] * 5

        eventually(lambda: count(program), 5)


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/", "/"),
        ("/?a=1", "/"),
        ("/product/7", "/product/{id}"),
        ("/product/7?a=/x", "/product/{id}"),
        ("/product/7/8", ""),
        ("/product/", ""),
        ("/files/a.b", "/files/a.b"),
        ("/files/aXb", ""),
    ],
)
def test_a_route_is_the_template_that_fits(tmp_path: Path, target: str, route: str) -> None:
    with node_server(tmp_path, PLIMSOLL_METRICS_ROUTES=ROUTES) as program:
        with RawConnection(program.port) as connection:
            connection.ask(target)

        eventually(lambda: count(program, http_route=route), 1)


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/orders/new", "/orders/{id}"),
        ("/orders/new/lines", "/orders/new/{part}"),
        ("/orders/7/lines", "/orders/{id}/lines"),
        ("/carts/7/lines", "/{any}/7/lines"),
        ("/carts", ""),
    ],
)
def test_of_several_templates_that_fit_the_first_counts(tmp_path: Path, target: str, route: str) -> None:
    templates = "/orders/{id},/orders/new,/orders/new/{part},/orders/{id}/lines,/{any}/7/lines"
    with node_server(tmp_path, PLIMSOLL_METRICS_ROUTES=templates) as program:
        with RawConnection(program.port) as connection:
            connection.ask(target)

        eventually(lambda: count(program, http_route=route), 1)


def test_the_route_that_express_has_matched_comes_first(tmp_path: Path) -> None:
    # What Express leaves on a request it has routed.
    handler = 'request.baseUrl = "/api"; request.route = { path: "/users/:id" }; response.end("ok")'
    with node_server(tmp_path, handler, PLIMSOLL_METRICS_ROUTES="/api/users/{id}") as program:
        with RawConnection(program.port) as connection:
            connection.ask("/api/users/7")

        eventually(lambda: count(program, http_route="/api/users/:id"), 1)


def test_routes_beyond_the_limit_are_counted_together(tmp_path: Path) -> None:
    handler = 'request.route = { path: request.url }; response.end("ok")'
    with node_server(tmp_path, handler) as program:
        with RawConnection(program.port) as connection:
            for number in range(1003):
                connection.ask(f"/{number}")

        eventually(lambda: count(program), 1003)
        assert count(program, http_route="_OTHER") == 3


def test_every_status_is_a_series(tmp_path: Path) -> None:
    with node_server(tmp_path, "response.statusCode = Number(request.url.slice(1)); response.end()") as program:
        with RawConnection(program.port) as connection:
            for status in (200, 404, 503, 503):
                connection.ask(f"/{status}")

        eventually(lambda: count(program), 4)
        assert [count(program, http_response_status_code=code) for code in ("200", "404", "503")] == [1, 1, 2]


TLS_SERVER = """
const fs = require("node:fs");
const tls = { key: fs.readFileSync(process.env.KEY), cert: fs.readFileSync(process.env.CERTIFICATE) };
const server = require("node:https").createServer(tls, (request, response) => response.end("secret"));
server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port));
"""


def test_https_is_counted_as_http_is(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "localhost")
    files = {"KEY": str(certificate.key_file), "CERTIFICATE": str(certificate.certificate_file)}
    with node_program(tmp_path, TLS_SERVER, **files) as program:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for _ in range(3):
            with urllib.request.urlopen(f"https://127.0.0.1:{program.port}/", context=context, timeout=5) as response:
                assert response.read() == b"secret"

        eventually(lambda: count(program, http_response_status_code="200"), 3)
        assert program.scrape().sum("server_connections_accepted_total") == 3
        # The handshake and the encryption are sent, too.
        assert program.scrape().sum("server_sent_bytes_total") > 3 * 1000


HTTP2_PROGRAM = """
const http2 = require("node:http2");
const server = http2.createServer((request, response) => { response.statusCode = 201; response.end("ok"); });
server.listen(0, "127.0.0.1", () => {
  const client = http2.connect("http://127.0.0.1:" + server.address().port);
  let open = 5;
  for (let number = 0; number < 5; number += 1) {
    const stream = client.request({ ":path": "/product/7?a=1" });
    stream.resume().on("close", () => { open -= 1; if (open === 0) console.log("port 0"); });
  }
});
"""


def test_http2_streams_are_requests(tmp_path: Path) -> None:
    with node_program(tmp_path, HTTP2_PROGRAM, PLIMSOLL_METRICS_ROUTES="/product/{id}") as program:
        assert program.port == 0

        labels = {"http_route": "/product/{id}", "http_response_status_code": "201", "http_request_method": "GET"}
        eventually(lambda: count(program, **labels), 5)
        assert program.scrape().sum("server_connections_accepted_total") == 1


CLUSTER = """
const cluster = require("node:cluster");
if (cluster.isPrimary) { cluster.fork(); cluster.fork(); } else { SERVER }
"""


def test_each_worker_of_a_cluster_has_its_own_metrics(tmp_path: Path) -> None:
    source = CLUSTER.replace(
        "SERVER", SERVER.replace("HANDLER", OK).replace("listen(0", "listen(Number(process.env.PORT)")
    )
    with node_program(tmp_path, source, PORT="0") as program:
        eventually(lambda: len(program.metrics_ports), 2)
        for _ in range(8):
            with RawConnection(program.port) as connection:
                connection.ask("/")

        def counted() -> int:
            return sum(int(scrape(port).sum(COUNT)) for port in program.metrics_ports)

        eventually(counted, 8)


def test_a_label_may_hold_any_text(tmp_path: Path) -> None:
    route = 'a"b\\c'
    handler = f'request.route = {{ path: {json.dumps(route)} }}; response.end("ok")'
    with node_server(tmp_path, handler) as program:
        with RawConnection(program.port) as connection:
            connection.ask("/")

        eventually(lambda: count(program, http_route=route), 1)
