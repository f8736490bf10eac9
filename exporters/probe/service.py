"""Probes over HTTP: `/probe?target=…&module=…` as blackbox_exporter has it, anything else the fixed targets.

Whoever reaches this service can make it connect to any address it can reach (server-side request forgery): that is
its purpose. So it listens on loopback unless told otherwise, `ProberSettings.allowed_hosts` narrows what it probes, and
nothing of an answer but its length, its times and whether it matched is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from exporters.errors import InvalidProbeTarget
from exporters.probe.families import LabelledResult, probe_families
from exporters.probe.modules import ProbeKind, ProbeModule
from exporters.probe.prober import Prober
from exporters.probe.targets import parse_endpoint, parse_url, shown
from exporters.scrape_timeout import (
    TimedCollector,
    collecting_application,
    scrape_timeout_seconds,
    time_for_each,
    timed_application,
)

_LABELS = ("target", "module")


@dataclass(frozen=True, slots=True)
class FixedTarget:
    """A target that is probed at every scrape. Raises InvalidProbeTarget."""

    target: str
    module_name: str
    module: ProbeModule

    def __post_init__(self) -> None:
        (parse_url if self.module.kind is ProbeKind.HTTP else parse_endpoint)(self.target)

    @property
    def labels(self) -> tuple[str, str]:
        """Values of the labels `target` and `module`. A query is not shown: it may hold a secret."""
        return shown(self.target), self.module_name


class FixedTargetsCollector(Collector):
    """Probes all `targets` at once whenever it is collected, at most `probes_max` at a time. A TimedCollector.

    Raises InvalidProbeTarget if two targets cannot be told apart by their labels.
    """

    def __init__(self, prober: Prober, targets: Iterable[FixedTarget], probes_max: int = 64) -> None:
        self._prober = prober
        self._targets = tuple({(each.target, each.module_name): each for each in targets}.values())
        self._probes_max = probes_max
        labels = [target.labels for target in self._targets]
        for label in labels:
            if labels.count(label) > 1:
                raise InvalidProbeTarget(label[0], "targets of a module that differ in more than their query")

    def describe(self) -> Iterable[Metric]:
        """The families without values, so that registering does not probe."""
        return probe_families((), _LABELS)

    def collect(self) -> Iterable[Metric]:
        return self.collect_within(None)

    def collect_within(self, timeout_seconds: float | None) -> Iterable[Metric]:
        limit = time_for_each(timeout_seconds, len(self._targets), self._probes_max)
        results = asyncio.run(self._probe_all(limit)) if self._targets else []
        return probe_families(results, _LABELS)

    async def _probe_all(self, timeout_seconds: float | None) -> list[LabelledResult]:
        places = asyncio.Semaphore(self._probes_max)

        async def probe(target: FixedTarget) -> LabelledResult:
            async with places:
                result = await self._prober.probe(target.target, target.module, timeout_seconds)
                return LabelledResult(target.labels, result)

        return await asyncio.gather(*map(probe, self._targets))


class ProbeService:
    """The WSGI application. `fixed` answers whatever is not `/probe`."""

    def __init__(self, prober: Prober, modules: Mapping[str, ProbeModule], fixed: TimedCollector) -> None:
        self._prober = prober
        self._modules = modules
        self._fixed = timed_application(fixed)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/probe":
            return self._fixed(environ, start_response)
        # The query is the probe's: `name[]` in it would otherwise choose metrics.
        plain = {**environ, "QUERY_STRING": ""}
        try:
            return collecting_application(lambda: self._probe(environ))(plain, start_response)
        except (InvalidProbeTarget, _BadRequest) as error:
            start_response("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"{error}\n".encode()]

    def _probe(self, environ: dict[str, Any]) -> list[Metric]:
        try:
            query = parse_qs(environ.get("QUERY_STRING", ""), max_num_fields=20)
        except ValueError as error:
            raise _BadRequest("query: got more than 20 fields, want target and module") from error
        target = query.get("target", [""])[0]
        if not target:
            raise _BadRequest("target: got none, want /probe?target=URL or /probe?target=HOST:PORT&module=tcp_connect")
        name = query.get("module", ["http_2xx"])[0]
        module = self._modules.get(name)
        if module is None:
            raise _BadRequest(f"module: got {name[:100]!r}, want one of {', '.join(sorted(self._modules))}")
        result = asyncio.run(self._prober.probe(target, module, scrape_timeout_seconds(environ)))
        return probe_families([LabelledResult((), result)])


class _BadRequest(Exception):
    """What a client wants is not understood; its message is the answer."""
