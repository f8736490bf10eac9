"""The host: CPU, load, memory, storage, network, pressure, from /proc, by node_exporter's metric names.

Dashboards and rules made for node_exporter fit. It is for hosts that have none: node_exporter has more.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.errors import MalformedProcFile, ProcNotMounted
from exporters.host.cpu import read_cpu, read_load, read_pressure
from exporters.host.disk import read_disk, read_filesystems
from exporters.host.lines import HostPaths, single
from exporters.host.memory import read_memory, read_vmstat
from exporters.host.network import read_netstat, read_network, read_sockets, read_tracked_connections

logger = logging.getLogger(__name__)


def read_file_handles(paths: HostPaths) -> Iterator[Metric]:
    """Open files of the whole host, and how many there can be."""
    allocated, _, maximum = map(int, (paths.proc / "sys" / "fs" / "file-nr").read_text().split())
    yield single("node_filefd_allocated", "Open files.", allocated)
    yield single("node_filefd_maximum", "Open files there can be.", maximum)


def read_kernel_name(paths: HostPaths) -> Iterator[Metric]:
    """The names of the kernel this exporter runs on."""
    name = os.uname()
    labels = {"sysname": name.sysname, "release": name.release, "version": name.version, "machine": name.machine}
    yield InfoMetricFamily("node_uname", "The kernel and its host.", value={**labels, "nodename": name.nodename})


# The names are node_exporter's for its collectors, where it has the same.
SECTIONS: tuple[tuple[str, Callable[[HostPaths], Iterable[Metric]]], ...] = (
    ("stat", read_cpu),
    ("loadavg", read_load),
    ("pressure", read_pressure),
    ("meminfo", read_memory),
    ("vmstat", read_vmstat),
    ("diskstats", read_disk),
    ("filesystem", read_filesystems),
    ("netdev", read_network),
    ("netstat", read_netstat),
    ("sockstat", read_sockets),
    ("conntrack", read_tracked_connections),
    ("filefd", read_file_handles),
    ("uname", read_kernel_name),
)


class HostCollector(Collector):
    """Reads every section whenever it is collected; one that cannot be read is absent. Raises ProcNotMounted."""

    def __init__(self, paths: HostPaths) -> None:
        if not (paths.proc / "stat").exists():
            raise ProcNotMounted(str(paths.proc))
        self._paths = paths

    def collect(self) -> Iterable[Metric]:
        success = GaugeMetricFamily(
            "node_scrape_collector_success", "1 if the section could be read.", labels=["collector"]
        )
        for name, read in SECTIONS:
            families = self._read(name, read)
            success.add_metric([name], int(families is not None))
            yield from families or ()
        yield success

    def _read(self, name: str, read: Callable[[HostPaths], Iterable[Metric]]) -> list[Metric] | None:
        """None if the kernel does not have the files, they may not be read, or are not understood."""
        try:
            return list(read(self._paths))
        except (OSError, ValueError, MalformedProcFile) as error:
            logger.debug("section %s of the host: %s", name, error)
            return None
