"""A request of series that were sent before says the same as if nothing were known of them."""

from __future__ import annotations

import cramjam
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from remote_write import write_request

from monitor.api.remote_write.sent_requests import SERIES_MIN, SentRequests
from monitor.api.remote_write.write_request import WriteRequest, decode_write_request, decompress
from monitor.errors import BadRequest
from monitor.storage.head.push_groups import KeyRun, RunKeys

SERIES = 3 * SERIES_MIN
LIMIT_BYTES = 2**20
NOW_MS = 1_700_000_000_000


def body(numbers: list[int], time_ms: int = NOW_MS, samples: int = 1) -> bytes:
    """Compressed. Some labels are long, so that headers of two and three bytes occur."""
    return write_request(
        (
            {"__name__": "m", "number": str(number) * (1 + 60 * (number % 3 == 0))},
            {time_ms + number % 5 + 1_000 * place: number + time_ms % 97 + place for place in range(samples)},
        )
        for number in numbers
    )


def decoded_alone(compressed: bytes) -> WriteRequest:
    return decode_write_request(decompress(compressed, LIMIT_BYTES))


def said(request: WriteRequest) -> tuple[object, ...]:
    return list(request.keys), request.counts.tolist(), request.timestamps_ms.tolist(), request.values.tolist()


def ring(first: int, count: int) -> list[int]:
    return [number % SERIES for number in range(first, first + count)]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, SERIES - 1), st.integers(1, 2 * SERIES), st.sampled_from([0, 0, 0, 1, 7]), st.integers(1, 2)
        ),
        min_size=2,
        max_size=8,
    ),
    st.integers(0, 3 * SERIES),
)
def test_requests_that_begin_and_end_anywhere_are_decoded_alike(
    requests: list[tuple[int, int, int, int]], known_series: int
) -> None:
    sent = SentRequests(lambda: known_series)
    for number, (first, count, skipped, samples) in enumerate(requests):
        # Some series are missing now and then.
        numbers = [each for place, each in enumerate(ring(first, count)) if not skipped or place % 10 != skipped]
        compressed = body(numbers, NOW_MS + number * 15_000, samples)
        assert said(sent.decode(compressed, LIMIT_BYTES)) == said(decoded_alone(compressed))


def test_requests_of_an_agent_are_runs_of_what_it_sent_before() -> None:
    sent = SentRequests(lambda: 2 * SERIES)
    for first in range(0, SERIES, SERIES_MIN):
        sent.decode(body(ring(first, SERIES_MIN)), LIMIT_BYTES)
    runs = []
    for first in range(0, 2 * SERIES, 70):
        request = sent.decode(body(ring(first, 70), NOW_MS + 15_000), LIMIT_BYTES)
        assert list(request.keys) == decoded_alone(body(ring(first, 70))).keys
        runs.append(len(runs_of(request)))
    assert max(runs) == 3


@given(st.integers(0, SERIES_MIN * 60), st.integers(1, 255))
def test_a_byte_that_differs_counts(place: int, change: int) -> None:
    sent = SentRequests(lambda: SERIES)
    before = body(ring(0, SERIES_MIN))
    sent.decode(before, LIMIT_BYTES)
    plain = bytearray(decompress(before, LIMIT_BYTES))
    plain[place % len(plain)] ^= change
    damaged = bytes(cramjam.snappy.compress_raw(bytes(plain)))
    try:
        want = decoded_alone(damaged)
    except BadRequest:
        with pytest.raises(BadRequest):
            sent.decode(damaged, LIMIT_BYTES)
    else:
        got = sent.decode(damaged, LIMIT_BYTES)
        assert list(got.keys) == list(want.keys)
        assert got.timestamps_ms.tolist() == want.timestamps_ms.tolist()
        assert np.array_equal(got.values, want.values, equal_nan=True)


def runs_of(request: WriteRequest) -> list[KeyRun]:
    assert isinstance(request.keys, RunKeys)
    return list(request.keys.runs)


def test_targets_may_follow_each_other_in_another_order() -> None:
    sent = SentRequests(lambda: SERIES)
    targets = [ring(first, SERIES // 4) for first in range(0, SERIES, SERIES // 4)]
    sent.decode(body([number for target in targets for number in target]), LIMIT_BYTES)
    for order in ((2, 0, 3, 1), (3, 2, 1, 0), (1,), (0, 2, 3)):
        reordered = body([number for place in order for number in targets[place]])
        request = sent.decode(reordered, LIMIT_BYTES)
        assert len(runs_of(request)) <= len(order)
        assert said(request) == said(decoded_alone(reordered))


def test_several_samples_of_each_series_are_runs_too() -> None:
    sent = SentRequests(lambda: SERIES)
    for round_ms in range(NOW_MS, NOW_MS + 100_000, 20_000):
        compressed = body(ring(0, SERIES), round_ms, samples=20)
        request = sent.decode(compressed, LIMIT_BYTES)
        assert len(runs_of(request)) == 1
        assert said(request) == said(decoded_alone(compressed))
    assert sent.remembered_series == SERIES


def test_series_in_any_order_are_decoded_one_by_one() -> None:
    sent, numbers = SentRequests(lambda: SERIES), ring(0, SERIES)
    sent.decode(body(numbers), LIMIT_BYTES)
    backwards = body(numbers[::-1])
    assert said(sent.decode(backwards, LIMIT_BYTES)) == said(decoded_alone(backwards))
    assert sent.remembered_series == SERIES


def test_series_may_be_missing_for_a_while() -> None:
    sent, all_of_them = SentRequests(lambda: SERIES), ring(0, SERIES)
    (whole,) = runs_of(sent.decode(body(all_of_them), LIMIT_BYTES))
    for missing in ([5], [50, 51, 70, SERIES - 1], list(range(20, 60)), []):
        left = body([number for number in all_of_them if number not in missing])
        request = sent.decode(left, LIMIT_BYTES)
        assert {run.kept for run in runs_of(request)} == {whole.kept}
        assert said(request) == said(decoded_alone(left))


def test_no_more_is_remembered_than_the_limit_allows() -> None:
    sent = SentRequests(lambda: SERIES_MIN)
    for number in range(9):
        sent.decode(body(ring(5 * number, SERIES_MIN)), LIMIT_BYTES)
    assert sent.remembered_series == 3 * SERIES_MIN
