from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import pytest
from certificates import make_certificate
from little_server import LittleServer, little_server, response

from monitor.discover.discover import parse_address
from monitor.discover.evidence import Address, HttpEvidence
from monitor.discover.probing import PATHS, ProbeLimits, probe_all, probe_listening

LIMITS = ProbeLimits(timeout_seconds=0.5, body_bytes_max=1000)
PATIENT = ProbeLimits(timeout_seconds=20)
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nServer: shop\r\n\r\n"


def answering(server: LittleServer, **answers: bytes) -> None:
    server.answers |= dict.fromkeys(PATHS, NOT_FOUND) | {f"/{name}": answer for name, answer in answers.items()}


async def probe(server: LittleServer, limits: ProbeLimits = LIMITS) -> HttpEvidence:
    (evidence,) = await probe_all([Address("127.0.0.1", server.port)], limits)
    return evidence


def test_pages_that_are_there_are_read_and_nothing_but_get_is_sent() -> None:
    async def run() -> None:
        async with little_server() as server:
            answering(server, metrics=response(b"up 1\n"))
            evidence = await probe(server)
        assert [(page.path, page.body) for page in evidence.pages] == [("/metrics", b"up 1\n")]
        assert evidence.headers == {"server": "shop"}
        assert {request.split(" ")[0] for request in server.requests} == {"GET"}
        assert sorted(request.split(" ")[1] for request in server.requests) == sorted(PATHS)

    asyncio.run(run())


def test_a_body_is_read_up_to_its_limit() -> None:
    async def run() -> None:
        async with little_server() as server:
            answering(server, metrics=response(b"x" * 5000))
            evidence = await probe(server)
        assert [len(page.body) for page in evidence.pages] == [1000]

    asyncio.run(run())


@pytest.mark.parametrize(("location", "pages"), [("/metrics/", 1), ("http://127.0.0.1:1/metrics", 0), ("/metrics", 0)])
def test_only_one_redirect_to_the_server_itself_is_followed(location: str, pages: int) -> None:
    async def run() -> None:
        async with little_server() as server:
            redirect = f"HTTP/1.1 307 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
            answering(server, metrics=redirect)
            server.answers["/metrics/"] = response(b"up 1\n")
            assert len((await probe(server)).pages) == pages

    asyncio.run(run())


def test_silence_and_other_protocols_take_no_longer_than_the_limit() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR unknown command\r\n")
        writer.close()

    async def run() -> list[HttpEvidence]:
        servers = [await asyncio.start_server(handler, "127.0.0.1", 0) for handler in (silent, silent, rude)]
        ports = [server.sockets[0].getsockname()[1] for server in servers]
        evidence = await probe_all([Address("127.0.0.1", port) for port in [*ports, 1]], LIMITS)
        for server in servers:
            server.close()
            await asyncio.sleep(0.05)  # for its handlers to see that the client has gone
        return evidence

    started = time.monotonic()
    assert [each.speaks_http for each in asyncio.run(run())] == [False] * 4
    assert time.monotonic() - started < 20


def tls_of(folder: Path) -> ssl.SSLContext:
    certificate = make_certificate(folder, "shop")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    return context


def test_a_server_that_breaks_off_plain_http_is_asked_over_tls(tmp_path: Path) -> None:
    async def run() -> None:
        async with little_server(tls=tls_of(tmp_path)) as server:
            answering(server, metrics=response(b"up 1\n"))
            evidence = await probe(server, PATIENT)
        assert (evidence.speaks_http, evidence.is_tls) == (True, True)
        assert [page.path for page in evidence.pages] == ["/metrics"]

    asyncio.run(run())


@pytest.mark.parametrize(("status", "connections"), [("400 Bad Request", 7), ("404 Not Found", 6)])
def test_only_who_answers_400_to_all_is_asked_over_tls_as_well(status: str, connections: int) -> None:
    async def run() -> None:
        refusal = response(b"", status=status, Connection="close")
        async with little_server(**dict.fromkeys((path[1:] for path in PATHS), refusal)) as server:
            evidence = await probe(server, PATIENT)
            assert (evidence.speaks_http, evidence.is_tls) == (True, False)
            assert server.connections == connections

    asyncio.run(run())


def test_what_listens_for_ipv6_only_is_asked_there() -> None:
    async def run() -> None:
        async with little_server("::1") as server, little_server() as other:
            answering(server)
            answering(other)
            listening = [Address("127.0.0.1", server.port), Address("127.0.0.1", other.port)]
            found = await probe_listening(listening, PATIENT)
        assert [address for address, _ in found] == [Address("::1", server.port), Address("127.0.0.1", other.port)]
        assert all(evidence.speaks_http for _, evidence in found)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "address"),
    [("8080", "127.0.0.1:8080"), (":8080", "127.0.0.1:8080"), ("shop:80", "shop:80"), ("[::1]:80", "[::1]:80")],
)
def test_addresses_are_read(text: str, address: str) -> None:
    assert str(parse_address(text)) == address


@pytest.mark.parametrize("text", ["", "shop", "::1:80", "http://shop:80", "shop:0", "shop:65536", "shop:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="want HOST:PORT"):
        parse_address(text)
