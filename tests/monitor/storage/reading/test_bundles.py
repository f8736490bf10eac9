from __future__ import annotations

import numpy as np
import pytest

from monitor.errors import CorruptData
from monitor.model.samples import Values
from monitor.storage.blocks.sections import Section
from monitor.storage.reading.bundles import CELLS_MAX, pending_of


def section(rows: list[int], times: list[int], *, is_dense: bool = True) -> Section:
    """The value of row r at time t is 100 r + t."""

    def fill(first: int, end: int, values: Values) -> None:
        values[:] = 100.0 * np.array(rows)[:, None] + np.array(times)[first:end]

    return Section(np.array(rows), np.array(times, np.int64), fill, is_dense)


def ignore(_: CorruptData) -> None:
    pass


def test_small_sources_are_laid_end_to_end_within_the_time_asked_for() -> None:
    sources = {"a": [section([4, 2], [1, 2, 3]), section([4, 2], [4, 5])], "b": [section([7], [0, 9])]}

    found = pending_of(sources, 2, 4, ignore)

    assert not found.stripes
    assert not found.others
    assert found.bundle is not None
    assert found.bundle.rows.tolist() == [4, 2]
    assert found.bundle.timestamps_ms.tolist() == [2, 3, 4]
    assert found.bundle.read_vectors(0, 1).tolist() == [402, 403, 404, 202, 203, 204]


def test_a_lone_source_is_a_stripe() -> None:
    found = pending_of({"a": [section([4], [1, 2])]}, 2, 9, ignore)

    assert [stripe.values.tolist() for stripe in found.stripes] == [[[402]]]
    assert found.bundle is None


def test_the_stripes_of_a_bundle_are_its_sources() -> None:
    found = pending_of({"a": [section([4, 2], [1, 2])], "b": [section([7], [3], is_dense=False)]}, 0, 9, ignore)

    assert found.bundle is not None
    first, second = found.bundle.stripes()
    assert first.values.tolist() == [[401, 402], [201, 202]]
    assert (second.rows.tolist(), second.timestamps_ms.tolist(), second.values.tolist()) == ([7], [3], [[703]])
    assert not second.dense
    assert found.bundle.cells == 5


def test_a_source_out_of_order_is_read_in_another_way() -> None:
    sources = {"a": [section([1], [3]), section([1], [2])], "b": [section([2], [1])], "c": [section([3], [1])]}

    found = pending_of(sources, 0, 9, ignore)

    assert [stripe.rows.tolist() for stripe in found.stripes] == []
    assert found.others == {"a"}
    assert found.bundle is not None
    assert found.bundle.rows.tolist() == [2, 3]


@pytest.mark.parametrize("is_dense", [True, False])
def test_a_large_source_is_a_stripe_unless_it_has_gaps(is_dense: bool) -> None:
    large = section([0, 1], list(range(CELLS_MAX)), is_dense=is_dense)

    found = pending_of({"a": [large]}, 5, 6, ignore)

    assert [stripe.values.tolist() for stripe in found.stripes] == ([[[5, 6], [105, 106]]] if is_dense else [])
    assert found.others == (set() if is_dense else {"a"})
    assert found.bundle is None


def test_damage_is_told_before_reading_fails() -> None:
    def fail(first: int, end: int, values: Values) -> None:
        raise CorruptData("torn")

    told: list[CorruptData] = []
    torn = Section(np.array([0]), np.array([1]), fail, is_dense=False)
    found = pending_of({"a": [torn]}, 0, 9, told.append)

    assert found.bundle is not None
    with pytest.raises(CorruptData):
        found.bundle.read_vectors(0, 1)
    assert [str(error) for error in told] == ["torn"]


def test_nothing_in_the_time_asked_for_is_no_bundle() -> None:
    found = pending_of({"a": [section([1], [3])]}, 4, 9, ignore)

    assert found.bundle is None
    assert not found.stripes
