from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from certificates import Certificate, make_certificate
from little_server import LittleServer, little_server, response

from exporters.errors import InvalidProbeTarget
from exporters.probe.connection import open_connection
from exporters.probe.modules import BUILT_IN_MODULES, HttpSettings, ProbeKind, ProbeModule, TcpStep, TlsSettings
from exporters.probe.phases import Failure, Phase, PhaseClock, Reason
from exporters.probe.prober import Prober, ProbeResult, ProberSettings
from exporters.probe.targets import Endpoint

HTTP = BUILT_IN_MODULES["http_2xx"]
TCP = BUILT_IN_MODULES["tcp_connect"]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def prober() -> Iterator[Prober]:
    prober = Prober(time.perf_counter)
    yield prober
    prober.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificates"), "localhost")


def probe_path(
    prober: Prober, module: ProbeModule = HTTP, path: str = "/page", **answers: bytes | Handler
) -> ProbeResult:
    async def probe() -> ProbeResult:
        async with little_server(**answers) as server:
            return await prober.probe(server.url(path), module)

    return asyncio.run(probe())


def probe_tls(prober: Prober, certificate: Certificate, module: ProbeModule, host: str = "localhost") -> ProbeResult:
    async def probe() -> ProbeResult:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate_file, certificate.key_file)
        async with little_server(tls=context, page=response(b"ok")) as server:
            target = f"https://{host}:{server.port}/page" if module.kind is ProbeKind.HTTP else f"{host}:{server.port}"
            return await prober.probe(target, module)

    return asyncio.run(probe())


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def closing_after(data: bytes) -> Handler:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return answer


def slow_parts(*parts: bytes, pause_seconds: float) -> Handler:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            await asyncio.sleep(pause_seconds)
            writer.write(part)
        writer.close()

    return answer


def test_a_success_has_its_phases_and_facts(prober: Prober) -> None:
    result = probe_path(prober, page=response(b"hello"))

    assert result.failure is None
    assert list(result.seconds) == [Phase.RESOLVE, Phase.CONNECT, Phase.PROCESSING, Phase.TRANSFER]
    assert result.http is not None and result.connection is not None
    assert (result.http.status, result.http.version, result.http.body_bytes) == (200, "1.1", 5)
    assert (result.http.content_length, result.http.redirects, result.http.used_tls) == (5, 0, False)
    assert not result.connection.is_ipv6
    assert sum(result.seconds.values()) <= result.duration_seconds


def test_waiting_for_the_first_byte_and_transfer_are_told_apart(prober: Prober) -> None:
    text = response(b"x" * 10)

    result = probe_path(prober, page=slow_parts(text[:20], text[20:], pause_seconds=0.1))

    # No upper bounds: a busy machine may take its time anywhere.
    assert result.seconds[Phase.PROCESSING] >= 0.09
    assert result.seconds[Phase.TRANSFER] >= 0.09
    assert result.seconds[Phase.RESOLVE] + result.seconds[Phase.CONNECT] <= result.duration_seconds - 0.18


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (response(b"", status="503 Busy"), Failure(Phase.CHECK, Reason.STATUS)),
        (closing_after(b""), Failure(Phase.TRANSFER, Reason.CLOSED)),
        (closing_after(response(b"whole")[:-2]), Failure(Phase.TRANSFER, Reason.CLOSED)),
        (closing_after(b"SSH-2.0-OpenSSH_9.2\r\n"), Failure(Phase.TRANSFER, Reason.MALFORMED)),
        (closing_after(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000), Failure(Phase.TRANSFER, Reason.TOO_LARGE)),
        (silent, Failure(Phase.PROCESSING, Reason.TIMEOUT)),
    ],
    ids=["status", "no answer", "half a body", "another protocol", "endless head", "silence"],
)
def test_a_failure_is_named_by_its_phase(prober: Prober, answer: bytes | Handler, failure: Failure) -> None:
    assert probe_path(prober, replace(HTTP, timeout_seconds=0.3), page=answer).failure == failure


def test_a_refused_connection_fails_in_connect(prober: Prober) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    for target, module in ((f"http://127.0.0.1:{port}/", HTTP), (f"127.0.0.1:{port}", TCP)):
        result = asyncio.run(prober.probe(target, module))

        assert result.failure == Failure(Phase.CONNECT, Reason.REFUSED)
        assert (result.connection, result.http) == (None, None)


@pytest.mark.parametrize("host", ["nothing.invalid", "a..b", "x" * 70 + ".invalid"])
def test_an_unknown_name_fails_in_resolve(prober: Prober, host: str) -> None:
    result = asyncio.run(prober.probe(f"http://{host}/", HTTP))

    assert result.failure == Failure(Phase.RESOLVE, Reason.NAME_UNKNOWN)


