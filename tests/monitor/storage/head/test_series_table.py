"""Series are found by their labels whenever they came and whenever somebody asked before."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.label_frame import LabelFrame
from monitor.storage.blocks.label_codec import decode_labels, encode_labels
from monitor.storage.head.chunk import ChunkLayout
from monitor.storage.head.series_table import SeriesTable

NAMES, VALUES = ("job", "path"), ("a", "b", "c")
LABEL_SETS = st.lists(st.fixed_dictionaries({}, optional={name: st.sampled_from(VALUES) for name in NAMES}), max_size=6)
BATCHES = st.lists(st.tuples(LABEL_SETS, st.booleans(), st.sampled_from(NAMES)), max_size=6)


@given(BATCHES)
def test_postings_are_the_same_however_often_they_are_asked_for(batches):
    table, label_sets = SeriesTable(), []
    for batch_id, (added, is_restored, asked) in enumerate(batches):
        frame = LabelFrame.of(added)
        if is_restored:
            table.restore([(batch_id, 1, decode_labels(encode_labels(frame)))])
        else:
            table.add(batch_id, 1, frame)
        label_sets += added
        table.posting(asked, "a")

    for name in NAMES:
        for value in VALUES:
            expected = [number for number, labels in enumerate(label_sets) if labels.get(name) == value]
            assert list(table.posting(name, value) or ()) == expected
        assert sorted(table.values(name)) == sorted({labels[name] for labels in label_sets if name in labels})
    assert [labels.get("job", "") for labels in label_sets] == table.labels(
        np.arange(len(label_sets), dtype=np.uint32)
    ).column("job").texts()


@given(st.permutations(range(6)))
def test_symbols_come_in_the_order_of_the_numbers_asked_for(order):
    table = SeriesTable()
    table.add(1, 1, LabelFrame.of([{"job": str(number)} for number in range(4)]))
    table.add(2, 1, LabelFrame.of([{"path": "x"}, {"job": "5"}]))
    numbers = np.array(order, np.uint32)

    codes = table.codes_in_order("job", numbers)

    assert codes.tolist() == table.labels_in_order(numbers).column("job").codes.tolist()


@given(st.lists(st.integers(0, 3), max_size=12))
def test_slabs_hold_one_metric_each_in_the_order_in_which_metrics_appear(metric):
    layout = ChunkLayout(np.arange(len(metric), dtype=np.uint32), np.array(metric, np.int32))

    slabs = [layout.order[first:end].tolist() for first, end in zip(layout.starts, layout.starts[1:], strict=False)]

    assert [[metric[column] for column in slab] for slab in slabs] == [
        [each] * metric.count(each) for each in dict.fromkeys(metric)
    ]
    assert all(slab == sorted(slab) for slab in slabs)


@given(st.lists(LABEL_SETS.filter(bool), min_size=1, max_size=6), st.data())
def test_one_series_of_each_batch_has_the_labels_it_came_with(batches, data):
    table = SeriesTable()
    chosen, expected = [], []
    for batch_id, label_sets in enumerate(batches):
        batch = table.add(batch_id, 1, LabelFrame.of(label_sets))
        place = data.draw(st.integers(0, len(label_sets) - 1))
        chosen.append(batch.first + place)
        expected.append(label_sets[place])

    frame = table.labels(np.array(chosen, np.uint32))

    assert [dict(labels) for labels in frame.all_labels()] == expected
