"""The figures of one run, side by side, and what lies between them. Pure."""

from __future__ import annotations

import math
from dataclasses import replace

from exporters.load_test.runs import Latency, Tool
from monitor.loadtest.facts import Facts
from monitor.loadtest.figures import Between, Cause, Figure, Part, Unit
from monitor.loadtest.generator_command import connections_opened
from monitor.loadtest.memory_under_load import RESIDENT_BYTES_ALLOWED, memory_under_load
from monitor.loadtest.quantiles import bucket_quantile, bucket_width
from monitor.loadtest.waiting import Waiting, mean_parts, quantile_parts, waiting_of
from monitor.loadtest.window import Window, Windows

REST_SHARE = 0.1
# Not of the two readings: measured by ourselves, or in between.
_NOT_OF_READINGS = frozenset(("connection_setup", "memory_max"))
# /proc counts CPU time in 1/100 s.
_CPU_SECONDS_ALLOWED = 0.02
# ab prints whole milliseconds.
_AB_CONNECT_SECONDS_ALLOWED = 0.001


def reconcile_stored(facts: Facts, windows: Windows) -> tuple[Figure, ...]:
    """As `reconcile`. If `facts` are of what a service has stored, each figure has what the server has shown, too."""
    figures = reconcile(facts)
    if windows.stored is None:
        return figures
    inner, outer = (reconcile(replace(facts, window=window)) for window in (windows.inner, windows.outer))
    return tuple(map(_beside_shown, figures, inner, outer))


def _beside_shown(stored: Figure, inner: Figure, outer: Figure) -> Figure:
    shown = [figure.plimsoll for figure in (inner, outer) if figure.plimsoll is not None]
    if stored.name in _NOT_OF_READINGS or not shown:
        return stored
    is_gauge = stored.name == "memory"
    return replace(
        stored,
        shown=Between(min(shown), max(shown)),
        shown_allowed=RESIDENT_BYTES_ALLOWED if is_gauge else 0.0,
        reason=stored.reason
        if stored.plimsoll is not None
        else "the server shows it, and the service has not stored it",
    )


def reconcile(facts: Facts) -> tuple[Figure, ...]:
    """Every figure of the comparison, in its order."""
    run, plan = facts.generated.run, facts.plan
    waiting = waiting_of(facts.window, facts.seen, plan.connections, run.duration_seconds)
    return (
        _requests(facts),
        _rate(facts),
        _average(facts, waiting),
        _quantile(facts, waiting, 0.5, "latency_p50"),
        _quantile(facts, waiting, 0.99, "latency_p99"),
        _memory(facts.window),
        memory_under_load(facts.seen.memory, facts.scraped_memory),
        _cpu(facts.window, run.duration_seconds),
        *_errors(facts),
        *_bytes(facts),
        _connection_setup(facts),
        *_connections(facts),
        *_pauses(facts.window),
    )


def _in_flight(facts: Facts, each: float = 1.0) -> Part:
    """Of what each request has `each` of, on one side only."""
    return Part(Cause.IN_FLIGHT, -facts.in_flight * each, is_derived=not facts.is_in_flight_measured)


def _requests(facts: Facts) -> Figure:
    parts = (_in_flight(facts),)
    return Figure("requests", Unit.COUNT, facts.generated.run.requests, facts.requests, parts=parts)


def _rate(facts: Facts) -> Figure:
    """Ours over the generator's time. One per cent is allowed, though what is in flight explains the difference."""
    run = facts.generated.run
    parts = (_in_flight(facts, 1 / run.duration_seconds),)
    # ab tells its time to a millisecond and its rate to 1/100.
    allowed = 0.01 * run.requests_per_second
    ours = facts.requests / run.duration_seconds
    return Figure("qps", Unit.PER_SECOND, run.requests_per_second, ours, allowed, parts)


def _average(facts: Facts, waiting: Waiting | None) -> Figure:
    window, latency = facts.window, facts.generated.run.latency
    ours = window.durations.sum / window.durations.count if window.durations.count else None
    measured = facts.generated.measured
    before_correction = measured.mean if measured else None
    parts, by_packets = None, facts.by_packets
    if waiting is not None:
        parts = by_packets.mean_parts(waiting) if by_packets else mean_parts(waiting, facts.plan.tool)
    return _latency_figure(facts, "latency_average", latency.mean if latency else None, ours, before_correction, parts)


