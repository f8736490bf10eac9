"""CPU, memory, files, threads and limits of other processes, from /proc, for Prometheus.

`ProcessCollector` is registered with a prometheus_client registry.

Series: 22 a process, with the labels `process` (command name), `pid` and `port` (the watched ports it listens on).
A process that ended is absent from the next scrape, never 0. Every new copy of a server has a new pid and so new
series: ten copies that are replaced once an hour make 5 280 series a day. `sum without (pid) (…)` adds copies up, and
process_start_time_seconds tells one owner of a pid from the next.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.process.figures import PROCESS_LABELS, process_families, process_label_values
from exporters.process.reading import HostUnits, ProcessReader, ProcessReading
from exporters.process.targets import Discovery, ProcessFinder, Target
from exporters.procfs.cgroup_limits import CgroupLimitReader
from exporters.procfs.processes import Procfs


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """Where to read, and how much at most.

    `processes_max`: processes exported at once; beyond, the youngest are left out and counted.
    `threads_max`: threads of a process whose context switches are read (10 µs each); beyond, they are absent.
    `full_search_interval`: scrapes from one full search for the holders of sockets to the next.
    """

    proc_path: Path = Path("/proc")
    system_root: Path = Path("/")
    processes_max: int = 256
    threads_max: int = 1000
    full_search_interval: int = 60


class ProcessCollector(Collector):
    """Reads the processes of `targets` whenever it is collected. Collections at the same time take turns."""

    def __init__(self, targets: Iterable[Target], settings: ProcessSettings = ProcessSettings()) -> None:
        procfs = Procfs(settings.proc_path)
        cgroups = CgroupLimitReader(procfs, settings.system_root)
        self._finder = ProcessFinder(targets, procfs, settings.full_search_interval)
        self._reader = ProcessReader(procfs, cgroups, HostUnits.of_this_host(procfs), settings.threads_max)
        self._processes_max = settings.processes_max
        self._turn = threading.Lock()

    def find(self) -> Discovery:
        """Which processes the targets mean now. A pid target means the process that has the pid the first time."""
        with self._turn:
            return self._finder.find()

    def describe(self) -> Iterable[Metric]:
        """The families without values, so that a registry refuses a second collector of the same names."""
        return [
            *process_families(()),
            *_discovery_families(Discovery((), {}, unreadable=0, hidden=0, ownerless_ports=()), 0),
            _denied_family(()),
        ]

    def collect(self) -> Iterable[Metric]:
        with self._turn:
            discovery = self._finder.find()
            watched = discovery.processes[: self._processes_max]
            self._reader.forget_all_but(frozenset(found.stat.identity for found in watched))
            readings = [reading for found in watched if (reading := self._reader.read(found))]
        dropped = len(discovery.processes) - len(watched)
        return [*process_families(readings), *_discovery_families(discovery, dropped), _denied_family(readings)]


def _discovery_families(discovery: Discovery, dropped: int) -> list[Metric]:
    processes = GaugeMetricFamily(
        "plimsoll_exporter_processes", "Processes each target has now; 0 when none runs.", labels=["target"]
    )
    for target, count in discovery.by_target.items():
        processes.add_metric([str(target)], count)
    ownerless = GaugeMetricFamily(
        "plimsoll_exporter_port_without_process",
        "1 for a watched port on which something listens of which no process could be found.",
        labels=["port"],
    )
    for port in discovery.ownerless_ports:
        ownerless.add_metric([str(port)], 1)
    return [
        processes,
        ownerless,
        GaugeMetricFamily(
            "plimsoll_exporter_unreadable_processes",
            "Processes that may not be looked into, any of which may hold a watched port.",
            value=discovery.unreadable + discovery.hidden,
        ),
        GaugeMetricFamily(
            "plimsoll_exporter_processes_dropped", "Processes left out by the limit of processes.", value=dropped
        ),
    ]


def _denied_family(readings: Iterable[ProcessReading]) -> Metric:
    family = GaugeMetricFamily(
        "plimsoll_exporter_permission_denied",
        "1 for a file of a watched process that this user may not read; its metrics are absent.",
        labels=[*PROCESS_LABELS, "file"],
    )
    for reading in readings:
        for name in reading.denied:
            family.add_metric([*process_label_values(reading), name], 1)
    return family
