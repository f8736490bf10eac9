"""The codings of slabs: every bit comes back, by our code and by the document."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from slab_by_document import read_slab

from monitor.errors import CorruptData
from monitor.model.samples import ABSENT, STALE
from monitor.storage.blocks.byte_planes import planes_of, values_of
from monitor.storage.blocks.slab_codec import (
    Coding,
    SlabEncoder,
    decode_values,
    encode_values,
    encode_values_small,
)

RANDOM = np.random.default_rng(1)
NOISE = RANDOM.integers(0, 1000, (4, 600))
BURSTS = np.cumsum(RANDOM.choice([0, 0, 0, 0, 0, 0, 5000], (1, 600)), axis=1)
SLABS = {
    Coding.FLOATS: RANDOM.normal(size=(3, 500)).cumsum(axis=1),
    Coding.FLOAT_PLANES: np.tile(RANDOM.normal(size=(2, 100)), 8),
    Coding.WHOLE: NOISE.cumsum(axis=1) / 100,
    Coding.WHOLE_PLANES: np.tile(RANDOM.integers(0, 2**40, (2, 60)), 12).astype(float),
    Coding.STEPS: np.tile(NOISE[:1], 5).cumsum(axis=1) / 1000,
    Coding.STEPS_ACROSS: np.repeat(NOISE[:1], 8, axis=0).cumsum(axis=1).cumsum(axis=0) * 1.0,
    Coding.NEAR_WHOLE: (RANDOM.integers(0, 1000, (20, 200)) / 1000).cumsum(axis=1),
    Coding.NEAR_WHOLE_PLANES: np.tile(RANDOM.integers(0, 2**40, (2, 60)), 12) * 0.001,
    Coding.NEAR_STEPS: np.tile(NOISE[:1], 5).cumsum(axis=1) * 0.001,
    Coding.NEAR_STEPS_ACROSS: np.repeat(NOISE[:1], 8, axis=0).cumsum(axis=1).cumsum(axis=0) * 0.001,
}
shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
any_bits = hnp.arrays(np.uint64, shapes)
decimals = hnp.arrays(np.int64, shapes, elements=st.integers(-(2**40), 2**40)).map(lambda array: array / 1000)
counters = hnp.arrays(np.float64, shapes, elements=st.integers(0, 300).map(float)).map(lambda array: array.cumsum(1))
products = decimals.map(lambda array: array * 0.001)


@pytest.mark.parametrize("coding", SLABS, ids=lambda coding: coding.name)
def test_each_coding_is_the_smallest_for_something(coding: Coding) -> None:
    values = SLABS[coding]
    data = encode_values_small(values)

    assert Coding(data[0]) is coding
    assert decode_values(data, *values.shape).tobytes() == values.tobytes()
    assert read_slab(data, *values.shape).tobytes() == values.tobytes()


@settings(deadline=None)
@given(any_bits.map(lambda bits: bits.view(np.float64)) | decimals | counters | products)
def test_a_slab_keeps_every_bit(values: np.ndarray) -> None:  # type: ignore[type-arg]
    for encode in (encode_values, encode_values_small):
        assert decode_values(encode(values), *values.shape).tobytes() == values.tobytes()
    assert read_slab(encode_values_small(values), *values.shape).tobytes() == values.tobytes()


@pytest.mark.parametrize("odd", [STALE, ABSENT, np.nan, -0.0, np.inf, 5e-324, 1e300], ids=str)
def test_one_odd_cell_among_whole_numbers_survives(odd: float) -> None:
    values = np.ones((300, 200))
    values[299, 100] = odd

    assert decode_values(encode_values_small(values), 300, 200).tobytes() == values.tobytes()


def test_a_large_slab_is_a_fifth_smaller_than_when_it_is_quick_to_write() -> None:
    values = RANDOM.poisson(3, (256, 1440)).cumsum(axis=1) * 1.0

    assert len(encode_values_small(values)) < 0.81 * len(encode_values(values))


@given(hnp.arrays(np.int64, st.integers(0, 40)), st.booleans())
def test_planes_keep_every_number(numbers: np.ndarray, is_signed: bool) -> None:  # type: ignore[type-arg]
    data = planes_of(numbers, is_signed=is_signed)

    assert values_of(data, len(numbers), is_signed=is_signed).tolist() == numbers.tolist()


@pytest.mark.parametrize("coding", SLABS, ids=lambda coding: coding.name)
def test_a_slab_of_another_size_than_its_row_says_is_corrupt(coding: Coding) -> None:
    data = encode_values_small(SLABS[coding])
    series, rows = SLABS[coding].shape

    for wrong in ((series + 1, rows), (series, rows - 1), (1, 1)):
        with pytest.raises(CorruptData):
            decode_values(data, *wrong)


@given(st.integers(0, max(Coding) + 2), st.binary(max_size=200))
def test_garbage_never_decodes_to_a_slab(coding: int, data: bytes) -> None:
    with pytest.raises(CorruptData):
        decode_values(bytes([coding]) + data, 1000, 1000)


@settings(deadline=None)
@given(st.lists(any_bits.map(lambda bits: bits.view(np.float64)) | decimals | counters | products, max_size=6))
def test_slabs_of_one_metric_keep_every_bit_whatever_came_before(slabs: list[np.ndarray]) -> None:  # type: ignore[type-arg]
    encoder = SlabEncoder()

    for values in slabs:
        assert decode_values(encoder.encode("up", values), *values.shape).tobytes() == values.tobytes()


def test_a_metric_keeps_its_coding_as_long_as_its_values_are_of_the_same_kind() -> None:
    encoder = SlabEncoder()
    counts, noise = RANDOM.poisson(3, (40, 200)).cumsum(axis=1) * 1.0, RANDOM.random((40, 200))
    codings = [Coding(encoder.encode("requests", values)[0]) for values in (counts, counts, noise, noise, counts)]

    assert codings == [Coding(encode_values_small(values)[0]) for values in (counts, counts, noise, noise, counts)]


def test_a_coding_is_chosen_anew_after_some_slabs() -> None:
    encoder = SlabEncoder()
    encoder.encode("requests", SLABS[Coding.WHOLE])
    codings = {Coding(encoder.encode("requests", SLABS[Coding.STEPS])[0]) for _ in range(20)}

    assert codings == {Coding.WHOLE, Coding.STEPS}
