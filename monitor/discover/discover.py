"""Looks at addresses and says what is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exporters.errors import ExporterError, ProcNotMounted
from exporters.procfs.processes import Procfs
from monitor.config.vocabulary_config import Vocabulary
from monitor.discover.evidence import LOOPBACK, Address, Evidence, HttpEvidence, ProcessEvidence
from monitor.discover.listeners import Listener, listeners_at, listening_addresses, processes_of, read_listeners
from monitor.discover.probing import ProbeLimits, probe_all, probe_listening
from monitor.discover.recognise import Finding, recognise_server
from monitor.errors import DiscoverError

ADDRESSES_MAX = 256


@dataclass(frozen=True, slots=True)
class Discovery:
    """`omitted` addresses were not looked at: more than ADDRESSES_MAX listen."""

    findings: tuple[Finding, ...]
    omitted: int = 0


def parse_address(text: str) -> Address:
    """`HOST:PORT`, `[IPv6]:PORT`, `:PORT` or a port of this machine. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host or "/" in text:
        raise ValueError(f"got {text!r}, want HOST:PORT such as 127.0.0.1:8080 or [::1]:8080")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError(f"got {text!r}, want HOST:PORT with a port from 1 to 65535")
    return Address(host or LOOPBACK, int(port))


def discover(addresses: Sequence[Address], vocabularies: tuple[Vocabulary, ...], limits: ProbeLimits) -> Discovery:
    """What is at `addresses`, or at everything that listens on this machine if there are none.

    Processes are looked into on this machine only. Raises DiscoverError.
    """
    procfs = _procfs()
    if not addresses and procfs is None:
        raise DiscoverError("got no address, want HOST:PORT: without /proc (Linux) nothing is found by itself")
    listeners = read_listeners(procfs) if procfs is not None else ()
    found = tuple(dict.fromkeys(addresses or listening_addresses(listeners)))
    asked = _ask(found[:ADDRESSES_MAX], limits, are_listening=not addresses)
    processes = _processes(procfs, [address for address, _ in asked], listeners)
    evidence = [Evidence(address, answer, processes.get(address)) for address, answer in asked]
    return Discovery(tuple(recognise_server(each, vocabularies) for each in evidence), len(found) - len(asked))


def _ask(
    addresses: Sequence[Address], limits: ProbeLimits, *, are_listening: bool
) -> list[tuple[Address, HttpEvidence]]:
    if are_listening:
        return asyncio.run(probe_listening(addresses, limits))
    return list(zip(addresses, asyncio.run(probe_all(addresses, limits)), strict=True))


def _procfs() -> Procfs | None:
    try:
        return Procfs()
    except ProcNotMounted:
        return None


def _processes(
    procfs: Procfs | None, addresses: Iterable[Address], listeners: Sequence[Listener]
) -> dict[Address, ProcessEvidence]:
    sockets = {address: listeners_at(address, listeners) for address in addresses}
    inodes = {address: frozenset(each.inode for each in found) for address, found in sockets.items() if found}
    if procfs is None or not inodes:
        return {}
    try:
        return processes_of(procfs, inodes)
    except ExporterError as error:
        raise DiscoverError(str(error)) from error
