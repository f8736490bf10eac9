"""How long answers take, and whether they are right.

Each question goes from system to system before it is asked again, so that noise of the machine falls on all alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from comparison.answers import Point, differing_share, points_of
from comparison.bench import Bench
from comparison.figures import OURS, Against, Better, Detail, Figure, Must, geometric_mean
from comparison.questions import INSTANT_QUESTIONS, QUESTIONS, RAW_COUNTERS, Question
from comparison.systems import System

REFERENCE = "prometheus"
INSTANTS_PER_TURN = 50
SLOWEST_LIMIT = 1.2
INSTANT_CPU_LIMIT = 1.0
BYTES_OUT_LIMIT = 2.0

Answers = dict[str, dict[str, dict[Point, str]]]
"""Points by the name of a question and of a system."""


@dataclass(frozen=True, slots=True)
class Pass:
    """All questions asked of all systems. `milliseconds` are medians; both by the names of question and system."""

    milliseconds: Mapping[str, Mapping[str, float]]
    sizes_bytes: Mapping[str, Mapping[str, int]]
    answers: Answers


def ask_all(
    bench: Bench, systems: Sequence[System], end: int, rounds: int, what: str, *, is_cold: bool = False
) -> Pass:
    """Unless `is_cold`, a round that does not count comes first; then one round is all there is."""
    took: dict[str, dict[str, list[float]]] = {each.name: {system.name: [] for system in systems} for each in QUESTIONS}
    bodies: dict[str, dict[str, bytes]] = {each.name: {} for each in QUESTIONS}
    for number in range(rounds if is_cold else rounds + 1):
        for place, question in enumerate(QUESTIONS):
            bench.say(f"{what}, round {number + 1}: {question.name}")
            for system in _turned(systems, number + place):
                seconds, body = _ask(system, question, end)
                bodies[question.name][system.name] = body
                if is_cold or number:
                    took[question.name][system.name].append(seconds * 1000)
    return Pass(
        {question: {name: statistics.median(times) for name, times in row.items()} for question, row in took.items()},
        {question: {name: len(body) for name, body in row.items()} for question, row in bodies.items()},
        {question: {name: points_of(body) for name, body in row.items()} for question, row in bodies.items()},
    )


def figures_of(done: Pass, workload: str, limit: float) -> tuple[Figure, Figure]:
    """Geometric mean and worst of the ratios to Prometheus, of the questions that it answered."""
    names = list(next(iter(done.milliseconds.values())))
    ratios = {name: _ratios(done, name) for name in names}
    means = {name: geometric_mean(of_system) for name, of_system in ratios.items()}
    worst = {name: max(of_system, default=None) for name, of_system in ratios.items()}
    unit, against = "x Prometheus", Against.PROMETHEUS
    return (
        Figure(workload, "time of an answer, geometric mean", unit, means, Must(limit, against)),
        Figure(workload, "time of an answer, worst question", unit, worst, Must(SLOWEST_LIMIT, against)),
    )


def throughput_figure(done: Pass, workload: str) -> Figure:
    row = RAW_COUNTERS.name
    rates = {
        name: done.sizes_bytes[row][name] / milliseconds / 1000 for name, milliseconds in done.milliseconds[row].items()
    }
    must = Must(BYTES_OUT_LIMIT, Against.PROMETHEUS)
    return Figure(workload, f'bytes out, "{row}"', "MB/s", rates, must, Better.HIGHER)


def instant_figure(bench: Bench, systems: Sequence[System], end: int, count: int, workload: str) -> Figure:
    """CPU of an instant query of a mix that is asked again and again."""
    cpu_seconds = {system.name: 0.0 for system in systems}
    turns = -(-count // INSTANTS_PER_TURN)
    for number in range(turns):
        bench.say(f"instant queries: turn {number + 1} of {turns}")
        for system in _turned(systems, number):
            before = system.usage().cpu_seconds
            for place in range(INSTANTS_PER_TURN):
                _ask(system, INSTANT_QUESTIONS[place % len(INSTANT_QUESTIONS)], end)
            cpu_seconds[system.name] += system.usage().cpu_seconds - before
    asked = turns * INSTANTS_PER_TURN
    values = {name: seconds / asked * 1000 for name, seconds in cpu_seconds.items()}
    return Figure(workload, "CPU of an instant query", "ms", values, Must(INSTANT_CPU_LIMIT, Against.PROMETHEUS))


def changed_figure(first: Pass, later: Pass, workload: str) -> Figure:
    """How many questions are not answered to the last digit as the first time."""
    names = list(next(iter(first.answers.values())))
    changed = {
        name: float(sum(first.answers[question][name] != later.answers[question][name] for question in first.answers))
        for name in names
    }
    return Figure(
        workload, "answers changed since loading", f"of {len(first.answers)}", changed, Must(0, Against.NOTHING)
    )


def differing_figure(done: Pass, workload: str) -> Figure | None:
    """How many answers are not Prometheus's; None without it."""
    shares = _differing_shares(done)
    if REFERENCE not in next(iter(shares.values())):
        return None
    names = list(next(iter(shares.values())))
    counts = {name: float(sum(row[name] > 0 for row in shares.values())) for name in names}
    name = "answers that are not Prometheus's"
    return Figure(workload, name, f"of {len(shares)}", counts, Must(0, Against.NOTHING))


def detail_of(done: Pass, systems: Sequence[System], title: str) -> Detail:
    """A row for each question: medians, our ratio, and the share of points that are not Prometheus's."""
    shares = _differing_shares(done)
    head = ["question", *(f"{system.title} ms" for system in systems), "ratio"]
    head += [f"{system.title} differs" for system in systems if system.name != REFERENCE]
    rows = []
    for question, times in done.milliseconds.items():
        ratio = f"{times[OURS] / times[REFERENCE]:.2f}" if REFERENCE in times else "-"
        apart = [shares[question].get(system.name) for system in systems if system.name != REFERENCE]
        texts = ["-" if share is None else f"{share:.2%}" for share in apart]
        rows.append((question, *(f"{times[system.name]:.1f}" for system in systems), ratio, *texts))
    return Detail(title, tuple(head), tuple(rows))


def _ask(system: System, question: Question, end: int) -> tuple[float, bytes]:
    path, parameters = question.request(end)
    started = time.perf_counter()
    body = system.ask(path, **parameters)
    return time.perf_counter() - started, body


def _turned(systems: Sequence[System], by: int) -> list[System]:
    """Whoever is first at one question is last at another."""
    first = by % len(systems)
    return [*systems[first:], *systems[:first]]


def _ratios(done: Pass, name: str) -> list[float]:
    rows = done.milliseconds.values()
    return [row[name] / row[REFERENCE] for row in rows if REFERENCE in row]


def _differing_shares(done: Pass) -> dict[str, dict[str, float]]:
    return {
        question: {name: differing_share(points, row[REFERENCE]) for name, points in row.items() if REFERENCE in row}
        for question, row in done.answers.items()
    }
