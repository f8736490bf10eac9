from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.label_frame import LabelColumn, LabelFrame, run_bounds, sets_by_code, shared_codes
from monitor.model.labels import Labels
from monitor.model.matchers import Matcher, MatchOp, match_rows

NAMES = ("__name__", "a", "b", "job", "é")
label_sets = st.lists(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["", "x", "y", "z", "10", "9", "ü"])), max_size=12
)


@given(label_sets)
def test_a_frame_gives_back_the_label_sets_it_was_made_of(sets: list[dict[str, str]]) -> None:
    frame = LabelFrame.of(sets)
    assert frame.all_labels() == [Labels(labels) for labels in sets]
    assert [frame.labels(row) for row in range(frame.size)] == frame.all_labels()


@given(label_sets)
def test_order_is_that_of_single_label_sets(sets: list[dict[str, str]]) -> None:
    labels = [Labels(labels) for labels in sets]
    frame = LabelFrame.of(sets)
    assert frame.take(frame.order()).all_labels() == sorted(labels)


@given(label_sets, st.sets(st.sampled_from(NAMES)))
def test_groups_hold_equal_label_sets_in_order_of_appearance(sets: list[dict[str, str]], names: set[str]) -> None:
    keys = [tuple(labels.get(name, "") for name in sorted(names)) for labels in sets]
    number_by_key: dict[tuple[str, ...], int] = {}
    expected = [number_by_key.setdefault(key, len(number_by_key)) for key in keys]
    grouping = LabelFrame.of(sets).group(names)
    assert grouping.group.tolist() == expected
    assert [keys[row] for row in grouping.first] == list(number_by_key)


@given(label_sets, label_sets)
def test_frames_laid_end_to_end_keep_their_sets(first: list[dict[str, str]], second: list[dict[str, str]]) -> None:
    together = LabelFrame.concat([LabelFrame.of(first), LabelFrame.of(second)])
    assert together.all_labels() == [Labels(labels) for labels in [*first, *second]]


@given(label_sets, label_sets)
def test_shared_codes_are_equal_where_values_are(first: list[dict[str, str]], second: list[dict[str, str]]) -> None:
    (left,), (right,) = shared_codes([LabelFrame.of(first), LabelFrame.of(second)], ["a"])
    for i, labels in enumerate(first):
        for j, others in enumerate(second):
            assert (left[i] == right[j]) == (labels.get("a", "") == others.get("a", ""))


def test_the_second_of_two_equal_label_sets_is_the_duplicate() -> None:
    assert LabelFrame.of([{"a": "1"}, {"a": "2"}, {"a": "1", "b": ""}]).duplicate() == 2
    assert LabelFrame.of([{"a": "1"}, {"a": "2"}]).duplicate() is None


@given(label_sets)
def test_a_mask_says_for_each_set_whether_it_matches(sets: list[dict[str, str]]) -> None:
    matchers = (Matcher("a", MatchOp.REGEX, "x|1.*"), Matcher("b", MatchOp.NOT_EQUAL, "y"))
    mask = match_rows(LabelFrame.of(sets), matchers)
    assert mask.tolist() == [labels.get("a", "") in ("x", "10") and labels.get("b", "") != "y" for labels in sets]


def test_grouping_stays_right_when_the_combined_codes_outgrow_an_integer() -> None:
    columns = {
        f"l{i}": LabelColumn(np.arange(70_000, dtype=np.int32) % 60_000, tuple(map(str, range(60_000))))
        for i in range(6)
    }
    assert LabelFrame(70_000, columns).group().size == 60_000


@given(st.lists(st.integers(0, 5), max_size=200))
def test_each_code_has_its_sets(codes: list[int]) -> None:
    found = [(code, sets.tolist()) for code, sets in sets_by_code(np.array(codes, np.int32))]
    assert found == [
        (code, [row for row, each in enumerate(codes) if each == code]) for code in sorted(set(codes) - {0})
    ]


def test_runs_of_equal_values_have_bounds() -> None:
    assert run_bounds(np.array([3, 3, 1, 3])) == [0, 2, 3, 4]
    assert run_bounds(np.empty(0, np.int32)) == [0]
