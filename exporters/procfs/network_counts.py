"""Counters of the kernel for a network namespace: /proc/<pid>/net/snmp, netstat and sockstat.

Formats: proc_pid_net(5). Names: RFC 1213 and 4022 (snmp), the kernel's Documentation/networking/snmp_counter.
"""

from __future__ import annotations

from pathlib import Path

from exporters.errors import MalformedProcFile

Counts = dict[tuple[str, str], int]


def read_network_counts(net_path: Path) -> Counts:
    """The numbers below `net_path` by protocol and the kernel's name. Raises MalformedProcFile, OSError."""
    counts = parse_paired_lines((net_path / "snmp").read_text(), "net/snmp")
    counts |= parse_paired_lines((net_path / "netstat").read_text(), "net/netstat")
    return counts | parse_sockstat((net_path / "sockstat").read_text())


def parse_paired_lines(text: str, path: str) -> Counts:
    """Parses pairs of lines `Tcp: ActiveOpens …` and `Tcp: 12 …`. Raises MalformedProcFile."""
    lines = text.splitlines()
    counts: Counts = {}
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        protocol, _, keys = names.partition(":")
        protocol_again, _, numbers = values.partition(":")
        if protocol_again != protocol or len(keys.split()) != len(numbers.split()):
            raise MalformedProcFile(path, names + "\n" + values, "a line of names and a line of as many numbers")
        counts |= {(protocol, key): int(number) for key, number in zip(keys.split(), numbers.split(), strict=True)}
    return counts


def parse_sockstat(text: str) -> Counts:
    """Parses lines `TCP: inuse 5 orphan 0 …`. Raises MalformedProcFile."""
    counts: Counts = {}
    for line in text.splitlines():
        protocol, _, rest = line.partition(":")
        words = rest.split()
        try:
            counts |= {(protocol, key): int(number) for key, number in zip(words[::2], words[1::2], strict=True)}
        except ValueError as error:
            raise MalformedProcFile("net/sockstat", line, "names and whole numbers by turns") from error
    return counts