def test_a_server_that_accepts_nobody_fails_by_time(prober: Prober) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.create_connection(server.getsockname()):
        target = f"127.0.0.1:{server.getsockname()[1]}"
        result = asyncio.run(prober.probe(target, TCP, timeout_seconds=0.2))

    assert result.failure == Failure(Phase.CONNECT, Reason.TIMEOUT)
    assert result.duration_seconds == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize(
    "body",
    [
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"Content-Length: 5\r\n\r\nhello and more",
        b"\r\nhello",
    ],
    ids=["chunked", "more than its length", "until the end"],
)
def test_a_body_is_read_however_its_end_is_told(prober: Prober, body: bytes) -> None:
    result = probe_path(prober, page=closing_after(b"HTTP/1.1 200 OK\r\n" + body))

    assert result.failure is None and result.http is not None
    assert result.http.body_bytes == 5


def test_answers_before_the_real_one_are_passed_over(prober: Prober) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLocation: /elsewhere\r\n\r\n"

    result = probe_path(prober, page=closing_after(early + response(b"hello")))

    assert result.http is not None
    assert (result.failure, result.http.status, result.http.body_bytes) == (None, 200, 5)


def test_an_answer_to_head_has_no_body(prober: Prober) -> None:
    module = replace(HTTP, http=HttpSettings(method="HEAD"))

    result = probe_path(prober, module, page=b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")

    assert result.http is not None
    assert (result.failure, result.http.content_length, result.http.body_bytes) == (None, 1000, 0)


def test_a_body_beyond_the_limit_fails_in_transfer(prober: Prober) -> None:
    result = probe_path(prober, replace(HTTP, body_bytes_max=100), page=response(b"x" * 101))

    assert result.failure == Failure(Phase.TRANSFER, Reason.TOO_LARGE)


@pytest.mark.parametrize(
    ("settings", "fails"),
    [
        (HttpSettings(fail_if_body_matches=("err[o]r",)), True),
        (HttpSettings(fail_if_body_matches=("panic",)), False),
        (HttpSettings(fail_if_body_not_matches=("an error", "panic")), True),
        (HttpSettings(fail_if_body_not_matches=("^an error$",)), False),
    ],
)
def test_a_body_is_judged_by_regular_expressions(prober: Prober, settings: HttpSettings, fails: bool) -> None:
    result = probe_path(prober, replace(HTTP, http=settings), page=response(b"an error"))

    assert result.failure == (Failure(Phase.CHECK, Reason.BODY) if fails else None)
    assert result.http is not None and result.http.body_failed is fails


def test_other_statuses_can_be_the_wanted_ones(prober: Prober) -> None:
    module = replace(HTTP, http=HttpSettings(valid_status_codes=(401, 403)))

    assert probe_path(prober, module, page=response(b"", status="401 Unauthorized")).failure is None
    assert probe_path(prober, module, page=response(b"")).failure == Failure(Phase.CHECK, Reason.STATUS)


def test_a_redirect_is_followed_and_counted(prober: Prober) -> None:
    result = probe_path(prober, page=response(b"", status="302 Found", Location="other"), other=response(b"there"))

    assert result.failure is None and result.http is not None
    assert (result.http.status, result.http.redirects, result.http.body_bytes) == (200, 1, 5)


def test_a_redirect_is_the_answer_where_redirects_are_not_followed(prober: Prober) -> None:
    module = replace(HTTP, http=HttpSettings(follow_redirects=False, valid_status_codes=(302,)))

    assert probe_path(prober, module, page=response(b"", status="302 Found", Location="/page")).failure is None


@pytest.mark.parametrize("location", ["/page", "ftp://127.0.0.1/", "http://user:secret@127.0.0.1/"])
def test_redirects_without_end_or_to_a_wrong_place_fail(prober: Prober, location: str) -> None:
    module = replace(HTTP, redirects_max=3)

    result = probe_path(prober, module, page=response(b"", status="307 Go", Location=location))

    assert result.failure is not None and result.failure.reason is Reason.REDIRECTS


async def _requests_over_a_redirect(prober: Prober, module: ProbeModule) -> tuple[LittleServer, LittleServer]:
    async with little_server(page=response(b"there")) as second:
        away = response(b"", status="302 Found", Location=second.url("/page"))
        async with little_server(page=away) as first:
            await prober.probe(first.url("/page"), module)
            return first, second


def test_headers_are_not_sent_to_another_host_and_a_post_becomes_a_get(prober: Prober) -> None:
    settings = HttpSettings(method="POST", headers={"Authorization": "Bearer abc"}, body="a=1")

    first, second = asyncio.run(_requests_over_a_redirect(prober, replace(HTTP, http=settings)))

    assert first.requests[0].startswith("POST /page") and "Bearer abc" in first.requests[0]
    assert second.requests[0].startswith("GET /page") and "Bearer abc" not in second.requests[0]


def test_only_allowed_hosts_are_probed() -> None:
    prober = Prober(time.perf_counter, ProberSettings(allowed_hosts=frozenset({"127.0.0.1"})))
    away = response(b"", status="302 Found", Location="http://localhost:1/")

    assert probe_path(prober, page=response(b"")).failure is None
    for result in (probe_path(prober, page=away), asyncio.run(prober.probe("localhost:22", TCP))):
        assert result.failure == Failure(Phase.RESOLVE, Reason.NOT_ALLOWED)
    prober.close()


def test_tls_is_a_phase_and_the_certificate_end_is_told(prober: Prober, certificate: Certificate) -> None:
    trusting = TlsSettings(ca_file=str(certificate.certificate_file))
    for module in (HTTP, BUILT_IN_MODULES["tcp_tls"]):
        result = probe_tls(prober, certificate, replace(module, tls=trusting))

        assert result.failure is None and result.connection is not None
        assert Phase.TLS in result.seconds
        assert result.connection.tls_version == "TLSv1.3"
        assert result.connection.certificate_end_seconds == pytest.approx(time.time() + 2 * 86400, abs=3600)


@pytest.mark.parametrize(
    ("tls", "host", "failure"),
    [
        (TlsSettings(), "localhost", Failure(Phase.TLS, Reason.CERTIFICATE)),
        (TlsSettings(ca_file="own", server_name="shop.example"), "localhost", Failure(Phase.TLS, Reason.CERTIFICATE)),
        (TlsSettings(ca_file="own"), "127.0.0.1", Failure(Phase.TLS, Reason.CERTIFICATE)),
        (TlsSettings(ca_file="own", server_name="localhost"), "127.0.0.1", None),
        (TlsSettings(verify=False), "127.0.0.1", None),
    ],
    ids=["unknown authority", "another name", "an address", "named", "not verified"],
)
def test_a_certificate_is_judged_and_its_end_told_even_if_it_is_refused(
    prober: Prober, certificate: Certificate, tls: TlsSettings, host: str, failure: Failure | None
) -> None:
    if tls.ca_file:
        tls = replace(tls, ca_file=str(certificate.certificate_file))

    result = probe_tls(prober, certificate, replace(HTTP, tls=tls), host)

    assert result.failure == failure
    assert result.connection is not None
    assert result.connection.certificate_end_seconds == pytest.approx(time.time() + 2 * 86400, abs=3600)


def test_a_server_without_tls_fails_in_tls(prober: Prober) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no tls here\r\n")
        writer.close()

    async def probe() -> ProbeResult:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            return await prober.probe(f"127.0.0.1:{port}", BUILT_IN_MODULES["tcp_tls"])

    assert asyncio.run(probe()).failure == Failure(Phase.TLS, Reason.HANDSHAKE)


def talk(prober: Prober, *steps: TcpStep, greeting: bytes) -> ProbeResult:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        with contextlib.suppress(ConnectionError):
            writer.write(b"bye " + await reader.readline())
        writer.close()

    async def probe() -> ProbeResult:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as listener:
            module = replace(TCP, tcp_steps=steps, timeout_seconds=2)
            return await prober.probe(f"127.0.0.1:{listener.sockets[0].getsockname()[1]}", module)

    return asyncio.run(probe())


def test_a_conversation_over_tcp_is_followed(prober: Prober) -> None:
    steps = TcpStep(expect="^220 ", send="QUIT"), TcpStep(expect="^bye QUIT")

    result = talk(prober, *steps, greeting=b"hold on\n220 mail.example\n")

    assert result.failure is None
    assert list(result.seconds) == [Phase.RESOLVE, Phase.CONNECT, Phase.PROCESSING]


@pytest.mark.parametrize(
    ("greeting", "reason"), [(b"", Reason.CLOSED), (b"x" * 200000, Reason.TOO_LARGE)], ids=["nothing", "endless"]
)
def test_a_conversation_that_goes_wrong_fails_in_processing(prober: Prober, greeting: bytes, reason: Reason) -> None:
    result = talk(prober, TcpStep(send="QUIT"), TcpStep(expect="^220 "), greeting=greeting)

    assert result.failure == Failure(Phase.PROCESSING, reason)


def test_a_silent_address_leaves_time_to_the_next(prober: Prober) -> None:
    """The name has two addresses; the first is a server whose queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        port = full.getsockname()[1]
        with socket.create_server(("127.0.0.2", port)):
            places = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port)) for host in ("127.0.0.1", "127.0.0.2")]
            result = asyncio.run(_connect_to(places))

    assert result == "127.0.0.2"


async def _connect_to(places: list[object]) -> str:
    async def resolve(host: str, port: int) -> list[object]:
        return places

    clock = PhaseClock(time.perf_counter)
    async with open_connection(Endpoint("two.example", 1), None, clock, resolve, 0.4) as connection:
        return str(connection.writer.get_extra_info("peername")[0])


@pytest.mark.parametrize(
    "target", ["ftp://host/", "http://", "http://user:secret@host/", "http://host:x/", "http://h/ü"]
)
def test_a_target_that_is_no_url_is_refused_without_its_secrets(prober: Prober, target: str) -> None:
    with pytest.raises(InvalidProbeTarget, match="probe target: got") as caught:
        asyncio.run(prober.probe(target, HTTP))

    assert "secret" not in str(caught.value)


def test_settings_show_no_header_and_no_body(tmp_path: Path) -> None:
    module = replace(HTTP, http=HttpSettings(headers={"Authorization": "secret"}, body="secret"))

    assert "secret" not in repr(module) and "secret" not in repr(TcpStep(send="secret"))