def _quantile(facts: Facts, waiting: Waiting | None, q: float, name: str) -> Figure:
    latency = facts.generated.run.latency or Latency()
    measured = facts.generated.measured
    parts, by_packets = None, facts.by_packets
    if by_packets is not None:
        parts = by_packets.quantile_parts(facts.window, q)
    elif waiting is not None:
        parts = quantile_parts(facts.window, facts.seen, waiting, facts.plan.tool, q)
    ours = bucket_quantile(facts.window.durations.buckets, q)
    before_correction = measured.quantile(q) if measured else None
    return _latency_figure(facts, name, latency.quantiles.get(q), ours, before_correction, parts)


def _latency_figure(
    facts: Facts,
    name: str,
    theirs: float | None,
    ours: float | None,
    before_correction: float | None,
    parts: tuple[Part, ...] | None,
) -> Figure:
    """Ten per cent may be left unexplained. If no packets were captured, one bucket of the server's histogram, too."""
    reason = "" if parts else "sockets could not be looked at, or the run was too short for it: nothing is explained"
    if theirs is None or ours is None:
        reason = "the generator prints no latency" if theirs is None else _why_no_latency(facts.window)
        parts = None  # they are of a difference to the generator
    if facts.plan.tool is Tool.WRK and theirs is not None and parts is not None:
        if before_correction is None:
            reason = f"{facts.generated.why_not_measured}: its correction is not known, and in the rest"
        else:
            parts = (*parts, Part(Cause.COORDINATED_OMISSION, theirs - before_correction))
    if facts.late_answers and facts.by_packets is None:
        parts, reason = None, f"wrk leaves the {facts.late_answers} answers after 2 s and more out of its latencies"
    allowed = REST_SHARE * (theirs or 0.0)
    if facts.by_packets is None:
        allowed = max(allowed, bucket_width(tuple(facts.window.durations.buckets), theirs or 0.0))
    return Figure(name, Unit.SECONDS, theirs, ours, allowed, parts or (), reason=reason, is_judged=parts is not None)


def _why_no_latency(window: Window) -> str:
    if window.requests:
        return "the series of the server's histogram have different buckets: they give no quantile together"
    return "the server has counted no requests"


def _memory(window: Window) -> Figure:
    reason = "a load generator does not see the server's memory: compared with /proc"
    ours, proc = window.resident_bytes, window.proc_resident_bytes
    if ours is None or proc is None:
        reason = "the server does not show it" if ours is None else "its process is not to be seen from here"
    there = None if ours is None or proc is None else proc.nearest(ours)
    return Figure("memory", Unit.BYTES, None, ours, RESIDENT_BYTES_ALLOWED, proc=there, reason=reason)


def _cpu(window: Window, duration_seconds: float) -> Figure:
    """CPU seconds a second of the run."""
    reason = "a load generator does not see the server's CPU time: compared with /proc"
    ours, proc = window.cpu_seconds, window.proc_cpu_seconds
    if ours is None or proc is None:
        reason = "the server does not show it" if ours is None else "its process is not to be seen from here"
    return Figure(
        "cpu",
        Unit.CORES,
        None,
        None if ours is None else ours / duration_seconds,
        _CPU_SECONDS_ALLOWED / duration_seconds,
        proc=None if ours is None or proc is None else proc.nearest(ours) / duration_seconds,
        reason=reason,
    )


def _errors(facts: Facts) -> tuple[Figure, Figure, Figure]:
    run = facts.generated.run
    theirs = run.errors.get("status", 0)
    # An answer may be an error and late: that is one error.
    late = min(facts.late_answers, max(run.requests - theirs, 0))
    all_theirs = theirs + late + facts.failed_requests
    # wrk's `Non-2xx or 3xx` is 400 and above, ab's `Non-2xx` everything else than 2xx.
    ours = facts.answered_with(errors_only=facts.plan.tool is Tool.WRK)
    in_flight = min(max(ours - theirs, 0), facts.in_flight)
    ended = (Part(Cause.IN_FLIGHT, float(-in_flight), is_derived=True),)
    unseen = (
        *ended,
        Part(Cause.NOT_SEEN_BY_SERVER, float(facts.failed_requests)),
        Part(Cause.LATE, float(late)),
    )
    tried = max(run.requests + facts.failed_requests, 1)
    rate_parts = tuple(replace(part, value=part.value / tried) for part in unseen)
    return (
        Figure("non_2xx", Unit.COUNT, theirs, ours, parts=ended),
        Figure("errors", Unit.COUNT, all_theirs, ours, parts=unseen),
        Figure("error_rate", Unit.SHARE, all_theirs / tried, ours / tried, parts=rate_parts),
    )


