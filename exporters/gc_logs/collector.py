"""Garbage collection pauses from the logs of Go, Node and the JVM, as histograms.

`GcLogCollector` is registered with a prometheus_client registry; its command is `plimsoll exporter gc_logs`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from exporters.gc_logs.families import LabelledTotals, gc_families
from exporters.gc_logs.go_trace import GoTraceParser
from exporters.gc_logs.jvm_log import JvmLogParser
from exporters.gc_logs.node_trace import NodeTraceParser
from exporters.gc_logs.records import LineParser
from exporters.gc_logs.totals import DEFAULT_GC_LOG_SETTINGS, GcLogSettings, GcTotals
from exporters.log_following.kept_positions import KeptPositions
from exporters.log_following.log_families import LogReading, log_families
from exporters.log_following.source import LogSource
from exporters.log_following.state_file import StateFile

# Blocks read of each log by one poll, so that a scrape never waits for a long log: 16 MiB of them.
_BLOCKS_PER_POLL = 16


class Runtime(Enum):
    GO = "go"
    NODE = "node"
    JVM = "jvm"


_PARSERS: Mapping[Runtime, Callable[[], LineParser]] = {
    Runtime.GO: GoTraceParser,
    Runtime.NODE: NodeTraceParser,
    Runtime.JVM: JvmLogParser,
}


class GcLog:
    """One log: lines in, totals out. Not for several threads."""

    def __init__(self, name: str, source: LogSource, runtime: Runtime, settings: GcLogSettings) -> None:
        self.name = name
        self.source = source
        self.runtime = runtime
        self.totals = GcTotals(settings)
        self._parser = _PARSERS[runtime]()

    def poll(self) -> bool:
        """Reads what is new. True if there may be more at once."""
        for _ in range(_BLOCKS_PER_POLL):
            lines = self.source.read()
            if not lines:
                return False
            self._add(lines)
        return True

    def _add(self, lines: bytes) -> None:
        for line in lines.decode("utf-8", "replace").split("\n")[:-1]:
            self.totals.add(self._parser.parse(line.rstrip("\r")))


class GcLogCollector(Collector):
    """Reads on at every scrape, and whenever `poll` is called. A scrape saves the positions it belongs to."""

    def __init__(
        self,
        sources: Mapping[str, LogSource],
        runtime: Runtime,
        state_file: StateFile | None = None,
        settings: GcLogSettings = DEFAULT_GC_LOG_SETTINGS,
    ) -> None:
        """`sources` by the name that is their label `log`."""
        self._logs = [GcLog(name, source, runtime, settings) for name, source in sources.items()]
        self._positions = KeptPositions(sources, state_file)
        self._turn = threading.Lock()

    def poll(self) -> bool:
        """True if there may be more at once."""
        with self._turn:
            more = [log.poll() for log in self._logs]
        return any(more)

    @property
    def awaits_writers(self) -> bool:
        """A program or standard input is still open: more lines come before it can be said to have been read."""
        return any(log.source.status().has_writer for log in self._logs)

    def describe(self) -> Iterable[Metric]:
        """The families without values, so that a registry refuses a second collector of the same names."""
        return [*gc_families(()), *log_families(()), self._positions.family()]

    def collect(self) -> Iterable[Metric]:
        self.poll()
        with self._turn:
            labelled: Sequence[LabelledTotals] = [
                LabelledTotals(log.name, log.runtime.value, log.totals) for log in self._logs
            ]
            families = [*gc_families(labelled), *log_families(map(_reading, self._logs))]
            self._positions.save()
            return [*families, self._positions.family()]


def _reading(log: GcLog) -> LogReading:
    lines = {outcome.value: count for outcome, count in log.totals.lines.items()}
    return LogReading(log.name, log.source.status(), lines)
