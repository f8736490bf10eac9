"""CPU time by mode, switches, forks, load and pressure: /proc/stat, loadavg, pressure. Formats: proc_stat(5)."""

from __future__ import annotations

import os
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric

from exporters.errors import MalformedProcFile
from exporters.host.lines import HostPaths, read_keyed_numbers, read_lines, single

# In the order of /proc/stat. Time of guests is in `user` and `nice` already, and has a metric of its own.
_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_GUEST_MODES = ("user", "nice")
_MICROSECONDS = 1e-6

_STAT_FIGURES = (
    ("ctxt", "node_context_switches", "Context switches.", True),
    ("processes", "node_forks", "Processes and threads begun.", True),
    ("intr", "node_intr", "Interrupts served.", True),
    ("btime", "node_boot_time_seconds", "When the host started, seconds since 1970.", False),
    ("procs_running", "node_procs_running", "Processes that run or could.", False),
    ("procs_blocked", "node_procs_blocked", "Processes that wait for storage.", False),
)

# `some`: at least one task waited; `full`: all of them did (the kernel's Documentation/accounting/psi).
_PRESSURE_FIGURES = (
    ("cpu", "some", "node_pressure_cpu_waiting_seconds", "Time in which tasks waited for a CPU."),
    ("io", "some", "node_pressure_io_waiting_seconds", "Time in which tasks waited for storage."),
    ("io", "full", "node_pressure_io_stalled_seconds", "Time in which nothing ran for waiting for storage."),
    ("memory", "some", "node_pressure_memory_waiting_seconds", "Time in which tasks waited for memory."),
    ("memory", "full", "node_pressure_memory_stalled_seconds", "Time in which nothing ran for waiting for memory."),
    ("irq", "full", "node_pressure_irq_stalled_seconds", "Time in which nothing ran for interrupts."),
)


def read_cpu(paths: HostPaths) -> Iterator[Metric]:
    """CPU seconds of each CPU and mode, and what else /proc/stat counts."""
    numbers = read_keyed_numbers(paths.proc / "stat")
    ticks_per_second = os.sysconf("SC_CLK_TCK")
    seconds = CounterMetricFamily("node_cpu_seconds", "CPU time by mode.", labels=["cpu", "mode"])
    guests = CounterMetricFamily("node_cpu_guest_seconds", "CPU time of virtual machines.", labels=["cpu", "mode"])
    for name, ticks in numbers.items():
        cpu = name.removeprefix("cpu")
        if not name.startswith("cpu") or not cpu.isdigit():
            continue
        for mode, count in zip(_MODES, ticks, strict=False):
            seconds.add_metric([cpu, mode], count / ticks_per_second)
        for mode, count in zip(_GUEST_MODES, ticks[len(_MODES) :], strict=False):
            guests.add_metric([cpu, mode], count / ticks_per_second)
    yield seconds
    yield guests
    for key, metric, text, is_counter in _STAT_FIGURES:
        if numbers.get(key):
            yield single(metric, text, numbers[key][0], is_counter=is_counter)


def read_load(paths: HostPaths) -> Iterator[Metric]:
    """Tasks that run or wait, averaged over 1, 5 and 15 minutes."""
    words = (paths.proc / "loadavg").read_text().split()
    for minutes, word in zip((1, 5, 15), words, strict=False):
        yield single(f"node_load{minutes}", f"Load averaged over {minutes} minutes.", float(word))


def read_pressure(paths: HostPaths) -> Iterator[Metric]:
    """Pressure stall totals. Raises FileNotFoundError where the kernel does not keep them."""
    totals = {resource: _pressure_totals(paths, resource) for resource in ("cpu", "io", "memory")}
    if (paths.proc / "pressure" / "irq").exists():  # since Linux 6.1
        totals["irq"] = _pressure_totals(paths, "irq")
    for resource, line, metric, text in _PRESSURE_FIGURES:
        if line in totals.get(resource, {}):
            yield single(metric, text, totals[resource][line] * _MICROSECONDS, is_counter=True)


def _pressure_totals(paths: HostPaths, resource: str) -> dict[str, int]:
    """Microseconds of the lines `some avg10=0.00 … total=123`."""
    path = paths.proc / "pressure" / resource
    totals = {}
    for line in read_lines(path):
        kind, _, rest = line.partition(" ")
        total = rest.rpartition("total=")[2]
        if not total.isdigit():
            raise MalformedProcFile(str(path), line, "some|full … total=MICROSECONDS")
        totals[kind] = int(total)
    return totals
