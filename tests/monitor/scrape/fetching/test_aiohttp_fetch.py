from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import make_certificate
from little_server import LittleServer, little_server, response

from monitor.config.scrape_config import Authorization, BasicAuth, HttpClientConfig, Secret, TlsConfig
from monitor.errors import ScrapeError, ScrapeFailure
from monitor.scrape.fetching.fetch import Fetcher, FetchRequest, FetchResponse
from monitor.scrape.fetching.fetchers import new_fetcher
from monitor.scrape.fetching.full_client import FullClient

BODY = b"a 1\n"
WITH_HEADER = HttpClientConfig(http_headers={"X-Scope": (Secret("one"),)})


async def with_fetcher(
    url: str, config: HttpClientConfig, use: Callable[[Fetcher], Awaitable[Any]], **request: Any
) -> Any:
    client = FullClient(config)
    fetcher = new_fetcher(FetchRequest(url, (("Accept", "text/plain"),), 1000, config, **request), client)
    try:
        return await use(fetcher)
    finally:
        fetcher.close()
        await client.close()


async def fetch_once(fetcher: Fetcher) -> FetchResponse:
    return await fetcher.fetch(5.0)


async def fetch_twice(fetcher: Fetcher) -> FetchResponse:
    await fetcher.fetch(5.0)
    return await fetcher.fetch(5.0)


def fetch(config: HttpClientConfig, use: Callable[[Fetcher], Awaitable[Any]] = fetch_once, **answers: Any) -> tuple:
    """What came of it, and the server."""

    async def run() -> tuple[Any, LittleServer]:
        async with little_server(**answers) as server:
            return await with_fetcher(server.url(), config, use), server

    return asyncio.run(run())


def failure_of(config: HttpClientConfig, **answers: Any) -> ScrapeFailure:
    with pytest.raises(ScrapeError) as caught:
        fetch(config, **answers)
    return caught.value.failure


def redirect(location: str, status: str = "302 Found") -> bytes:
    return response(b"", status=status, location=location)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_followed(status: str) -> None:
    answer, _ = fetch(HttpClientConfig(), metrics=redirect("/other", status), other=response(BODY))
    assert (answer.status, answer.body) == (200, BODY)


def test_a_target_that_redirects_is_fetched_with_one_client_from_then_on() -> None:
    _, server = fetch(HttpClientConfig(), fetch_twice, metrics=redirect("/other"), other=response(BODY))
    assert [request.split()[1] for request in server.requests] == [
        "/metrics",
        "/metrics",
        "/other",
        "/metrics",
        "/other",
    ]


def test_a_redirect_is_an_answer_where_redirects_are_not_followed() -> None:
    answer, _ = fetch(HttpClientConfig(follow_redirects=False), metrics=redirect("/other"))
    assert answer.status == 302


def test_a_redirect_loop_ends() -> None:
    assert failure_of(HttpClientConfig(), metrics=redirect("/metrics")) is ScrapeFailure.PROTOCOL


def test_credentials_go_to_the_targets_own_origin_only() -> None:
    async def run() -> list[str]:
        async with little_server(other=response(BODY)) as other, little_server() as own:
            own.answers["/metrics"] = redirect(other.url("/other"))
            await with_fetcher(own.url(), WITH_HEADER, fetch_once)
            return [own.requests[0], other.requests[0]]

    own_request, other_request = asyncio.run(run())
    assert "X-Scope: one" in own_request
    assert "X-Scope" not in other_request


@pytest.mark.parametrize(
    ("config", "header"),
    [
        (HttpClientConfig(basic_auth=BasicAuth("user", Secret("pass"))), "Authorization: Basic dXNlcjpwYXNz"),
        (HttpClientConfig(authorization=Authorization("Bearer", Secret("token"))), "Authorization: Bearer token"),
        (WITH_HEADER, "X-Scope: one"),
    ],
)
def test_credentials_are_sent(config: HttpClientConfig, header: str) -> None:
    _, server = fetch(config, metrics=response(BODY))
    assert f"{header}\r\n" in server.requests[0]


def test_a_secret_file_is_read_anew_for_each_fetch(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old\n")

    async def fetch_and_change(fetcher: Fetcher) -> None:
        await fetcher.fetch(5.0)
        file.write_text("new\n")
        await fetcher.fetch(5.0)

    config = HttpClientConfig(authorization=Authorization("Bearer", Secret(file=str(file))))
    _, server = fetch(config, fetch_and_change, metrics=response(BODY))
    assert ["Bearer old" in server.requests[0], "Bearer new" in server.requests[1]] == [True, True]


def test_a_secret_file_that_is_missing_fails_the_fetch() -> None:
    config = HttpClientConfig(authorization=Authorization("Bearer", Secret(file="/nowhere/token")))
    assert failure_of(config, metrics=response(BODY)) is ScrapeFailure.CONNECT


def test_a_compressed_body_is_decompressed_and_limited() -> None:
    def answer(size: int) -> bytes:
        return response(gzip.compress(b"x" * size), content_encoding="gzip")

    small, _ = fetch(WITH_HEADER, metrics=answer(999))
    assert len(small.body) == 999
    assert failure_of(WITH_HEADER, metrics=answer(1000)) is ScrapeFailure.BODY_SIZE


async def never_answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def answer_half(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(response(BODY * 10)[:-5])
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (answer_half, ScrapeFailure.TRUNCATED),
        (b"garbage\r\n\r\n", ScrapeFailure.PROTOCOL),
        (response(BODY, content_encoding="br"), ScrapeFailure.ENCODING),
    ],
)
def test_a_bad_answer_fails_the_fetch(answer: Any, failure: ScrapeFailure) -> None:
    assert failure_of(WITH_HEADER, metrics=answer) is failure


