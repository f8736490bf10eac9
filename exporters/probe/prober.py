"""Runs a probe: connects, asks, judges the answer, and says how long each phase took or in which one it failed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import re2

from exporters.errors import InvalidProbeTarget, MalformedCertificate
from exporters.probe.connection import Connection, ConnectionFacts, TlsChoice, make_tls_context, open_connection
from exporters.probe.http_answer import HttpAnswer, HttpRequest, exchange
from exporters.probe.modules import HttpSettings, ProbeKind, ProbeModule, TlsSettings
from exporters.probe.phases import Failure, Phase, PhaseClock, ProbeFailed, Reason, reason_of
from exporters.probe.targets import Endpoint, HttpTarget, parse_endpoint, parse_url

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class HttpFacts:
    """Of the last answer; `content_length` is what its header says, None without one. `used_tls` is the last hop's."""

    status: int
    version: str
    content_length: int | None
    body_bytes: int
    redirects: int
    used_tls: bool
    body_failed: bool


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """`failure` is None for a success. What was not reached is None, or not in `seconds`."""

    kind: ProbeKind
    duration_seconds: float
    seconds: dict[Phase, float]
    failure: Failure | None
    connection: ConnectionFacts | None
    http: HttpFacts | None


@dataclass(slots=True)
class _Findings:
    connection: ConnectionFacts | None = None
    http: HttpFacts | None = None


@dataclass(frozen=True, slots=True)
class ProberSettings:
    """`lookups_max`: names looked up at once; a lookup that its probe gave up still takes its place until it ends.

    `allowed_hosts`: hosts that may be probed, directly and through redirects; all if empty.
    """

    lookups_max: int = 32
    allowed_hosts: frozenset[str] = frozenset()


class Prober:
    """Runs probes. To be closed at the end."""

    def __init__(self, monotonic: Callable[[], float], settings: ProberSettings = ProberSettings()) -> None:
        self._monotonic = monotonic
        self._settings = settings
        self._tls_contexts: dict[TlsSettings, ssl.SSLContext] = {}
        # Not the event loop's own threads: its end waits for them, and a lookup cannot be cancelled.
        self._lookups = ThreadPoolExecutor(settings.lookups_max, thread_name_prefix="lookup")

    def close(self) -> None:
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def probe(self, target: str, module: ProbeModule, timeout_seconds: float | None = None) -> ProbeResult:
        """Takes at most the module's timeout, or `timeout_seconds` if that is less. Raises InvalidProbeTarget."""
        limit = min(module.timeout_seconds, timeout_seconds or module.timeout_seconds)
        module = replace(module, timeout_seconds=limit)
        clock, findings = PhaseClock(self._monotonic), _Findings()
        started = self._monotonic()
        failure = await self._run(target, module, clock, findings)
        duration = self._monotonic() - started
        return ProbeResult(module.kind, duration, clock.seconds, failure, findings.connection, findings.http)

    async def _run(self, target: str, module: ProbeModule, clock: PhaseClock, findings: _Findings) -> Failure | None:
        try:
            async with asyncio.timeout(module.timeout_seconds):
                if module.kind is ProbeKind.HTTP:
                    await self._probe_http(parse_url(target), module, clock, findings)
                else:
                    await self._probe_tcp(parse_endpoint(target), module, clock, findings)
        except ProbeFailed as error:
            return Failure(clock.current, error.reason)
        except MalformedCertificate:
            return Failure(clock.current, Reason.CERTIFICATE)
        except OSError as error:  # TimeoutError is one
            return Failure(clock.current, reason_of(error))
        return None

    async def _probe_http(
        self, target: HttpTarget, module: ProbeModule, clock: PhaseClock, findings: _Findings
    ) -> None:
        settings = module.http
        for redirects in range(module.redirects_max + 1):
            answer = await self._ask(target, module, settings, clock, findings)
            findings.http = _http_facts(answer, redirects, target.uses_tls)
            location = answer.headers.get("location")
            if not (settings.follow_redirects and answer.status in _REDIRECTS and location):
                clock.current = Phase.CHECK
                _check_status(answer, settings)
                findings.http = replace(findings.http, body_failed=not _is_body_wanted(answer, settings))
                if findings.http.body_failed:
                    raise ProbeFailed(Reason.BODY)
                return
            target, settings = _redirect(target, settings, answer.status, location)
        raise ProbeFailed(Reason.REDIRECTS)

    async def _ask(
        self, target: HttpTarget, module: ProbeModule, settings: HttpSettings, clock: PhaseClock, findings: _Findings
    ) -> HttpAnswer:
        tls = module.tls if target.uses_tls else None
        async with self._open(target.endpoint, tls, module, clock, findings) as connection:
            body = settings.body.encode()
            request = HttpRequest(settings.method, target.host_header, target.path, settings.headers, body)
            return await exchange(connection, request, module.body_bytes_max, clock)

    async def _probe_tcp(self, endpoint: Endpoint, module: ProbeModule, clock: PhaseClock, findings: _Findings) -> None:
        tls = module.tls if module.uses_tls else None
        async with self._open(endpoint, tls, module, clock, findings) as connection:
            with clock.measure(Phase.PROCESSING):
                for step in module.tcp_steps:
                    if step.expect:
                        await _read_until(connection, step.expect, module.body_bytes_max)
                    if step.send:
                        connection.writer.write(step.send.encode() + b"\n")
                        await connection.writer.drain()

    @contextlib.asynccontextmanager
    async def _open(
        self, endpoint: Endpoint, tls: TlsSettings | None, module: ProbeModule, clock: PhaseClock, findings: _Findings
    ) -> AsyncIterator[Connection]:
        if self._settings.allowed_hosts and endpoint.host not in self._settings.allowed_hosts:
            clock.current = Phase.RESOLVE
            raise ProbeFailed(Reason.NOT_ALLOWED)
        choice = TlsChoice(self._tls_context(tls), tls.server_name) if tls else None
        try:
            async with open_connection(endpoint, choice, clock, self._resolve, module.timeout_seconds) as connection:
                findings.connection = connection.facts
                yield connection
        except ssl.SSLCertVerificationError:
            if tls is not None:
                findings.connection = await self._facts_unverified(endpoint, tls, module.timeout_seconds)
            raise

    async def _facts_unverified(
        self, endpoint: Endpoint, tls: TlsSettings, timeout_seconds: float
    ) -> ConnectionFacts | None:
        """What a second connection tells of a certificate that was refused: when it ends, or has ended."""
        choice = TlsChoice(self._tls_context(replace(tls, verify=False)), tls.server_name)
        clock = PhaseClock(self._monotonic)
        try:
            async with open_connection(endpoint, choice, clock, self._resolve, timeout_seconds) as connection:
                return connection.facts
        except (OSError, ProbeFailed, MalformedCertificate):
            return None

    def _tls_context(self, tls: TlsSettings) -> ssl.SSLContext:
        if tls not in self._tls_contexts:
            self._tls_contexts[tls] = make_tls_context(tls)
        return self._tls_contexts[tls]

    async def _resolve(self, host: str, port: int) -> list[Any]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except UnicodeError as error:  # a label of the name is empty or longer than 63 bytes
            raise ProbeFailed(Reason.NAME_UNKNOWN) from error


