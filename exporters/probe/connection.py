"""Opens a connection step by step, each step a phase: name to addresses, TCP handshake, TLS handshake."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from exporters.probe.certificate import not_after_seconds
from exporters.probe.modules import TlsSettings
from exporters.probe.phases import Phase, PhaseClock, ProbeFailed, Reason
from exporters.probe.targets import Endpoint

Resolve = Callable[[str, int], Awaitable[list[Any]]]
_READ_AHEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What a connection is known by. `tls_version` is empty and `certificate_end_seconds` None without TLS."""

    is_ipv6: bool
    tls_version: str = ""
    certificate_end_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TlsChoice:
    """How to shake hands: with `context`, for the name `server_name`, or the host's if that is empty."""

    context: ssl.SSLContext
    server_name: str


@dataclass(frozen=True, slots=True)
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    facts: ConnectionFacts


@contextlib.asynccontextmanager
async def open_connection(
    endpoint: Endpoint, tls: TlsChoice | None, clock: PhaseClock, resolve: Resolve, timeout_seconds: float
) -> AsyncIterator[Connection]:
    """A connection, closed without ceremony at the end.

    Raises OSError (as phases.reason_of knows it), ProbeFailed, MalformedCertificate.
    """
    with clock.measure(Phase.RESOLVE):
        addresses = await _addresses(endpoint, resolve)
    with clock.measure(Phase.CONNECT):
        connected = await _connect(addresses, timeout_seconds)
    reader, writer = await asyncio.open_connection(sock=connected, limit=_READ_AHEAD_BYTES)
    try:
        facts = ConnectionFacts(connected.family == socket.AF_INET6)
        if tls is not None:
            with clock.measure(Phase.TLS):
                name = tls.server_name or endpoint.host
                await writer.start_tls(tls.context, server_hostname=name, ssl_handshake_timeout=timeout_seconds)
            facts = _tls_facts(facts.is_ipv6, writer.get_extra_info("ssl_object"))
        yield Connection(reader, writer, facts)
    finally:
        writer.transport.abort()


async def _addresses(endpoint: Endpoint, resolve: Resolve) -> list[Any]:
    """As getaddrinfo gives them. An address needs no name server."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(endpoint.host)
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 0, "", (endpoint.host, endpoint.port))]
    return await resolve(endpoint.host, endpoint.port)


async def _connect(addresses: list[Any], timeout_seconds: float) -> socket.socket:
    """To the first address that answers. Each has its share of the time, so a silent one leaves some to the next."""
    last_error: OSError = ConnectionError("BUG: got no address, want at least one")
    for address in addresses:
        family, kind, protocol, _, place = address
        connecting = socket.socket(family, kind, protocol)
        connecting.setblocking(False)
        try:
            async with asyncio.timeout(timeout_seconds / len(addresses)):
                await asyncio.get_running_loop().sock_connect(connecting, place)
        except OSError as error:
            connecting.close()
            last_error = error
        except BaseException:
            connecting.close()
            raise
        else:
            return connecting
    raise last_error


def make_tls_context(tls: TlsSettings) -> ssl.SSLContext:
    """To be kept: reading the authorities of a usual system takes 20 ms. Raises OSError for a bad `ca_file`."""
    context = ssl.create_default_context(cafile=tls.ca_file or None)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _tls_facts(is_ipv6: bool, tls_object: ssl.SSLObject) -> ConnectionFacts:
    """The end is the earliest of the chain where Python gives the chain (3.13), else the certificate's own."""
    chain = getattr(tls_object, "get_unverified_chain", list)() or [tls_object.getpeercert(binary_form=True)]
    if chain[0] is None:
        raise ProbeFailed(Reason.CERTIFICATE)
    return ConnectionFacts(is_ipv6, tls_object.version() or "", min(map(not_after_seconds, chain)))