def test_a_server_that_never_answers_times_out() -> None:
    async def fetch_briefly(fetcher: Fetcher) -> None:
        with pytest.raises(ScrapeError) as caught:
            await fetcher.fetch(0.05)
        assert caught.value.failure is ScrapeFailure.TIMEOUT

    fetch(WITH_HEADER, fetch_briefly, metrics=never_answer)


def test_nobody_listening_fails_the_fetch() -> None:
    with pytest.raises(ScrapeError) as caught:
        asyncio.run(with_fetcher("http://127.0.0.1:1/metrics", WITH_HEADER, fetch_once))
    assert caught.value.failure is ScrapeFailure.CONNECT


def test_a_proxy_is_asked_for_the_whole_url() -> None:
    async def run() -> str:
        async with little_server() as proxy:
            proxy.answers["http://target.example/metrics"] = response(BODY)
            config = HttpClientConfig(proxy_url=proxy.url(""))
            await with_fetcher("http://target.example/metrics", config, fetch_once)
            return proxy.requests[0]

    assert asyncio.run(run()).startswith("GET http://target.example/metrics HTTP/1.1\r\nHost: target.example\r\n")


def test_a_socks_proxy_is_refused_with_a_reason() -> None:
    config = HttpClientConfig(proxy_url="socks5://user:secret@127.0.0.1:1")
    with pytest.raises(ScrapeError, match="want an http proxy") as caught:
        asyncio.run(with_fetcher("http://target.example/metrics", config, fetch_once))
    assert "secret" not in str(caught.value)


def over_tls(tls: TlsConfig, server_context: ssl.SSLContext) -> FetchResponse:
    async def run() -> FetchResponse:
        async with little_server(tls=server_context, metrics=response(BODY)) as server:
            url = server.url().replace("http:", "https:")
            return await with_fetcher(url, HttpClientConfig(tls=tls), fetch_once)

    return asyncio.run(run())


def server_context_of(folder: Path, client_authority: Path | None = None) -> ssl.SSLContext:
    own = make_certificate(folder, "target.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own.certificate_file, own.key_file)
    if client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority)
    return context


def test_tls_checks_certificate_and_name(tmp_path: Path) -> None:
    context = server_context_of(tmp_path)
    authority = str(tmp_path / "target.example.crt")
    assert over_tls(TlsConfig(ca_file=authority, server_name="target.example"), context).body == BODY
    for tls in (TlsConfig(), TlsConfig(ca_file=authority), TlsConfig(ca_file=authority, server_name="other.example")):
        with pytest.raises(ScrapeError) as caught:
            over_tls(tls, context)
        assert caught.value.failure is ScrapeFailure.CONNECT


def test_tls_can_go_unchecked(tmp_path: Path) -> None:
    assert over_tls(TlsConfig(insecure_skip_verify=True), server_context_of(tmp_path)).status == 200


@pytest.mark.parametrize("inline", [True, False])
def test_tls_shows_the_clients_certificate(tmp_path: Path, inline: bool) -> None:
    client = make_certificate(tmp_path, "client.example")
    context = server_context_of(tmp_path, client.certificate_file)
    certificate, key = client.certificate_file, client.key_file
    tls = TlsConfig(insecure_skip_verify=True, cert_file=str(certificate), key=Secret(file=str(key)))
    if inline:
        tls = TlsConfig(insecure_skip_verify=True, cert=certificate.read_text(), key=Secret(key.read_text()))
    assert over_tls(tls, context).status == 200


def test_tls_takes_a_changed_authority_without_a_restart(tmp_path: Path) -> None:
    context = server_context_of(tmp_path)
    authority = tmp_path / "ca.crt"
    authority.write_bytes(make_certificate(tmp_path, "other.example").certificate_file.read_bytes())

    async def run() -> FetchResponse:
        async with little_server(tls=context, metrics=response(BODY)) as server:
            url = server.url().replace("http:", "https:")
            config = HttpClientConfig(tls=TlsConfig(ca_file=str(authority), server_name="target.example"))

            async def fail_then_fetch(fetcher: Fetcher) -> FetchResponse:
                with pytest.raises(ScrapeError):
                    await fetcher.fetch(5.0)
                authority.write_bytes((tmp_path / "target.example.crt").read_bytes())
                return await fetcher.fetch(5.0)

            return await with_fetcher(url, config, fail_then_fetch)

    assert asyncio.run(run()).status == 200
