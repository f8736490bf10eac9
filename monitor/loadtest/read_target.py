"""Reads a server's /metrics and its process in /proc at one moment."""

from __future__ import annotations

import http.client
import os
import re
from dataclasses import dataclass

from exporters.errors import ExporterError
from exporters.process.targets import PortTarget, ProcessFinder
from exporters.procfs.processes import ProcessIdentity, Procfs, parse_stat
from monitor.config.scrape_config import ScrapeProtocol
from monitor.config.vocabulary_config import Vocabulary
from monitor.errors import ExpositionError, LoadTestError, ScrapeError
from monitor.loadtest.exposed_figures import ExposedFigures, read_exposition
from monitor.loadtest.scenario import http_target
from monitor.scrape.exposition.content_type import format_of
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat

_TIMEOUT_SECONDS = 10
_RESIDENT = re.compile(rb"^VmRSS:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """What /proc says of a process. CPU time is that of all its threads.

    Memory as in `stat`, which the kernel keeps for each processor apart and reads roughly, and as in `status`, which
    adds it up: libraries take either.
    """

    cpu_seconds: float
    resident_bytes: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """`proc` from right before the exposition to right after it; empty if the process is not to be seen from here.

    `reader_connections` are those that the reader had opened by then: the server has counted them.
    """

    exposed: ExposedFigures
    proc: tuple[ProcessFigures, ...]
    reader_connections: int = 0


class ProcessWatch:
    """The one process that listens on a port of this host."""

    def __init__(self, identity: ProcessIdentity, procfs: Procfs) -> None:
        self._identity = identity
        self._procfs = procfs

    def read(self) -> ProcessFigures | None:
        """None once it has ended."""
        try:
            with self._procfs.process(self._identity.pid) as files:
                stat, status = parse_stat(files.read("stat")), files.read("status")
        except (FileNotFoundError, ProcessLookupError):
            return None
        if stat.has_ended or stat.identity != self._identity:
            return None
        cpu_seconds = (stat.user_ticks + stat.system_ticks) / os.sysconf("SC_CLK_TCK")
        by_stat = stat.resident_pages * os.sysconf("SC_PAGE_SIZE")
        found = _RESIDENT.search(status)
        return ProcessFigures(cpu_seconds, (by_stat, int(found[1]) * 1024 if found else by_stat))


def watch_listener(port: int) -> ProcessWatch | None:
    """None if not one process alone listens there, as far as can be seen from here."""
    try:
        procfs = Procfs()
        found = ProcessFinder([PortTarget(port)], procfs).find().processes
    except (ExporterError, OSError):
        return None
    return ProcessWatch(found[0].stat.identity, procfs) if len(found) == 1 else None


class TargetReader:
    """Reads over one connection, which the server counts once; over another one if the server has closed that.

    `connections` are those it has opened so far.
    """

    def __init__(
        self,
        metrics_url: str,
        vocabularies: tuple[Vocabulary, ...],
        process: ProcessWatch | None,
        body_bytes_max: int = 1 << 25,
    ) -> None:
        """Raises BadRequest unless `metrics_url` is an http URL."""
        page = http_target("metrics URL", metrics_url, "http://127.0.0.1:8101/metrics", "/metrics")
        self.instance = page.authority
        self.connections = 0
        self._url = page.shown_url
        self._path = page.path
        self._body_bytes_max = body_bytes_max
        self._connection = http.client.HTTPConnection(page.host, page.port, timeout=_TIMEOUT_SECONDS)
        self._vocabularies = vocabularies
        self._process = process

    def close(self) -> None:
        self._connection.close()

    def look(self) -> tuple[ProcessFigures, ...]:
        """At the process alone."""
        found = self._process.read() if self._process else None
        return () if found is None else (found,)

    def read(self) -> Reading:
        """Raises LoadTestError if the metrics cannot be had."""
        proc_before = self.look()
        body, content_type = self._fetch()
        proc = (*proc_before, *self.look())
        try:
            exposition_format = format_of(content_type, ScrapeProtocol.PROMETHEUS_TEXT_0_0_4)
            if exposition_format is ExpositionFormat.PROTOBUF:
                raise LoadTestError(f"{self._url}: got {content_type}, want text")
            exposed = read_exposition(body, exposition_format, self._vocabularies)
            return Reading(exposed, proc, self.connections)
        except (ExpositionError, ScrapeError) as error:
            raise LoadTestError(f"{self._url}: {error}") from error

    def _fetch(self) -> tuple[bytes, str]:
        try:
            response = self._answer()
            body = response.read(self._body_bytes_max + 1)
            bytes_missing = response.length or 0
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise LoadTestError(f"{self._url}: {type(error).__name__}: {error}") from error
        if response.status != 200:
            raise LoadTestError(f"{self._url}: got status {response.status}, want 200")
        if len(body) > self._body_bytes_max:
            raise LoadTestError(f"{self._url}: got more than {self._body_bytes_max} bytes")
        if bytes_missing:
            raise LoadTestError(f"{self._url}: got an answer that broke off {bytes_missing} bytes before its end")
        return body, response.headers.get("Content-Type", "")

    def _answer(self) -> http.client.HTTPResponse:
        is_kept = self._connection.sock is not None
        try:
            return self._ask()
        except ConnectionError:
            self._connection.close()
            if not is_kept:
                raise
        # Servers close connections that have rested for a while: Node's after 5 s.
        return self._ask()

    def _ask(self) -> http.client.HTTPResponse:
        if self._connection.sock is None:
            self.connections += 1
        self._connection.request("GET", self._path, headers={"Accept": "text/plain;version=0.0.4"})
        return self._connection.getresponse()
