"""Memory and paging: /proc/meminfo, vmstat. Formats: proc_meminfo(5), proc_vmstat(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prometheus_client.core import Metric, UntypedMetricFamily

from exporters.host.lines import HostPaths, read_keyed_numbers, read_lines, single, whole_numbers

_KIBIBYTE = 1024
_VMSTAT_NAMES = re.compile(r"oom_kill|pgpgin|pgpgout|pswpin|pswpout|pgfault|pgmajfault")


def read_memory(paths: HostPaths) -> Iterator[Metric]:
    """Every line of meminfo by its own name: `Active(anon): 8 kB` is node_memory_Active_anon_bytes."""
    path = paths.proc / "meminfo"
    for line in read_lines(path):
        key, _, rest = line.partition(":")
        words = rest.split() or [""]
        name = re.sub(r"\W+", "_", key).strip("_")
        [number] = whole_numbers(path, line, words[:1])
        in_bytes = words[-1] == "kB"
        suffix, scale = ("_bytes", _KIBIBYTE) if in_bytes else ("", 1)
        yield single(f"node_memory_{name}{suffix}", f"{key} of /proc/meminfo.", number * scale)


def read_vmstat(paths: HostPaths) -> Iterator[Metric]:
    """Pages moved, faults, and processes killed for lack of memory; untyped, as in node_exporter."""
    for key, numbers in read_keyed_numbers(paths.proc / "vmstat").items():
        if _VMSTAT_NAMES.fullmatch(key):
            yield UntypedMetricFamily(f"node_vmstat_{key}", f"{key} of /proc/vmstat.", value=numbers[0])
