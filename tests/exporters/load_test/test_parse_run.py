"""Real outputs of wrk 4.1, ab 2.3 and hey 0.1.4 against a small Go server, under recorded/."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.errors import UnreadableRun
from exporters.load_test.ab_output import with_percentiles, with_requests
from exporters.load_test.parse_run import parse_run
from exporters.load_test.runs import LoadTestRun, Tool

RECORDED = Path(__file__).with_name("recorded")
FINISHED = sorted(path.name for path in RECORDED.glob("*.txt") if path.name not in ("wrk_killed.txt", "ab_killed.txt"))


def text_of(name: str) -> str:
    return (RECORDED / name).read_text()


def run_of(name: str) -> LoadTestRun:
    return parse_run(text_of(name))


@pytest.mark.parametrize("name", FINISHED)
def test_every_finished_run_is_read(name: str) -> None:
    run = run_of(name)

    assert run.tool is Tool(name.removesuffix(".txt").split("_")[0])
    assert run.tool.is_co_corrected is (run.tool is Tool.WRK)
    assert run.latency is None or run.requests > 0


@pytest.mark.parametrize("name", ["wrk_killed.txt", "ab_killed.txt"])
def test_a_load_generator_that_died_gives_no_figures(name: str) -> None:
    with pytest.raises(UnreadableRun):
        run_of(name)


def test_the_text_of_wrk() -> None:
    text, run = text_of("wrk_failures.txt"), run_of("wrk_failures.txt")

    assert (run.threads, run.connections, run.url) == (2, 8, re.search(r"@ (\S+)", text)[1])  # type: ignore[index]
    assert f" {run.requests} requests in {run.duration_seconds:.2f}s" in text
    assert f"Non-2xx or 3xx responses: {run.errors['status']}\n" in text
    assert f"Requests/sec: {run.requests_per_second:>9.2f}" in text
    assert run.latency is not None and set(run.latency.quantiles) == {0.5, 0.75, 0.9, 0.99}


def test_without_its_option_wrk_prints_no_quantiles() -> None:
    latency = run_of("wrk_plain.txt").latency

    assert latency is not None and latency.mean is not None and latency.quantiles == {}


def test_the_script_gives_exact_figures_for_those_in_the_text() -> None:
    text = text_of("wrk_script.txt")
    exact, rounded = parse_run(text), parse_run(text[: text.index("{")])

    assert (exact.requests, exact.errors, exact.connections) == (rounded.requests, rounded.errors, rounded.connections)
    assert exact.read_bytes == pytest.approx(rounded.read_bytes, rel=0.01)
    assert exact.requests_per_second == pytest.approx(rounded.requests_per_second, rel=1e-4)
    assert exact.latency is not None and rounded.latency is not None
    assert {each: exact.latency.quantiles[each] for each in rounded.latency.quantiles} == pytest.approx(
        rounded.latency.quantiles, rel=0.01
    )
    assert 0.999 in exact.latency.quantiles


def test_socket_errors_of_wrk_are_told_apart() -> None:
    line = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text_of("wrk_socket_errors.txt"))
    errors = run_of("wrk_socket_errors.txt").errors

    assert line is not None
    assert [errors[kind] for kind in ("connect", "read", "write", "timeout")] == [int(each) for each in line.groups()]
    assert errors["read"] > 0


def test_a_run_without_answers_has_no_latency() -> None:
    for name in ("wrk_no_answers.txt", "hey_refused.txt"):
        assert (run_of(name).requests, run_of(name).latency) == (0, None)
    assert (run_of("wrk_late_answers.txt").requests, run_of("wrk_late_answers.txt").latency) == (16, None)
    assert run_of("hey_refused.txt").errors == {"status": 0, "request": 8}


def test_the_text_of_ab() -> None:
    run = run_of("ab_keep_alive.txt")

    assert (run.requests, run.keep_alive_requests, run.connections) == (300, 300, 4)
    assert f"Total transferred:      {run.read_bytes} bytes" in text_of("ab_keep_alive.txt")
    assert run.latency is not None and run.latency.mean is not None
    assert run.latency.mean == pytest.approx(run.duration_seconds * 4 / 300, rel=0.05)
    assert set(run.phases) == {"connect", "processing", "waiting", "total"}


def test_ab_counts_answers_of_another_length_apart_from_errors() -> None:
    errors = run_of("ab_failures.txt").errors

    assert errors["length"] > 0 and errors["status"] > 0
    assert sum(errors[kind] for kind in ("connect", "receive", "exceptions", "write")) == 0


def test_an_interrupted_ab_has_the_figures_of_what_it_did() -> None:
    run = run_of("ab_interrupted.txt")

    assert 0 < run.requests < 1000 and run.latency is not None and run.latency.quantiles[0.99] > 0.03


def test_the_tables_of_ab_refine_its_text() -> None:
    run = with_percentiles(run_of("ab_keep_alive.txt"), text_of("ab_percentiles.csv"))
    run = with_requests(run, text_of("ab_requests.tsv"))
    rows = [row.split("\t") for row in text_of("ab_requests.tsv").splitlines()[1:]]

    assert run.latency is not None
    median_ms = next(line for line in text_of("ab_percentiles.csv").splitlines() if line.startswith("50,"))[3:]
    assert run.latency.quantiles[0.5] == pytest.approx(float(median_ms) / 1e3)
    assert run.latency.quantiles[0.999] == max(int(row[4]) for row in rows) / 1e3
    assert run.ended_seconds is not None and int(run.ended_seconds) >= max(int(row[1]) for row in rows)


def test_the_table_of_requests_alone_gives_quantiles() -> None:
    text = text_of("ab_keep_alive.txt")
    run = with_requests(parse_run(text.partition("Percentage of the requests")[0]), text_of("ab_requests.tsv"))

    assert run.latency is not None
    assert run.latency.quantiles[0.99] == run_of("ab_keep_alive.txt").latency.quantiles[0.99]  # type: ignore[union-attr]


@pytest.mark.parametrize("cut", [0, 40, 900, -1])
def test_a_table_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(UnreadableRun):
        with_requests(run_of("ab_keep_alive.txt"), text_of("ab_requests.tsv")[:cut])
    with pytest.raises(UnreadableRun):
        with_percentiles(run_of("ab_keep_alive.txt"), text_of("ab_percentiles.csv")[:cut])


def test_the_text_of_hey() -> None:
    run = run_of("hey_failures.txt")

    assert sum(run.statuses.values()) == run.requests == 400
    assert run.errors == {"status": run.statuses["503"], "request": 0}
    assert run.latency is not None and set(run.latency.quantiles) == {0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99}


def test_two_runs_in_one_output_are_refused() -> None:
    with pytest.raises(UnreadableRun, match="the output of one run of wrk, ab or hey, got 2 runs"):
        parse_run(text_of("hey.txt") + text_of("wrk_plain.txt"))


def figures(run: LoadTestRun) -> set[float]:
    numbers = {run.requests, run.requests_per_second, run.duration_seconds, *run.errors.values()}
    return numbers | set(run.latency.quantiles.values() if run.latency else ())


@pytest.mark.parametrize("name", FINISHED)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_cut_output_gives_the_true_figures_or_none(name: str, data: st.DataObject) -> None:
    text = text_of(name)
    cut = data.draw(st.integers(0, len(text)))
    try:
        run = parse_run(text[:cut])
    except UnreadableRun:
        return
    whole = run_of(name)
    without_script = parse_run(text[: text.index("{")]) if "{" in text else whole

    assert figures(run) <= figures(whole) | figures(without_script)
    assert (run.requests, run.errors) == (whole.requests, whole.errors)


@pytest.mark.parametrize("name", FINISHED)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_lines_printed_into_an_output_change_no_figure(name: str, data: st.DataObject) -> None:
    lines = text_of(name).splitlines(keepends=True)
    for place in data.draw(st.lists(st.integers(0, len(lines)), max_size=3)):
        lines.insert(place, data.draw(st.sampled_from(["warning: low disk\n", "\n", "12345\n", "\x00\n"])))

    assert figures(parse_run("".join(lines))) == figures(run_of(name))


@given(st.text())
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(UnreadableRun):
        parse_run(text)
