"""Connections of servers on this host: states, accept queues, ports for outgoing connections, retransmits.

`ConnectionsCollector` is registered with a prometheus_client registry. Series: 16 a port, two for each of at most
`destinations_max` destinations, about 25 for the namespace.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.connections.kernel_counters import KERNEL_COUNTERS
from exporters.connections.namespace import NetworkNamespace
from exporters.connections.reading import SocketReader, SocketReading
from exporters.connections.summary import (
    DestinationUse,
    PortRange,
    PortSummary,
    ephemeral_port_use,
    listening_ports,
    summarize_ports,
)
from exporters.procfs.network_counts import Counts
from exporters.procfs.processes import Procfs


@dataclass(frozen=True, slots=True)
class ConnectionsSettings:
    """Where to read, and how much at most.

    `ports_max`: listening ports exported when no port was asked for; the highest beyond are left out and counted.
    `destinations_max`: destinations of outgoing connections with series of their own, the most used ones; at least 1.
    `sockets_max`: with more sockets than this, only the counters of the kernel are exported.
    `timeout_seconds`: how long one answer of the kernel may take.
    """

    proc_path: Path = Path("/proc")
    ports_max: int = 64
    destinations_max: int = 10
    sockets_max: int = 2_000_000
    timeout_seconds: float = 5.0


class ConnectionsCollector(Collector):
    """Reads the sockets whenever it is collected. Collections at the same time take turns.

    `ports` are the listening ports to export, all if empty. `pid` is a process in whose network namespace to look.
    Raises NoSuchTarget, ProcNotMounted.
    """

    def __init__(
        self, ports: Iterable[int] = (), pid: int | None = None, settings: ConnectionsSettings = ConnectionsSettings()
    ) -> None:
        namespace = NetworkNamespace(Procfs(settings.proc_path), pid)
        sys_path = settings.proc_path / "sys" / "net" / "ipv4"
        self._ports = frozenset(ports)
        self._settings = settings
        self._reader = SocketReader(namespace, sys_path, settings.sockets_max, settings.timeout_seconds)
        self._turn = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """The families without values, so that a registry refuses a second collector of the same names."""
        return [*_port_families(()), *_range_families((), None), *_count_families({}), *_own_families(None, 0)]

    def collect(self) -> Iterable[Metric]:
        with self._turn:
            reading = self._reader.read()
        summaries, dropped = self._summaries(reading)
        use: list[DestinationUse] = []
        port_range = reading.port_range if reading and reading.sockets is not None else None
        if reading and reading.sockets is not None and port_range:
            use = ephemeral_port_use(reading.sockets, port_range, self._settings.destinations_max)
        return [
            *_port_families(summaries),
            *_range_families(use, port_range),
            *_count_families(reading.counts if reading else {}),
            *_own_families(reading, dropped),
        ]

    def _summaries(self, reading: SocketReading | None) -> tuple[list[PortSummary], int]:
        """The summaries to export, and how many ports the limit leaves out."""
        if reading is None or reading.sockets is None:
            return [], 0
        ports = sorted(self._ports) or listening_ports(reading.sockets)
        kept = ports if self._ports else ports[: self._settings.ports_max]
        return summarize_ports(reading.sockets, kept), len(ports) - len(kept)


def _port_families(summaries: Iterable[PortSummary]) -> list[Metric]:
    def family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(name, text, labels=("port", *labels))

    states = family("server_connections", "Connections of a port by state.", "state")
    opened = family("server_connections_open", "Connections the server holds open: established and close_wait.")
    listening = family("server_listening_sockets", "Listening sockets of a port; several with SO_REUSEPORT.")
    length = family("server_accept_queue_length", "Connections that wait to be accepted.")
    limit = family("server_accept_queue_limit", "Connections that may wait to be accepted.")
    ratio = family("server_accept_queue_used_ratio", "Length by limit of the fullest listening socket.")
    receive = family("server_receive_queue_bytes", "Bytes received that the server has not read yet.")
    send = family("server_send_queue_bytes", "Bytes of the server that the clients have not acknowledged yet.")
    for summary in summaries:
        port = str(summary.port)
        for state, count in summary.connections.items():
            states.add_metric([port, state.name.lower()], count)
        opened.add_metric([port], summary.open_connections)
        listening.add_metric([port], summary.listening_sockets)
        length.add_metric([port], summary.accept_queue_length)
        receive.add_metric([port], summary.receive_queue_bytes)
        send.add_metric([port], summary.send_queue_bytes)
        if summary.accept_queue_limit is not None and summary.accept_queue_used_ratio is not None:
            limit.add_metric([port], summary.accept_queue_limit)
            ratio.add_metric([port], summary.accept_queue_used_ratio)
    return [states, opened, listening, length, limit, ratio, receive, send]


def _range_families(use: Sequence[DestinationUse], port_range: PortRange | None) -> list[Metric]:
    used = GaugeMetricFamily(
        "ephemeral_ports_used",
        "Ports that outgoing connections to a destination take; one in time_wait may be reused after 1 s.",
        labels=("source", "destination", "state"),
    )
    for destination in use:
        used.add_metric([destination.source, destination.destination, "open"], destination.open)
        used.add_metric([destination.source, destination.destination, "time_wait"], destination.time_wait)
    limit = GaugeMetricFamily("ephemeral_ports_limit", "Ports an address can use for outgoing connections to another.")
    ratio = GaugeMetricFamily(
        "ephemeral_ports_used_ratio", "Ports used by ports there are, of the fullest destination."
    )
    if port_range is not None:
        limit.add_metric([], port_range.size)
        ratio.add_metric([], use[0].used / port_range.size if use else 0)
    return [used, limit, ratio]


def _count_families(counts: Counts) -> list[Metric]:
    families: list[Metric] = []
    for counter in KERNEL_COUNTERS:
        family = (CounterMetricFamily if counter.is_counter else GaugeMetricFamily)(
            counter.name, counter.help, labels=()
        )
        count = counts.get((counter.protocol, counter.key))
        if count is not None:
            family.add_metric([], count)
        families.append(family)
    return families


def _own_families(reading: SocketReading | None, dropped: int) -> list[Metric]:
    source = GaugeMetricFamily(
        "plimsoll_exporter_socket_source",
        "1 for where sockets are read: sock_diag, or proc, which does not tell the limits of accept queues.",
        labels=["source"],
    )
    if reading is not None:
        source.add_metric([reading.source.value], 1)
    is_over = reading is not None and reading.sockets is None
    return [
        source,
        GaugeMetricFamily(
            "plimsoll_exporter_namespace_up",
            "0 when the process whose namespace it is has ended.",
            value=int(reading is not None),
        ),
        GaugeMetricFamily(
            "plimsoll_exporter_socket_limit_exceeded",
            "1 if there are more sockets than may be read.",
            value=int(is_over),
        ),
        GaugeMetricFamily("plimsoll_exporter_ports_dropped", "Ports left out by the limit of ports.", value=dropped),
    ]
