"""Reads and runs plain-text PromQL scripts, in the language of Prometheus's own tests (promql/promqltest upstream):

    load 5m
      requests_total{job="a"} 0+10x5

    eval instant at 25m rate(requests_total[10m])
      expect no_info
      {job="a"} 0.0333333

    eval range from 0 to 10m step 5m requests_total
      requests_total{job="a"} 0 10 20

    clear

`expect` takes `ordered`, `fail`, `warn`, `info`, `no_warn` or `no_info`, and after the first four, `msg:` and the text.
A line `features` names the features of the following cases; a lone number is the answer of a scalar expression.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from memory_reader import MemoryReader, parse_series, parse_values
from native_histograms import HistogramSpec

from monitor.clock import SystemClock
from monitor.errors import QueryError
from monitor.model.durations import parse_duration_ms
from monitor.model.frame import Frame
from monitor.model.labels import Labels
from monitor.model.native_histograms import BUCKETS, NativeHistogram
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits
from monitor.promql.results import QueryResult

_RELATIVE_ERROR_MAX = 1e-9
Sample = float | HistogramSpec
Points = dict[int, Sample]
"""Values by step."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected beside the values: `kind` as in the script, and the text if one is given."""

    kind: str
    text: str = ""


@dataclass(slots=True)
class ScriptCase:
    """One `eval`, with everything that it needs."""

    place: str
    loads: str
    features: Features
    expression: str
    start_ms: int
    end_ms: int
    step_ms: int | None
    expectations: list[Expectation] = field(default_factory=list)
    series: list[tuple[Labels, Points]] = field(default_factory=list)
    scalar: float | None = None

    def run(self, reader_type: Callable[[], MemoryReader] = MemoryReader) -> None:
        """Raises AssertionError where the answer is not what the script says."""
        reader = _loaded(reader_type, self.loads)
        engine = Engine(QueryLimits(), self.features, SystemClock())
        failure = next((each for each in self.expectations if each.kind == "fail"), None)
        try:
            result = self._query(engine, reader)
        except QueryError as error:
            assert failure is not None, f"{self.place}: {error}"
            assert failure.text in str(error), f"{self.place}: got {error}, want {failure.text!r}"
            return
        assert failure is None, f"{self.place}: got a result, want it to fail"
        self._check_values(result)
        self._check_remarks("warn", result.warnings)
        self._check_remarks("info", result.infos)

    def _query(self, engine: Engine, reader: MemoryReader) -> QueryResult:
        plan = engine.plan(self.expression)
        if self.step_ms is None:
            return engine.instant(plan, self.start_ms, reader)
        return engine.range(plan, self.start_ms, self.end_ms, self.step_ms, reader)

    def _check_values(self, result: QueryResult) -> None:
        if isinstance(result.value, float | str):
            assert self.scalar is not None, f"{self.place}: got {result.value}, want series"
            assert _same(float(result.value), self.scalar), f"{self.place}: got {result.value}, want {self.scalar}"
            return
        got = list(_series_of(result))
        if any(each.kind == "ordered" for each in self.expectations):
            assert [labels for labels, _ in got] == [labels for labels, _ in self.series], f"{self.place}: order"
        assert len(dict(got)) == len(got), f"{self.place}: a series comes twice"
        want = dict(self.series)
        assert dict(got).keys() == want.keys(), f"{self.place}: got {list(dict(got))}, want {list(want)}"
        for labels, points in got:
            assert points.keys() == want[labels].keys(), f"{self.place}: {labels}: got {points}, want {want[labels]}"
            for step, value in points.items():
                wanted = want[labels][step]
                assert _same(value, wanted), f"{self.place}: {labels} at step {step}: got {value}, want {wanted}"

    def _check_remarks(self, kind: str, remarks: tuple[str, ...]) -> None:
        texts = [each.text for each in self.expectations if each.kind == kind]
        if any(each.kind == f"no_{kind}" for each in self.expectations):
            assert not remarks, f"{self.place}: got {remarks}, want none"
        for text in texts:
            assert any(text in remark for remark in remarks), f"{self.place}: got {remarks}, want {text!r}"
        if texts and all(texts):
            assert len(remarks) == len(texts), f"{self.place}: got {remarks}, want {texts}"


@lru_cache(maxsize=8)
def _loaded(reader_type: Callable[[], MemoryReader], loads: str) -> MemoryReader:
    reader = reader_type()
    reader.load(loads)
    return reader