async def _read_until(connection: Connection, pattern: str, bytes_max: int) -> None:
    """Reads lines until one has a match. Raises ProbeFailed if the connection ends before."""
    expression, count = re2.compile(pattern), 0
    while True:
        try:
            line = await connection.reader.readline()
        except ValueError as error:  # longer than what the reader keeps
            raise ProbeFailed(Reason.TOO_LARGE) from error
        if not line:
            raise ProbeFailed(Reason.CLOSED)
        if expression.search(line.decode(errors="replace")):
            return
        count += len(line)
        if count > bytes_max:
            raise ProbeFailed(Reason.TOO_LARGE)


def _http_facts(answer: HttpAnswer, redirects: int, used_tls: bool) -> HttpFacts:
    length = answer.headers.get("content-length", "")
    return HttpFacts(
        status=answer.status,
        version=answer.version,
        content_length=int(length) if length.isascii() and length.isdigit() else None,
        body_bytes=len(answer.body),
        redirects=redirects,
        used_tls=used_tls,
        body_failed=False,
    )


def _check_status(answer: HttpAnswer, settings: HttpSettings) -> None:
    wanted = settings.valid_status_codes
    if not (answer.status in wanted if wanted else 200 <= answer.status <= 299):
        raise ProbeFailed(Reason.STATUS)


def _is_body_wanted(answer: HttpAnswer, settings: HttpSettings) -> bool:
    if not settings.fail_if_body_matches and not settings.fail_if_body_not_matches:
        return True
    text = answer.body.decode(errors="replace")
    has_bad = any(re2.search(pattern, text) for pattern in settings.fail_if_body_matches)
    return not has_bad and all(re2.search(pattern, text) for pattern in settings.fail_if_body_not_matches)


def _redirect(
    target: HttpTarget, settings: HttpSettings, status: int, location: str
) -> tuple[HttpTarget, HttpSettings]:
    """Where to go next, and with what: RFC 9110, 15.4. Another host gets no headers of the module."""
    try:
        following = target.redirected(location)
    except InvalidProbeTarget as error:
        raise ProbeFailed(Reason.REDIRECTS) from error
    if status == 303 or (status in (301, 302) and settings.method == "POST"):
        settings = replace(settings, method="HEAD" if settings.method == "HEAD" else "GET", body="")
    is_same_place = (following.endpoint, following.uses_tls) == (target.endpoint, target.uses_tls)
    return following, settings if is_same_place else replace(settings, headers={})
