"""Keeps webhooks out of the internal network where receivers' URLs come from people who must not reach into it."""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from monitor.errors import DeliveryError


def refuse_private(host: str) -> None:
    """Raises DeliveryError if `host` is the literal of an address that is not on the public internet."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if not (mapped or address).is_global:
        raise DeliveryError(f"got the address {host}, want a public one", permanent=True)


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses those with any address that is not public.

    The connection goes to the addresses that were checked, so a name cannot change between check and use.
    """

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        results = await self._resolver.resolve(host, port, family)
        for result in results:
            refuse_private(result["host"])
        return results

    async def close(self) -> None:
        await self._resolver.close()