def _series_of(result: QueryResult) -> Iterator[tuple[Labels, Points]]:
    frame = result.value
    assert isinstance(frame, Frame), "BUG: got no frame, want a vector or a matrix over steps"
    mask = frame.mask()
    for row, labels in enumerate(frame.labels.all_labels()):
        yield labels, {step: _sample(frame, row, step) for step in mask[row].nonzero()[0].tolist()}


def _sample(frame: Frame, row: int, step: int) -> Sample:
    histogram = None if frame.histograms is None else frame.histograms[row, step]
    return float(frame.values[row, step]) if histogram is None else _spec(histogram)


def _spec(histogram: NativeHistogram) -> HistogramSpec:
    """Without empty buckets and without the hint."""
    shape, cells = histogram.shape, histogram.cells.tolist()
    negative = zip(shape.negative.tolist(), cells[BUCKETS : shape.positive_start], strict=True)
    positive = zip(shape.positive.tolist(), cells[shape.positive_start :], strict=True)
    return HistogramSpec(
        shape.schema,
        histogram.count,
        histogram.sum,
        histogram.zero_count,
        shape.zero_threshold,
        shape.custom_bounds,
        {bucket: count for bucket, count in negative if count},
        {bucket: count for bucket, count in positive if count},
    )


def _same(got: Sample, want: Sample) -> bool:
    if isinstance(got, HistogramSpec) or isinstance(want, HistogramSpec):
        return isinstance(got, HistogramSpec) and isinstance(want, HistogramSpec) and _same_histogram(got, want)
    return _same_number(got, want)


def _same_histogram(got: HistogramSpec, want: HistogramSpec) -> bool:
    if (got.schema, got.custom_bounds) != (want.schema, want.custom_bounds):
        return False
    numbers = [(got.count, want.count), (got.sum, want.sum), (got.zero_count, want.zero_count)]
    numbers.append((got.zero_threshold, want.zero_threshold))
    for ours, theirs in ((got.negative, want.negative), (got.positive, want.positive)):
        wanted = {bucket: count for bucket, count in theirs.items() if count}
        if ours.keys() != wanted.keys():
            return False
        numbers += [(ours[bucket], wanted[bucket]) for bucket in wanted]
    return all(_same_number(ours, theirs) for ours, theirs in numbers)


def _same_number(got: float, want: float) -> bool:
    if math.isnan(got) or math.isnan(want):
        return math.isnan(got) and math.isnan(want)
    return math.isclose(got, want, rel_tol=_RELATIVE_ERROR_MAX)


def read_script(path: Path) -> list[ScriptCase]:
    """The cases of a script, in order."""
    cases: list[ScriptCase] = []
    loads, features, block = "", Features(), ""
    for number, raw in enumerate(path.read_text().split("\n"), 1):
        line = raw.rstrip()
        words = line.split()
        if line.lstrip().startswith("#"):
            continue
        if not words:
            block = ""
        elif block == "load":
            loads += f"{line}\n"
        elif block == "eval":
            _add_to_case(cases[-1], line.strip())
        elif words[0] == "clear":
            loads = ""
        elif words[0] == "features":
            features = Features.of(words[1:])
        elif words[0] == "load":
            block, loads = "load", f"{loads}{line}\n"
        else:
            assert words[0] == "eval", f"{path.name}:{number}: got {line!r}, want load, eval, clear or features"
            block = "eval"
            cases.append(_read_eval(line, f"{path.name}:{number}", loads, features))
    return cases


def _read_eval(line: str, place: str, loads: str, features: Features) -> ScriptCase:
    words = line.split(maxsplit=4)
    if words[1] == "instant":
        at_ms = _time_ms(words[3])
        return ScriptCase(f"{place} {words[4]}", loads, features, words[4], at_ms, at_ms, None)
    _, _, _, start, _, end, _, step, expression = line.split(maxsplit=8)
    times = (_time_ms(start), _time_ms(end), parse_duration_ms(step))
    return ScriptCase(f"{place} {expression}", loads, features, expression, *times)


def _time_ms(text: str) -> int:
    return -parse_duration_ms(text[1:]) if text.startswith("-") else parse_duration_ms(text)


def _add_to_case(case: ScriptCase, line: str) -> None:
    if line.startswith("expect "):
        _, kind, *text = line.split(maxsplit=2)
        case.expectations.append(Expectation(kind, text[0].removeprefix("msg:").strip() if text else ""))
        return
    try:
        case.scalar = float(line)
    except ValueError:
        labels, rest = parse_series(line)
        case.series.append((labels, dict(parse_values(rest))))
