from __future__ import annotations

from pathlib import Path

import pytest

from exporters.connections.kernel_counters import KERNEL_COUNTERS
from exporters.errors import MalformedProcFile
from exporters.procfs.network_counts import parse_paired_lines, parse_sockstat, read_network_counts


def test_names_and_numbers_stand_in_two_lines() -> None:
    text = "Tcp: RtoMin MaxConn PassiveOpens\nTcp: 200 -1 42\nUdp: InDatagrams\nUdp: 7\n"

    assert parse_paired_lines(text, "net/snmp") == {
        ("Tcp", "RtoMin"): 200,
        ("Tcp", "MaxConn"): -1,
        ("Tcp", "PassiveOpens"): 42,
        ("Udp", "InDatagrams"): 7,
    }


@pytest.mark.parametrize("text", ["Tcp: A B\nTcp: 1\n", "Tcp: A\nUdp: 1\n"])
def test_lines_that_do_not_belong_together_are_refused(text: str) -> None:
    with pytest.raises(MalformedProcFile, match="net/snmp"):
        parse_paired_lines(text, "net/snmp")


def test_sockstat_has_names_and_numbers_by_turns() -> None:
    text = "sockets: used 20\nTCP: inuse 5 orphan 1\n"

    assert parse_sockstat(text) == {("sockets", "used"): 20, ("TCP", "inuse"): 5, ("TCP", "orphan"): 1}
    with pytest.raises(MalformedProcFile, match="sockstat"):
        parse_sockstat("TCP: inuse\n")


def test_this_kernel_has_every_counter_of_the_table() -> None:
    counts = read_network_counts(Path("/proc/net"))

    assert [counter.name for counter in KERNEL_COUNTERS if (counter.protocol, counter.key) not in counts] == []
