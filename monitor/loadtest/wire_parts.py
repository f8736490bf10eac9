"""Where the generator's requests have spent their time, request by request, as their packets tell it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exporters.load_test.runs import Tool
from monitor.loadtest.figures import Cause, Part
from monitor.loadtest.generator_command import WRK_LATENCY_SECONDS_MAX, LoadPlan
from monitor.loadtest.quantiles import bucket_quantile
from monitor.loadtest.waiting import Waiting, named_means
from monitor.loadtest.window import Window
from monitor.loadtest.wire_requests import WireRequests

# p99 of n requests is known to about sqrt(99 / n) / 4.6 of itself (an exponential tail): 1 000 give 7 %.
WIRE_REQUESTS_MIN = 1000


@dataclass(frozen=True, slots=True)
class GeneratorClock:
    """Seconds (N,) for which the generator's clock has run, of N requests: until each was answered, and from there
    until that was read. `connecting`: until it was sent, if the clock runs by then; None if not. `is_recorded` (N,):
    whether the generator has the request in its latencies.
    """

    answering: npt.NDArray[np.float64]
    unread: npt.NDArray[np.float64]
    connecting: npt.NDArray[np.float64] | None
    is_recorded: npt.NDArray[np.bool_]

    def mean_parts(self, waiting: Waiting) -> tuple[Part, ...]:
        """From the handler's mean to the generator's."""
        outside = float(np.mean(self.answering)) - max(waiting.handler, waiting.server_work)
        connecting = None if self.connecting is None else float(np.mean(self.connecting))
        parts = named_means(waiting, outside, float(np.mean(self.unread)), connecting)
        return (*parts, *self._late(lambda seconds: float(np.mean(seconds))))

    def quantile_parts(self, window: Window, q: float) -> tuple[Part, ...] | None:
        """From the handler's quantile to the generator's: by how much each wait moves it. None without requests."""
        handler = bucket_quantile(window.durations.buckets, q)
        if handler is None:
            return None
        answered, read = self.answering, self.answering + self.unread
        parts = (
            Part(Cause.UNTIL_ANSWERED, _quantile(answered, q) - handler),
            Part(Cause.GENERATOR_SOCKET, _quantile(read, q) - _quantile(answered, q)),
        )
        if self.connecting is None:
            return (*parts, *self._late(lambda seconds: _quantile(seconds, q)))
        return (*parts, Part(Cause.CONNECTING, _quantile(read + self.connecting, q) - _quantile(read, q)))

    def _late(self, figure: Callable[[npt.NDArray[np.float64]], float]) -> tuple[Part, ...]:
        """By how much what is not recorded would move a figure of the latencies."""
        if np.all(self.is_recorded) or not np.any(self.is_recorded):
            return ()
        read = self.answering + self.unread
        return (Part(Cause.LATE, figure(read[self.is_recorded]) - figure(read)),)


def generator_clock(wire: WireRequests | None, plan: LoadPlan) -> GeneratorClock | None:
    """None if packets tell of too few requests.

    wrk's clock runs from the request until it has read the answer. ab's runs from one request to the next, and on short
    connections from its SYN to its close.
    """
    if wire is None or len(wire) < WIRE_REQUESTS_MIN:
        return None
    counts_connecting = plan.tool is Tool.AB and not plan.scenario.keep_alive
    is_recorded = np.ones(len(wire), bool)
    if plan.tool is Tool.WRK:
        is_recorded = wire.answering + wire.unread <= WRK_LATENCY_SECONDS_MAX
    return GeneratorClock(wire.answering, wire.unread, wire.connecting if counts_connecting else None, is_recorded)


def _quantile(seconds: npt.NDArray[np.float64], q: float) -> float:
    return float(np.quantile(seconds, q))
