"""The metrics of a process: names, help, and where in a reading each value stands.

The first seven names are those every Prometheus client library uses for its own process (section "process metrics" of
Prometheus's client library guide); `user` and `system` CPU as in prom-client. Not here: process_network_*, because
/proc/<pid>/net counts a whole network namespace, not a process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from exporters.process.reading import ProcessReading

PROCESS_LABELS = ("process", "pid", "port")

Value = float | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric. `value` gives one number, or as many as `variants` has values of the label `variant_label`.

    A number that is None could not be read, or there is no limit: it is not exported.
    """

    name: str
    help: str
    value: Callable[[ProcessReading], Value | tuple[Value, ...]]
    is_counter: bool = False
    variant_label: str = ""
    variants: tuple[str, ...] = ()


FIGURES = (
    Figure(
        "process_cpu_seconds",
        "CPU time, user and system, of all threads that ever were.",
        lambda reading: reading.cpu_user_seconds + reading.cpu_system_seconds,
        is_counter=True,
    ),
    Figure("process_resident_memory_bytes", "Memory held in RAM.", lambda reading: reading.resident_bytes),
    Figure("process_virtual_memory_bytes", "Size of the address space.", lambda reading: reading.virtual_bytes),
    Figure("process_open_fds", "Open file descriptors, sockets included.", lambda reading: reading.open_files),
    Figure("process_max_fds", "Soft limit of open file descriptors.", lambda reading: reading.open_files_limit),
    Figure(
        "process_start_time_seconds",
        "When the process started, seconds since 1970.",
        lambda reading: reading.start_time_seconds,
    ),
    Figure("process_threads", "Threads of the operating system.", lambda reading: reading.threads),
    Figure(
        "process_cpu_user_seconds", "CPU time in user mode.", lambda reading: reading.cpu_user_seconds, is_counter=True
    ),
    Figure(
        "process_cpu_system_seconds",
        "CPU time in the kernel.",
        lambda reading: reading.cpu_system_seconds,
        is_counter=True,
    ),
    Figure(
        "process_page_faults",
        "Page faults; a major one waited for storage.",
        lambda reading: (reading.minor_faults, reading.major_faults),
        is_counter=True,
        variant_label="type",
        variants=("minor", "major"),
    ),
    Figure(
        "process_context_switches",
        "Context switches of all threads; voluntary ones waited for something, involuntary ones were preempted.",
        lambda reading: (reading.switches.voluntary, reading.switches.involuntary) if reading.switches else (),
        is_counter=True,
        variant_label="type",
        variants=("voluntary", "involuntary"),
    ),
    Figure(
        "process_io_storage_bytes",
        "Bytes fetched from and sent to storage, without what the page cache served.",
        lambda reading: (reading.storage.read, reading.storage.written) if reading.storage else (),
        is_counter=True,
        variant_label="direction",
        variants=("read", "write"),
    ),
    Figure(
        "process_memory_limit_bytes",
        "Memory limit of the control group the process is in, shared by the group; absent without a limit.",
        lambda reading: reading.limits.memory_bytes,
    ),
    Figure(
        "process_memory_group_used_bytes",
        "Memory used by the control group that has the limit, less what the kernel can drop; absent without a limit.",
        lambda reading: reading.limits.memory_used_bytes,
    ),
    Figure(
        "process_cpu_group_used_seconds",
        "CPU time of all processes of the control group that has the CPU limit; absent without a limit.",
        lambda reading: reading.limits.cpu_used_seconds,
        is_counter=True,
    ),
    Figure(
        "process_cpu_throttled_seconds",
        "Time the control group that has the CPU limit was kept from running; absent without a limit.",
        lambda reading: reading.limits.cpu_throttled_seconds,
        is_counter=True,
    ),
    Figure(
        "process_cpu_limit_cores",
        "CPU limit of the control group the process is in, shared by the group; absent without a limit.",
        lambda reading: reading.limits.cpu_cores,
    ),
)


def process_families(readings: Iterable[ProcessReading]) -> list[CounterMetricFamily | GaugeMetricFamily]:
    """The metric families of FIGURES with the values of `readings`."""
    readings = tuple(readings)
    return [_family(figure, readings) for figure in FIGURES]


def process_label_values(reading: ProcessReading) -> tuple[str, str, str]:
    """Values of PROCESS_LABELS. A process that listens on several watched ports has them joined by commas."""
    return reading.name, str(reading.pid), ",".join(map(str, reading.ports))


def _family(figure: Figure, readings: tuple[ProcessReading, ...]) -> CounterMetricFamily | GaugeMetricFamily:
    variant_labels = (figure.variant_label,) if figure.variant_label else ()
    kind = CounterMetricFamily if figure.is_counter else GaugeMetricFamily
    family = kind(figure.name, figure.help, labels=(*PROCESS_LABELS, *variant_labels))
    for reading in readings:
        labels = process_label_values(reading)
        value = figure.value(reading)
        if not isinstance(value, tuple):
            _add(family, labels, value)
            continue
        for variant, each in zip(figure.variants, value, strict=False):
            _add(family, (*labels, variant), each)
    return family


def _add(family: CounterMetricFamily | GaugeMetricFamily, labels: tuple[str, ...], value: Value) -> None:
    if value is not None:
        family.add_metric(labels, value)