def _bytes(facts: Facts) -> tuple[Figure, Figure]:
    """Two per cent are allowed, though the answers in flight explain the difference to the byte if all are as long."""
    run, ours = facts.generated.run, facts.sent_bytes
    theirs, seconds = run.read_bytes, run.duration_seconds
    reason = "" if ours is not None else "the server does not count the bytes it sends"
    each = ours / facts.requests if ours is not None and facts.requests else 0.0
    return (
        Figure("bytes", Unit.BYTES, theirs, ours, 0.02 * (theirs or 0), (_in_flight(facts, each),), reason=reason),
        Figure(
            "throughput",
            Unit.BYTES_PER_SECOND,
            None if theirs is None else theirs / seconds,
            None if ours is None else ours / seconds,
            0.02 * (theirs or 0) / seconds,
            (_in_flight(facts, each / seconds),),
            reason=reason,
        ),
    )


def _connection_setup(facts: Facts) -> Figure:
    """Ours is the mean of the connections that we opened while the load ran.

    ab's clock runs on until it comes back to a connection that stands, and then it sends the request: packets tell.
    Without them the two are shown and not judged.
    """
    times = [request.connect_seconds for request in facts.seen.requests if request.connect_seconds is not None]
    ours = math.fsum(times) / len(times) if times else None
    plan, connect = facts.plan, facts.generated.run.phases.get("connect")
    theirs, reason = None, "wrk does not tell how long connecting takes"
    if plan.tool is Tool.AB:
        reason = "ab's mean is over all requests, most of which did not connect"
        if not plan.scenario.keep_alive and connect is not None:
            theirs, reason = connect.mean, ""
    if ours is None:
        reason = "no connection of our own was answered"
    figure = Figure("connection_setup", Unit.SECONDS, theirs, ours, _AB_CONNECT_SECONDS_ALLOWED, reason=reason)
    if theirs is None or ours is None:
        return figure
    by_packets = facts.by_packets
    if by_packets is None or by_packets.connecting is None:
        reason = "no packets were captured: how long ab was at other connections is not known"
        return replace(figure, reason=reason, is_judged=False)
    return replace(figure, parts=(Part(Cause.CONNECTING, float(by_packets.connecting.mean()) - ours),))


def _connections(facts: Facts) -> tuple[Figure, Figure]:
    """Exact: not one connection may be left unexplained, unless some broke.

    A scraper opens its own again after a scrape that failed, and if the server closes those that rest.
    """
    run, ours = facts.generated.run, facts.accepted
    theirs = connections_opened(facts.plan, run.requests, run.keep_alive_requests, facts.broken_connections)
    reason = "" if ours is not None else "the server does not count the connections it accepts"
    again = min(max((ours or 0) - theirs, 0), facts.scraper_connections_most)
    opened_again = (Part(Cause.SCRAPER_CONNECTION, -float(again), is_derived=True),) if again else ()
    return (
        Figure("connections", Unit.COUNT, theirs, ours, parts=opened_again, reason=reason),
        _reuse(facts, theirs, again, reason),
    )


def _reuse(facts: Facts, opened: int, again: int, reason: str) -> Figure:
    """`opened` are the generator's connections, `again` those of ours that the scraper has opened."""
    theirs, ours = facts.generated.run.requests / opened, facts.accepted
    if not ours:
        return Figure("connection_reuse", Unit.COUNT, theirs, None, reason=reason)
    reuse, without_scraper = facts.requests / ours, facts.requests / (ours - again)
    parts = [_in_flight(facts, 1 / (ours - again))]
    if again:
        parts.append(Part(Cause.SCRAPER_CONNECTION, without_scraper - reuse, is_derived=True))
    return Figure("connection_reuse", Unit.COUNT, theirs, reuse, parts=tuple(parts), reason=reason)


def _pauses(window: Window) -> tuple[Figure, Figure]:
    pauses = window.gc_pauses
    reason = "a load generator does not see the collector's pauses"
    if pauses is None:
        reason = "the server shows no collector" + (" (its runtime has none)" if window.runtime == "rust" else "")
    return (
        Figure("gc_pauses", Unit.COUNT, None, pauses.count if pauses else None, reason=reason),
        Figure("gc_pause_time", Unit.SECONDS, None, pauses.sum if pauses else None, reason=reason),
    )
