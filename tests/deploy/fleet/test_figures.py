"""What every server of the fleet says about itself is what a client has seen."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from eventually import eventually
from live_fleet import NAMES, LiveServer
from raw_http import Exposition
from toolchains import need_program

from deploy.fleet.servers import SERVERS

pytestmark = pytest.mark.parametrize("name", [server.name for server in SERVERS])

ORDER = b'{"order_id": 42, "amount_cents": 1999}'


def test_requests_are_counted_by_route_method_and_status(server: LiveServer) -> None:
    asked = {
        ("GET", "/", 200): ("/", None, 7),
        ("GET", server.product_route, 200): ("/product/7", None, 6),
        ("GET", server.product_route, 404): ("/product/x", None, 5),
        ("POST", "/pay", 200): ("/pay", ORDER, 4),
        ("POST", "/pay", 400): ("/pay", b"{", 3),
        ("GET", "/fail", 500): ("/fail?rate=1", None, 2),
        ("GET", "", 404): ("/nowhere", None, 1),
    }
    before = {key: server.requests(*key) for key in asked}

    with server.connect() as connection:
        for target, body, times in asked.values():
            for _ in range(times):
                connection.ask(target, body)

    def counted() -> dict[tuple[str, str, int], int]:
        return {key: server.requests(*key) - before[key] for key in asked}

    eventually(counted, {key: times for key, (_, _, times) in asked.items()})


def test_what_is_no_method_makes_no_series_of_its_own(server: LiveServer) -> None:
    name, (label, _, _) = NAMES[server.name]
    for method in ("FROB", "get", "PROPFIND"):
        with server.connect() as connection:
            connection.send_bytes(f"{method} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            connection.read_answer()

    scraped = server.scrape()
    seen = {dict(labels).get(label, "") for known, labels in scraped.values if known == f"{name}_count"}
    assert seen <= {"GET", "POST", "_OTHER"}, seen


def test_latency_is_a_histogram_from_100_microseconds_on(server: LiveServer) -> None:
    name, (_, route, _) = NAMES[server.name]
    before = server.scrape()

    with server.connect() as connection:
        for _ in range(3):
            connection.ask("/slow?ms=60")

    after = server.scrape()
    slow = {route: "/slow"}
    assert after.sum(f"{name}_bucket", le="0.0001") <= after.sum(f"{name}_count")
    assert {"0.0001", "0.00025", "0.0005", "10"} <= {
        dict(labels).get("le", "").removesuffix(".0") for _, labels in after.values
    }
    assert 0.18 <= after.sum(f"{name}_sum", **slow) - before.sum(f"{name}_sum", **slow) < 0.6
    assert after.sum(f"{name}_bucket", le="0.05", **slow) == before.sum(f"{name}_bucket", le="0.05", **slow)


def test_a_request_is_in_flight_while_it_is_answered(server: LiveServer) -> None:
    name = "http_server_active_requests" if server.name == "node-std" else "http_requests_in_flight"
    with server.connect() as connection:
        connection.send("/slow?ms=600")
        eventually(lambda: server.value(name), 1.0)
        connection.read_answer()

    eventually(lambda: server.value(name), 0.0)


def test_a_client_that_goes_away_leaves_nothing_in_flight(server: LiveServer) -> None:
    name = "http_server_active_requests" if server.name == "node-std" else "http_requests_in_flight"
    with server.connect() as connection:
        connection.send("/slow?ms=600")
        eventually(lambda: server.value(name), 1.0)

    eventually(lambda: server.value(name), 0.0)


def connections_in(scraped: Exposition) -> tuple[int, int]:
    accepted = scraped.sum("server_connections_accepted_total")
    return int(accepted), int(scraped.sum("server_connections_open"))


def test_kept_and_short_connections_are_counted(server: LiveServer) -> None:
    # A scrape of a server with its metrics on its own port is a connection, too.
    own = 0 if server.name == "node-std" else 1
    eventually(lambda: connections_in(server.scrape())[1], own)
    accepted, _ = connections_in(server.scrape())

    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(server.connect()) for _ in range(3)]
        statuses = [connection.ask("/").status for connection in kept for _ in range(5)]
        assert statuses == [200] * 15
        assert connections_in(server.scrape()) == (accepted + 3 + own, 3 + own)

    eventually(lambda: connections_in(server.scrape())[1], own)
    accepted, _ = connections_in(server.scrape())
    for _ in range(5):
        with server.connect() as connection:
            connection.ask("/", None, "1.1", "Connection: close")
            assert connection.is_closed_by_server()
    assert connections_in(server.scrape())[0] == accepted + 5 + own


def test_bytes_sent_are_the_bytes_received(server: LiveServer) -> None:
    before = server.value("server_sent_bytes_total")
    with server.connect() as connection:
        received = sum(connection.ask(f"/product/{number}").wire_bytes for number in range(20))
        received += connection.ask("/pay", ORDER).wire_bytes
        received += connection.ask("/nowhere").wire_bytes
        received += connection.ask("/fail", None, "1.1", "Connection: close").wire_bytes
    with server.connect() as connection:
        received += sum(connection.ask("/", None, "1.0", "Connection: Keep-Alive").wire_bytes for _ in range(3))

    eventually(lambda: server.value("server_sent_bytes_total") - before, float(received))


def test_the_process_is_as_the_kernel_sees_it(server: LiveServer) -> None:
    folder = Path(f"/proc/{server.running.process.pid}")
    scraped = server.scrape()
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    resident_kilobytes = int((folder / "status").read_text().partition("VmRSS:")[2].split()[0])

    assert scraped.sum("process_resident_memory_bytes") == pytest.approx(resident_kilobytes * 1024, rel=0.1)
    assert scraped.sum("process_cpu_seconds_total") == pytest.approx(
        (int(fields[11]) + int(fields[12])) / 100, abs=0.05
    )
    assert scraped.sum("process_open_fds") == pytest.approx(len(list((folder / "fd").iterdir())), abs=2)
    assert scraped.sum("process_start_time_seconds") == pytest.approx(start_seconds(int(fields[19])), abs=0.01)


def start_seconds(start_ticks: int) -> float:
    boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    return int(boot.split()[1]) + start_ticks / 100


def test_only_a_runtime_with_a_collector_has_pauses(server: LiveServer) -> None:
    scraped = server.scrape()

    has_collector = server.server.runtime != "rust"
    assert scraped.has("runtime_gc_pause_seconds_bucket") is has_collector
    assert scraped.has("runtime_gc_pause_seconds_sum") is has_collector


@pytest.mark.parametrize("options", [["-k"], []], ids=["kept", "short"])
def test_all_requests_of_ab_are_counted(server: LiveServer, options: list[str], tmp_path: Path) -> None:
    order = tmp_path / "order.json"
    order.write_bytes(ORDER)
    before = server.requests("POST", "/pay", 200)

    url = f"http://127.0.0.1:{server.port}/pay"
    load = [
        need_program("ab"),
        "-q",
        *options,
        "-n",
        "400",
        "-c",
        "4",
        "-p",
        str(order),
        "-T",
        "application/json",
    ]
    output = subprocess.run([*load, url], capture_output=True, text=True, check=True, timeout=60).stdout

    assert "Complete requests:      400\nFailed requests:        0\n" in output
    assert ("Keep-Alive requests:    400" in output) is ("-k" in options)
    eventually(lambda: server.requests("POST", "/pay", 200) - before, 400)
