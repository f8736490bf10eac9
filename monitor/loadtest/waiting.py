"""Where the generator's requests have spent their time, by Little's law: a mean number by the rate is a mean time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from exporters.load_test.runs import Tool
from monitor.loadtest.figures import Cause, Part
from monitor.loadtest.observe_run import Observation
from monitor.loadtest.quantiles import bucket_quantile, closed_loop_quantile
from monitor.loadtest.window import Window

# Fewer looks or requests of our own say little about a run.
LOOKS_MIN = 10
OWN_REQUESTS_MIN = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """Means in seconds for a request. `cycle`: from one request of a connection to its next.

    `idle` is what of the cycle is in neither socket and not in the server: the generator is connecting, has read the
    answer, or has not written the next request yet.
    """

    cycle: float
    handler: float
    server_work: float
    unread_request: float
    unread_answer: float
    gc: float
    stall: float

    @property
    def idle(self) -> float:
        inside = max(self.handler, self.server_work)
        return max(self.cycle - inside - self.unread_request - self.unread_answer, 0.0)


def waiting_of(window: Window, seen: Observation, connections: int, duration_seconds: float) -> Waiting | None:
    """None without enough looks at the sockets, or without requests.

    `connections` is the generator's, of which each has always one request under way (a closed loop).
    """
    requests = window.requests - seen.requests_sent
    if len(seen.looks) < LOOKS_MIN or requests <= 0:
        return None
    rate = requests / duration_seconds
    cycle = connections / rate
    unread_request = math.fsum(look.unread_requests for look in seen.looks) / len(seen.looks) / rate
    return Waiting(
        cycle=cycle,
        handler=window.durations.sum / window.durations.count,
        server_work=(window.cpu_seconds or 0.0) / window.requests,
        unread_request=unread_request,
        unread_answer=math.fsum(look.unread_answers for look in seen.looks) / len(seen.looks) / rate,
        gc=_gc_wait(window, cycle, duration_seconds, unread_request),
        stall=_stall_wait(window, cycle, duration_seconds, unread_request),
    )


def _gc_wait(window: Window, cycle: float, duration_seconds: float, unread_request: float) -> float:
    """A pause holds up every connection for its length, so pauses are the same share of a cycle as of the time."""
    share = window.gc_pauses.sum / duration_seconds if window.gc_pauses else 0.0
    return min(share * cycle, unread_request)


def _stall_wait(window: Window, cycle: float, duration_seconds: float, unread_request: float) -> float:
    """How long what was ready has waited on average; the collector's pauses are in that, and are told by themselves."""
    if window.stalls is None or not window.stalls.count:
        return 0.0
    gc_wait = _gc_wait(window, cycle, duration_seconds, unread_request)
    return min(max(window.stalls.sum / window.stalls.count - gc_wait, 0.0), unread_request - gc_wait)


def mean_parts(waiting: Waiting, tool: Tool) -> tuple[Part, ...]:
    """From the handler's mean to the generator's. wrk's clock starts when it sends, ab's when it connects."""
    connecting = waiting.idle if tool is Tool.AB else None
    return named_means(waiting, waiting.unread_request, waiting.unread_answer, connecting)


def named_means(
    waiting: Waiting, unread_request: float, unread_answer: float, connecting: float | None
) -> tuple[Part, ...]:
    """Mean seconds outside of the handler by what they were spent on. `connecting` is None if no clock runs then."""
    server_work = max(waiting.server_work - waiting.handler, 0.0)
    in_socket = unread_request - waiting.gc - waiting.stall
    parts = [Part(Cause.SERVER_WORK, server_work), Part(Cause.SERVER_SOCKET, in_socket)]
    if waiting.gc:
        parts.append(Part(Cause.GC, waiting.gc))
    if waiting.stall:
        parts.append(Part(Cause.STALL, waiting.stall))
    parts.append(Part(Cause.GENERATOR_SOCKET, unread_answer))
    return tuple(parts) if connecting is None else (*parts, Part(Cause.CONNECTING, connecting))


def quantile_parts(
    window: Window, seen: Observation, waiting: Waiting, tool: Tool, q: float
) -> tuple[Part, ...] | None:
    """From the handler's quantile to the generator's; None with too few requests of our own."""
    handler = bucket_quantile(window.durations.buckets, q)
    if handler is None or len(seen.requests) < OWN_REQUESTS_MIN:
        return None
    before = waiting.idle if tool is Tool.AB else 0.0
    values = [request.answer_seconds + waiting.unread_answer + before for request in seen.requests]
    cycles = [value + waiting.idle - before for value in values]
    whole = closed_loop_quantile(values, cycles, q)
    assert whole is not None, "BUG: got no quantile of requests, want one"
    parts = (
        Part(Cause.OUTSIDE_HANDLER, whole - waiting.unread_answer - before - handler),
        Part(Cause.GENERATOR_SOCKET, waiting.unread_answer),
    )
    return (*parts, Part(Cause.CONNECTING, before)) if before else parts
