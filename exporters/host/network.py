"""Network devices, TCP counters, sockets and tracked connections. Formats: proc_pid_net(5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric, UntypedMetricFamily

from exporters.host.lines import Column, HostPaths, read_lines, single, table_families, whole_numbers
from exporters.procfs.network_counts import parse_paired_lines, parse_sockstat

_RECEIVE = ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")
_TRANSMIT = ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")
_COLUMNS = tuple(
    Column(f"node_network_{direction}_{name}", f"{name} of /proc/net/dev, {direction}.", offset + index)
    for direction, names, offset in (("receive", _RECEIVE, 0), ("transmit", _TRANSMIT, len(_RECEIVE)))
    for index, name in enumerate(names)
)

# The ones node_exporter exports unless told otherwise, as far as they are about TCP and UDP.
_NETSTAT = {
    "Tcp": ("ActiveOpens", "PassiveOpens", "CurrEstab", "InErrs", "InSegs", "OutSegs", "OutRsts", "RetransSegs"),
    "TcpExt": (
        "ListenDrops", "ListenOverflows", "SyncookiesFailed", "SyncookiesRecv", "SyncookiesSent", "TCPSynRetrans",
        "TCPTimeouts", "TCPOFOQueue", "TCPRcvQDrop",
    ),
    "Udp": ("InDatagrams", "InErrors", "NoPorts", "OutDatagrams", "RcvbufErrors", "SndbufErrors"),
}  # fmt: skip


def read_network(paths: HostPaths) -> Iterator[Metric]:
    """Bytes, packets, errors and drops of each device of the host's network namespace."""
    path = _net_path(paths) / "dev"
    rows = []
    for line in read_lines(path)[2:]:
        device, _, rest = line.rpartition(":")
        rows.append((device.strip(), whole_numbers(path, line, rest.split())))
    return table_families(_COLUMNS, rows)


def read_netstat(paths: HostPaths) -> Iterator[Metric]:
    """Counters of TCP and UDP by the kernel's names; untyped, as in node_exporter."""
    net = _net_path(paths)
    counts = parse_paired_lines((net / "snmp").read_text(), "net/snmp")
    counts |= parse_paired_lines((net / "netstat").read_text(), "net/netstat")
    for protocol, keys in _NETSTAT.items():
        for key in keys:
            if (protocol, key) in counts:
                text = f"{protocol} {key} of the kernel."
                yield UntypedMetricFamily(f"node_netstat_{protocol}_{key}", text, value=counts[protocol, key])


def read_sockets(paths: HostPaths) -> Iterator[Metric]:
    """How many sockets there are, and the memory they take."""
    for (protocol, key), count in parse_sockstat((_net_path(paths) / "sockstat").read_text()).items():
        yield single(f"node_sockstat_{protocol}_{key}", f"{protocol} {key} of /proc/net/sockstat.", count)


def read_tracked_connections(paths: HostPaths) -> Iterator[Metric]:
    """Connections the firewall keeps in mind. Raises FileNotFoundError where it does not."""
    folder = paths.proc / "sys" / "net" / "netfilter"
    entries, limit = (int((folder / f"nf_conntrack_{name}").read_text()) for name in ("count", "max"))
    yield single("node_nf_conntrack_entries", "Connections tracked.", entries)
    yield single("node_nf_conntrack_entries_limit", "Connections that can be tracked.", limit)


def _net_path(paths: HostPaths) -> Path:
    """The network namespace of process 1, the host's, where it may be read; else that of the exporter."""
    host = paths.proc / "1" / "net"
    return host if (host / "dev").exists() else paths.proc / "net"
