"""What lies between the generator's figures and ours."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from load_test_facts import ANSWER_BYTES, OWN, facts, figures_of, observation, run_of, totals, window

from exporters.load_test.runs import Latency, Tool
from monitor.loadtest.distribution import Distribution
from monitor.loadtest.exposed_figures import HistogramTotals
from monitor.loadtest.figures import Between, Cause, Figure
from monitor.loadtest.observe_run import Observation
from monitor.loadtest.reconcile import reconcile_stored
from monitor.loadtest.run_generator import GeneratorRun
from monitor.loadtest.window import Window, Windows
from monitor.loadtest.wire_requests import WireRequests


def moved(count: int) -> HistogramTotals:
    """As `totals` of 1 ms each, of which the buckets up to there are lost."""
    return replace(totals(count, count * 0.001), buckets={0.0001: 0.0, 0.001: 0.0, 0.01: count, math.inf: count})


def test_our_own_requests_are_in_no_figure() -> None:
    figures = figures_of(facts())

    assert (figures["requests"].generator, figures["requests"].plimsoll) == (1000, 1000)
    assert figures["bytes"].plimsoll == 1000 * ANSWER_BYTES
    assert figures["connections"].plimsoll == 11
    assert all(figures[name].difference == 0 for name in ("requests", "qps", "bytes", "connections", "non_2xx"))


def test_a_request_for_each_connection_may_be_in_flight_at_the_end() -> None:
    figures = figures_of(facts(in_flight=10))

    assert figures["requests"].difference == 10
    assert figures["requests"].rest == 0
    assert figures["bytes"].rest == pytest.approx(0)
    assert figures["connection_reuse"].rest == pytest.approx(0)


def test_more_requests_than_connections_in_flight_are_not_explained() -> None:
    figures = figures_of(facts(in_flight=13))

    assert figures["requests"].rest == -3
    assert figures["requests"].agrees is False


def test_packets_tell_how_many_can_be_in_flight() -> None:
    sent = replace(observation(), wire=replace(nothing_captured(), sent=1004 + OWN))

    assert figures_of(facts(seen=sent, in_flight=4))["requests"].agrees
    assert figures_of(facts(seen=sent, in_flight=5))["requests"].rest == -1
    assert not figures_of(facts(seen=sent, in_flight=4))["requests"].parts[0].is_derived
    assert figures_of(facts(seen=sent, in_flight=3))["requests"].parts[0].is_derived


def test_what_was_in_flight_is_said_to_come_of_the_difference() -> None:
    requests = figures_of(facts(in_flight=4))["requests"]

    assert [part.is_derived for part in requests.parts] == [True]
    assert requests.agrees_by_derived_part
    assert not figures_of(facts())["requests"].agrees_by_derived_part


def test_requests_that_the_server_has_not_seen_are_not_explained() -> None:
    figures = figures_of(facts(window=window(1000 + OWN - 5)))

    assert (figures["requests"].rest, figures["requests"].agrees) == (5, False)


def test_a_connection_that_nobody_knows_of_is_not_explained() -> None:
    figures = figures_of(facts(window=window(1000 + OWN, accepted=11 + OWN + 1)))

    assert (figures["connections"].rest, figures["connections"].agrees) == (-1, False)


def test_connections_that_our_reading_has_opened_are_in_no_figure() -> None:
    figures = figures_of(facts(window=window(1000 + OWN, accepted=11 + OWN + 2, reader_connections=2)))

    assert (figures["connections"].plimsoll, figures["connections"].rest) == (11, 0)


def test_what_our_reading_has_opened_is_taken_off_in_the_window_in_which_it_has() -> None:
    stored = window(1000 + OWN, accepted=11 + OWN + 1, reader_connections=1)
    outer = replace(stored, accepted=11 + OWN + 2, reader_connections=2)

    figures = reconcile_stored(facts(window=stored), Windows(stored, window(1000 + OWN), outer))
    (connections,) = (figure for figure in figures if figure.name == "connections")

    assert (connections.plimsoll, connections.shown, connections.agrees) == (11, Between(11, 11), True)


def test_connections_that_the_scraper_can_have_opened_again_are_a_part() -> None:
    opened = window(1000 + OWN, accepted=11 + OWN + 2)
    figures = figures_of(facts(window=opened, scraper_connections_most=3))

    (again,) = figures["connections"].parts
    assert (again.cause, again.value, again.is_derived) == (Cause.SCRAPER_CONNECTION, -2, True)
    for name in ("connections", "connection_reuse"):
        assert (figures[name].rest, figures[name].agrees_by_derived_part) == (0, True)


def test_requests_in_flight_and_a_scrapers_connection_explain_the_reuse_together() -> None:
    opened = window(1000 + OWN + 4, accepted=11 + OWN + 1)

    assert figures_of(facts(window=opened, scraper_connections_most=1))["connection_reuse"].rest == 0


def test_more_connections_than_the_scraper_can_have_opened_are_not_explained() -> None:
    opened = window(1000 + OWN, accepted=11 + OWN + 3)
    figures = figures_of(facts(window=opened, scraper_connections_most=2))

    assert (figures["connections"].rest, figures["connections"].agrees) == (-1, False)
    assert figures["connection_reuse"].agrees is False


def test_a_scraper_whose_connection_stands_is_no_part() -> None:
    assert figures_of(facts(scraper_connections_most=2))["connections"].parts == ()


@pytest.mark.parametrize(
    ("scenario", "opened"),
    [("flash-sale", 11), ("payment", 10), ("login", 1011), ("callback", 1010)],
)
def test_how_many_connections_each_generator_opens(scenario: str, opened: int) -> None:
    assert figures_of(facts(scenario))["connections"].generator == opened


def test_the_average_is_made_of_where_the_requests_were() -> None:
    average = figures_of(facts())["latency_average"]

    # 1 000 requests a second: each connection that waits is 1 ms of each request.
    assert {part.cause: part.value for part in average.parts} == pytest.approx(
        {
            Cause.SERVER_WORK: 0.0,
            Cause.SERVER_SOCKET: 0.006,
            Cause.GENERATOR_SOCKET: 0.003,
            Cause.COORDINATED_OMISSION: 0.0,
        }
    )
    assert average.rest == pytest.approx(0.0)


def test_pauses_and_stalls_are_taken_out_of_the_wait_for_the_server() -> None:
    busy = window(1000 + OWN, gc_pauses=totals(5, 0.2), stalls=totals(100, 0.3))
    average = figures_of(facts(window=busy))["latency_average"]

    parts = {part.cause: part.value for part in average.parts}
    assert parts[Cause.GC] == pytest.approx(0.002)
    assert parts[Cause.STALL] == pytest.approx(0.001)
    assert parts[Cause.SERVER_SOCKET] == pytest.approx(0.003)


def nothing_captured() -> WireRequests:
    return WireRequests(np.empty(0), np.empty(0), np.empty(0))


def captured(requests: int = 1000, slow: int = 0) -> Observation:
    """Each request connects for 2 ms, is answered in 7 and unread for 3; `slow` ones for 50 ms more."""
    unread = np.full(requests, 0.003)
    unread[:slow] += 0.05
    return replace(observation(), wire=WireRequests(np.full(requests, 0.002), np.full(requests, 0.007), unread))


def test_packets_tell_where_each_request_was() -> None:
    figures = figures_of(facts(seen=captured(slow=20)))

    average = {part.cause: part.value for part in figures["latency_average"].parts}
    assert (average[Cause.SERVER_SOCKET], average[Cause.GENERATOR_SOCKET]) == pytest.approx((0.006, 0.004))
    p50 = {part.cause: part.value for part in figures["latency_p50"].parts}
    assert p50[Cause.GENERATOR_SOCKET] == pytest.approx(0.003)
    p99 = {part.cause: part.value for part in figures["latency_p99"].parts}
    assert p99[Cause.GENERATOR_SOCKET] == pytest.approx(0.053)
    assert (figures["latency_p99"].plimsoll or 0.0) + p99[Cause.UNTIL_ANSWERED] == pytest.approx(0.007)


def test_with_packets_a_tenth_may_be_left_and_no_bucket() -> None:
    with_packets = figures_of(facts(seen=captured(slow=20)))["latency_p99"]

    assert with_packets.allowed == pytest.approx(0.001)
    assert (with_packets.rest, with_packets.agrees) == (pytest.approx(0.01 - 0.06), False)
    assert figures_of(facts())["latency_p99"].allowed == pytest.approx(0.009)


@pytest.mark.parametrize(("scenario", "counted"), [("login", False), ("payment", False), ("callback", True)])
def test_only_abs_clock_runs_while_a_short_connection_is_made(scenario: str, counted: bool) -> None:
    for name in ("latency_average", "latency_p50"):
        parts = figures_of(facts(scenario, seen=captured()))[name].parts
        connecting = [part.value for part in parts if part.cause is Cause.CONNECTING]
        assert connecting == (pytest.approx([0.002]) if counted else [])


def test_without_packets_a_connection_set_up_is_not_judged() -> None:
    run = run_of(Tool.AB, phases={"connect": Latency(mean=0.002)})
    setup = figures_of(facts("callback", generated=GeneratorRun(run, None)))["connection_setup"]

    assert (setup.generator, setup.plimsoll, setup.parts, setup.agrees) == (0.002, pytest.approx(0.001), (), None)


def test_the_time_until_abs_request_is_in_its_connection_set_up() -> None:
    run = run_of(Tool.AB, phases={"connect": Latency(mean=0.002)})
    setup = figures_of(facts("callback", seen=captured(), generated=GeneratorRun(run, None)))["connection_setup"]

    # Ours take 1 ms, ab's 2 ms by its packets.
    assert [(part.cause, part.value) for part in setup.parts] == [(Cause.CONNECTING, pytest.approx(0.001))]
    assert setup.agrees


def test_few_packets_tell_nothing() -> None:
    causes = {part.cause for part in figures_of(facts(seen=captured(requests=999)))["latency_p99"].parts}

    assert Cause.UNTIL_ANSWERED not in causes


def test_wrks_correction_is_a_part_of_its_own() -> None:
    run = run_of(Tool.WRK, latency=Latency(mean=0.05, quantiles={0.5: 0.01, 0.99: 0.4}))
    figures = figures_of(facts(generated=GeneratorRun(run, Distribution((0.01, 0.02), (990, 10)))))

    parts = {part.cause: part.value for part in figures["latency_p99"].parts}
    assert parts[Cause.COORDINATED_OMISSION] == pytest.approx(0.39)
    # Ours take 7 ms, and the generator leaves an answer unread for 3 ms.
    handler = figures["latency_p99"].plimsoll or 0.0
    assert handler + parts[Cause.OUTSIDE_HANDLER] + parts[Cause.GENERATOR_SOCKET] == pytest.approx(0.01)
    assert figures["latency_p99"].agrees


def test_abs_clock_runs_while_it_connects() -> None:
    average = figures_of(facts("callback"))["latency_average"]

    assert {part.cause: part.value for part in average.parts}[Cause.CONNECTING] == pytest.approx(0.0, abs=1e-9)
    assert Cause.COORDINATED_OMISSION not in {part.cause for part in average.parts}


def test_without_a_look_at_the_sockets_nothing_is_explained() -> None:
    figures = figures_of(facts(seen=replace(facts().seen, looks=())))

    assert (figures["latency_average"].parts, figures["latency_average"].agrees) == ((), None)
    assert "sockets could not be looked at" in figures["latency_average"].reason


def test_errors_are_compared_exactly_and_by_each_tools_own_word() -> None:
    failed = window(1000 + OWN, by_status={"200": 900 + OWN, "302": 40, "404": 60})
    by_wrk = facts(window=failed, generated=GeneratorRun(run_of(Tool.WRK, errors={"status": 60, "timeout": 2}), None))
    by_ab = facts("payment", window=failed, generated=GeneratorRun(run_of(Tool.AB, errors={"status": 100}), None))

    assert figures_of(by_wrk)["non_2xx"].difference == 0
    assert figures_of(by_ab)["non_2xx"].difference == 0
    assert (figures_of(by_wrk)["errors"].difference, figures_of(by_wrk)["errors"].rest) == (-2, 0)
    assert figures_of(by_ab)["error_rate"].generator == pytest.approx(0.1)


def test_an_answer_that_is_late_is_on_its_connection_and_one_that_cannot_connect_on_none() -> None:
    errors = {"connect": 7, "read": 2, "write": 1, "timeout": 40}
    run = run_of(Tool.WRK, errors=errors)
    figures = figures_of(facts(window=window(1000 + OWN, accepted=14 + OWN), generated=GeneratorRun(run, None)))

    assert (figures["connections"].generator, figures["connections"].rest) == (14, 0)
    assert (figures["errors"].generator, figures["errors"].rest) == (50, 0)
    assert {part.cause: part.value for part in figures["errors"].parts}[Cause.LATE] == 40


def test_the_error_rate_is_of_all_that_were_tried() -> None:
    all_failed = window(500 + OWN, by_status={"200": OWN, "500": 500})
    run = run_of(Tool.WRK, requests=500, errors={"status": 500, "read": 500, "timeout": 500})
    rate = figures_of(facts(window=all_failed, generated=GeneratorRun(run, None)))["error_rate"]

    assert (rate.generator, rate.plimsoll, rate.rest) == (1.0, 0.5, 0)


def test_what_wrk_leaves_out_of_its_latencies_is_a_part_of_its_own() -> None:
    run = run_of(Tool.WRK, errors={"timeout": 100})
    wire = WireRequests(np.zeros(2000), np.where(np.arange(2000) < 200, 2.5, 0.007), np.full(2000, 0.003))
    known = facts(seen=replace(observation(), wire=wire), generated=GeneratorRun(run, Distribution((0.01,), (900,))))
    figures = figures_of(known)

    p99 = {part.cause: part.value for part in figures["latency_p99"].parts}
    assert p99[Cause.LATE] == pytest.approx(0.01 - 2.503)
    assert figures["latency_p99"].agrees
    assert figures["latency_average"].agrees


def test_without_packets_late_answers_leave_the_latencies_unjudged() -> None:
    late = GeneratorRun(run_of(Tool.WRK, errors={"timeout": 100}), Distribution((0.01,), (900,)))
    p50 = figures_of(facts(generated=late))["latency_p50"]

    assert p50.agrees is None
    assert p50.reason == "wrk leaves the 100 answers after 2 s and more out of its latencies"


def test_memory_and_cpu_time_are_compared_with_the_kernel() -> None:
    figures = figures_of(facts())

    assert (figures["memory"].generator, figures["memory"].proc, figures["memory"].difference) == (None, 5e6, 0)
    assert (figures["cpu"].proc, figures["cpu"].agrees) == (0.5, True)
    assert figures_of(facts(window=window(1020, resident_bytes=6e6)))["memory"].agrees is False


def test_buckets_with_different_bounds_give_an_average_and_no_quantile() -> None:
    mixed = window(1000 + OWN, durations=replace(totals(1000 + OWN, 1.02), buckets={}))
    figures = figures_of(facts(window=mixed))

    assert figures["latency_average"].plimsoll == pytest.approx(0.001)
    assert (figures["latency_p99"].plimsoll, figures["latency_p99"].agrees) == (None, None)
    assert "different buckets" in figures["latency_p99"].reason


def test_what_cannot_be_had_has_a_reason_and_no_number() -> None:
    bare = window(1000, sent_bytes=None, accepted=None, proc_resident_bytes=None, runtime="rust")
    figures = figures_of(facts(window=bare, seen=Observation()))

    for name in ("bytes", "connections", "gc_pauses", "connection_setup"):
        assert figures[name].plimsoll is None, name
        assert figures[name].reason, name
    assert figures["gc_pauses"].reason == "the server shows no collector (its runtime has none)"
    assert figures["memory"].agrees is None


def beside_shown(stored: Window, shown: Window | None = None, outer: Window | None = None) -> dict[str, Figure]:
    """`stored` by a service, of a server that has shown `shown`, and `outer` from before the scrapes to after them."""
    shown = shown or window(1000 + OWN, gc_pauses=totals(5, 0.2))
    figures = reconcile_stored(facts(window=stored), Windows(stored, shown, outer or shown))
    return {figure.name: figure for figure in figures}


def test_what_is_stored_as_the_server_has_shown_it_agrees() -> None:
    figures = beside_shown(window(1000 + OWN, gc_pauses=totals(5, 0.2)))

    assert not [name for name, figure in figures.items() if figure.agrees is False]
    assert (figures["gc_pauses"].reference, figures["gc_pauses"].agrees) == (5, True)
    assert figures["connection_setup"].is_stored_as_shown is None


@pytest.mark.parametrize(
    ("broken", "names"),
    [
        ({"durations": totals(1000 + OWN, 1.5)}, ["latency_average"]),
        ({"durations": totals(999 + OWN, 1.02)}, ["requests", "qps", "latency_average", "connection_reuse"]),
        ({"durations": moved(1000 + OWN)}, ["latency_p50", "latency_p99"]),
        ({"sent_bytes": 90_000}, ["bytes", "throughput"]),
        ({"accepted": 30}, ["connections", "connection_reuse"]),
        ({"cpu_seconds": 0.49}, ["cpu"]),
        ({"by_status": {"200": 1010, "404": 10}}, ["non_2xx", "errors", "error_rate"]),
        ({"resident_bytes": 6e6}, ["memory"]),
        ({"gc_pauses": totals(4, 0.2)}, ["gc_pauses"]),
        ({"gc_pauses": totals(5, 0.1)}, ["gc_pause_time"]),
        ({"gc_pauses": None}, ["gc_pauses", "gc_pause_time"]),
    ],
)
def test_a_figure_that_is_stored_otherwise_than_shown_differs(broken: dict[str, object], names: list[str]) -> None:
    figures = beside_shown(window(1000 + OWN, **{"gc_pauses": totals(5, 0.2), **broken}))

    assert [name for name, figure in figures.items() if figure.is_stored_as_shown is False] == sorted(
        names, key=list(figures).index
    )
    assert all(figures[name].agrees is False for name in names)


def test_what_is_stored_lies_between_what_is_shown_before_a_scrape_and_after_it() -> None:
    inner, outer = window(1020, cpu_seconds=0.50), window(1020, cpu_seconds=0.54)

    assert beside_shown(window(1020, cpu_seconds=0.52), inner, outer)["cpu"].shown == Between(0.50, 0.54)
    assert beside_shown(window(1020, cpu_seconds=0.52), inner, outer)["cpu"].agrees
    assert beside_shown(window(1020, cpu_seconds=0.55), inner, outer)["cpu"].agrees is False


def test_a_memory_figure_may_be_as_far_from_the_servers_as_from_the_kernels() -> None:
    assert beside_shown(window(1020, resident_bytes=5.2e6))["memory"].is_stored_as_shown


def test_latencies_of_which_the_generator_prints_none_are_not_judged_by_their_parts() -> None:
    run = run_of(Tool.WRK, latency=None)
    known = facts(generated=GeneratorRun(run, None), seen=captured())

    figures = {
        figure.name: figure for figure in reconcile_stored(known, Windows(known.window, known.window, known.window))
    }

    for name in ("latency_average", "latency_p50", "latency_p99"):
        assert (figures[name].parts, figures[name].agrees) == ((), None)
        assert figures[name].reason == "the generator prints no latency"
