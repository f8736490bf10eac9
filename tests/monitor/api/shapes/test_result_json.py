"""Query results as JSON, against json.dumps of the same points one by one."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitor.api.query_guard import QueryGuard
from monitor.api.shapes.float_text import float_text
from monitor.api.shapes.result_json import metric_texts, result_pieces
from monitor.clock import SystemClock
from monitor.errors import QueryCanceled
from monitor.model.frame import Frame
from monitor.model.label_frame import LabelFrame
from monitor.promql.ranges.range_vectors import SampleRuns
from monitor.promql.results import QueryResult, QueryStatistics, ResultType
from monitor.promql.steps import Steps

START_MS = 1_700_000_000_500


def guard() -> QueryGuard:
    return QueryGuard(SystemClock(), 60.0)


def written(kind: ResultType, value, steps: Steps):
    result = QueryResult(kind, value, steps, (), (), QueryStatistics(0, 0))
    return json.loads(b"".join(result_pieces(result, guard())))


def label_sets(size: int) -> list[dict[str, str]]:
    return [{"__name__": "m", "i": str(row), **({"odd": "yes"} if row % 2 else {})} for row in range(size)]


def points(times_ms, values):
    return [[time_ms / 1000, float_text(float(value))] for time_ms, value in zip(times_ms, values, strict=True)]


@given(st.data(), st.integers(0, 12), st.integers(1, 9))
def test_a_matrix_has_the_points_that_are_present(data, series, steps):
    values = data.draw(arrays(np.float64, (series, steps)))
    present = data.draw(arrays(np.bool_, (series, steps)))
    present[:, -1] = True  # as the engine gives no series without values
    times = Steps(START_MS, 15_000, steps)
    expected = [
        {"metric": labels, "values": points(times.times_ms()[mask], row[mask])}
        for labels, row, mask in zip(label_sets(series), values, present, strict=True)
    ]
    frame = Frame(LabelFrame.of(label_sets(series)), values, present)
    assert written(ResultType.MATRIX, frame, times) == expected


@pytest.mark.parametrize(("series", "steps"), [(1, 40_000), (300, 180), (20_000, 1), (3, 11_001)])
def test_a_matrix_of_several_pieces_is_one_list(series, steps):
    values = np.random.default_rng(1).random((series, steps))
    answer = written(ResultType.MATRIX, Frame(LabelFrame.of(label_sets(series)), values), Steps(0, 1000, steps))
    assert [item["metric"] for item in answer] == label_sets(series)
    assert np.array_equal(np.array([item["values"] for item in answer], np.float64)[:, :, 1], values)


@pytest.mark.parametrize("series", [0, 1, 2, 40_000])
def test_a_vector_has_one_point_each(series):
    values = np.arange(float(series))[:, None]
    answer = written(ResultType.VECTOR, Frame(LabelFrame.of(label_sets(series)), values), Steps.instant(START_MS))
    assert answer == [
        {"metric": labels, "value": [START_MS / 1000, str(row)]} for row, labels in enumerate(label_sets(series))
    ]


@given(st.lists(st.integers(1, 30), max_size=8))
def test_samples_keep_their_own_timestamps(counts):
    starts = np.concatenate([[0], np.cumsum(np.array(counts, np.intp))]).astype(np.intp)
    times = START_MS + np.arange(starts[-1]) * 7
    values = np.arange(float(starts[-1])) / 3
    answer = written(
        ResultType.MATRIX, SampleRuns(LabelFrame.of(label_sets(len(counts))), starts, times, values), Steps.instant(0)
    )
    slices = [slice(begin, end) for begin, end in pairwise(starts)]
    expected = [
        {"metric": m, "values": points(times[s], values[s])}
        for m, s in zip(label_sets(len(counts)), slices, strict=True)
    ]
    assert answer == expected


def test_long_runs_of_samples_are_written_in_pieces():
    starts = np.array([0, 50_000, 50_001, 90_000])
    times, values = np.arange(90_000), np.arange(90_000.0)
    answer = written(
        ResultType.MATRIX, SampleRuns(LabelFrame.of(label_sets(3)), starts, times, values), Steps.instant(0)
    )
    assert [len(item["values"]) for item in answer] == [50_000, 1, 39_999]
    assert answer[1]["values"] == [[50.0, "50000"]]


def test_a_scalar_and_a_string_are_pairs():
    assert written(ResultType.SCALAR, 0.5, Steps.instant(START_MS)) == [START_MS / 1000, "0.5"]
    assert written(ResultType.STRING, 'a"é\n', Steps.instant(-4500)) == [-4.5, 'a"é\n']


def test_bytes_that_are_no_utf_8_are_replaced():
    assert written(ResultType.STRING, "a\udcffb", Steps.instant(0)) == [0, "a\ufffdb"]


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "é"]), st.text(max_size=5)), max_size=6))
def test_label_sets_are_objects_without_empty_labels(sets):
    texts = metric_texts(LabelFrame.of(sets))
    assert [json.loads(text) for text in texts] == [{k: v for k, v in labels.items() if v} for labels in sets]


def test_writing_stops_when_the_client_has_gone():
    frame = Frame(LabelFrame.of(label_sets(40_000)), np.zeros((40_000, 1)))
    result = QueryResult(ResultType.VECTOR, frame, Steps.instant(0), (), (), QueryStatistics(0, 0))
    canceled = guard()
    pieces = result_pieces(result, canceled)
    next(pieces), next(pieces)
    canceled.cancel()
    with pytest.raises(QueryCanceled, match="the client went away"):
        next(pieces)
