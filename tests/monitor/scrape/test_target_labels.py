from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.scrape.target_labels import attach_target_labels, exported

NAMES = ["job", "instance", "exported_job", "exported_exported_job", "exported_instance", "x"]
LABEL_SETS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["", "1", "2"]))


def attach_to_one(labels: dict[str, str], target: dict[str, str], honor_labels: bool) -> dict[str, str]:
    """What upstream's mutateSampleLabels does to one label set, written down plainly."""
    if honor_labels:
        return {name: text for name, text in {**target, **labels}.items() if text}
    result = {**labels, **target}
    for name in sorted((name for name in sorted(target) if labels.get(name)), key=len):
        free_name = f"exported_{name}"
        while result.get(free_name):
            free_name = f"exported_{free_name}"
        result[free_name] = labels[name]
    return {name: text for name, text in result.items() if text}


@given(st.lists(LABEL_SETS, max_size=4), LABEL_SETS, st.booleans())
def test_all_rows_at_once_get_what_each_would_get_alone(
    rows: list[dict[str, str]], target: dict[str, str], honor_labels: bool
) -> None:
    target_labels = Labels(target)
    blanks = {name: frozenset(i for i, row in enumerate(rows) if row.get(name) == "") for name in NAMES}
    frame = LabelFrame.of([{name: text for name, text in row.items() if text} for row in rows])

    attached = attach_target_labels(frame, target_labels, honor_labels, {n: r for n, r in blanks.items() if r})

    assert attached.all_labels() == [Labels(attach_to_one(row, dict(target_labels), honor_labels)) for row in rows]


def test_a_label_that_all_rows_share_takes_no_memory() -> None:
    frame = LabelFrame.of([{"x": str(row)} for row in range(1000)])
    attached = attach_target_labels(frame, Labels({"job": "j"}), False, {})
    assert attached.column("job").codes.strides == (0,)
    assert attached.column("x").codes is frame.column("x").codes


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ({"job": "a"}, {"job": "j", "exported_job": "a"}),
        ({"job": "a", "exported_job": "b"}, {"job": "j", "exported_job": "b", "exported_exported_job": "a"}),
        ({"x": "a"}, {"job": "j", "x": "a"}),
    ],
)
def test_a_hidden_label_is_exported_under_the_next_free_name(labels: dict[str, str], wanted: dict[str, str]) -> None:
    assert exported(labels, {"job": "j"}) == wanted
