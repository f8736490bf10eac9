from __future__ import annotations

import math
import struct

import pytest
from expositions import bodies, mutations
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ExpositionError
from monitor.model.labels import Labels
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat
from monitor.scrape.exposition.parse_exposition import parse_exposition
from monitor.scrape.layouts.layout_cache import ExpositionReader, LayoutTable
from monitor.scrape.layouts.layout_change import NEW, LayoutChange

TEXT, OPENMETRICS = ExpositionFormat.PROMETHEUS_TEXT, ExpositionFormat.OPENMETRICS

Read = list[tuple[Labels, bytes, int | None]]


def bits(value: float) -> bytes:
    """Tells -0.0 from 0.0 and calls every NaN the same."""
    return struct.pack("<d", value) if not math.isnan(value) else b"NaN"


def read_in_full(body: bytes, exposition_format: ExpositionFormat) -> Read | None:
    try:
        samples = parse_exposition(body, exposition_format).samples
    except ExpositionError:
        return None
    plain = [sample for sample in samples if sample.timestamp_ms is None]
    stamped = [sample for sample in samples if sample.timestamp_ms is not None]
    return [(sample.labels, bits(sample.value), sample.timestamp_ms) for sample in plain + stamped]


def read_with(reader: ExpositionReader, body: bytes, exposition_format: ExpositionFormat) -> Read | None:
    try:
        builder = reader.read(body, exposition_format)
        if builder is not None:
            reader.adopt(builder.build().layout)
    except ExpositionError:
        return None
    layout = reader.layout
    assert layout is not None
    timestamps = [None] * len(layout.plain) + layout.timestamps_ms.tolist()
    values = layout.values[: layout.size].tolist()
    return list(zip(layout.series.labels.all_labels(), map(bits, values), timestamps, strict=True))


@pytest.mark.parametrize("openmetrics", [False, True])
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_reader_that_has_read_other_bodies_reads_the_same_as_the_full_parser(
    openmetrics: bool, data: st.DataObject
) -> None:
    exposition_format = OPENMETRICS if openmetrics else TEXT
    reader = ExpositionReader(LayoutTable())
    body = data.draw(bodies(openmetrics))
    for _ in range(4):
        assert read_with(reader, body, exposition_format) == read_in_full(body, exposition_format)
        body = data.draw(mutations(body))


@pytest.mark.parametrize(
    "body", [b"a+1\n", b'a{x="y"}1\n', b"a 1", b"", b"\n", b'a{x="1\n2"} 1\nb 2\n', b"a 1 5\nb 2\n"]
)
@pytest.mark.parametrize(
    "other", [b"a5\n", b"a5 1\n", b'a{x="y"} 2\n', b"a 2\n", b'2"} 1\nb 2\n', b"a 1 6\nb 2 7\n", b"5\n"]
)
def test_bodies_that_look_alike_are_told_apart(body: bytes, other: bytes) -> None:
    reader = ExpositionReader(LayoutTable())
    for text in (body, other, body, other):
        assert read_with(reader, text, TEXT) == read_in_full(text, TEXT)


def read(reader: ExpositionReader, body: bytes, exposition_format: ExpositionFormat = TEXT) -> LayoutChange | None:
    """Reads a body of prometheus text; the change if a new layout had to be built."""
    builder = reader.read(body, exposition_format)
    if builder is None:
        return None
    change = builder.build()
    reader.adopt(change.layout)
    return change


def values(reader: ExpositionReader) -> list[float]:
    assert reader.layout is not None
    return reader.layout.values[: reader.layout.size].tolist()


def test_the_same_series_with_other_values_need_no_new_layout() -> None:
    reader = ExpositionReader(LayoutTable())
    assert read(reader, b"# TYPE a counter\na 1\nb 2\n") is not None
    assert read(reader, b"# TYPE a counter\na 10\nb -2.5e-3\n") is None
    assert values(reader) == [10.0, -2.5e-3]


def test_a_value_that_json_cannot_hold_needs_no_new_layout() -> None:
    reader = ExpositionReader(LayoutTable())
    read(reader, b"a 1\nb 2\nc 3\n")
    assert read(reader, b"a NaN\nb 2\nc +Inf\n") is None
    assert read(reader, b"a NaN\nb .5\nc 7\n") is None
    assert str(values(reader)) == "[nan, 0.5, 7.0]"


def test_an_exemplar_that_comes_and_goes_needs_no_new_layout() -> None:
    reader = ExpositionReader(LayoutTable())
    read(reader, b"a 1\nb 2\n# EOF\n", OPENMETRICS)
    assert read(reader, b'a 3 # {trace="x"} 0.5 1700000000\nb 2\n# EOF\n', OPENMETRICS) is None
    assert values(reader) == [3.0, 2.0]


def test_timestamps_that_move_on_need_no_new_layout() -> None:
    reader = ExpositionReader(LayoutTable())
    read(reader, b"a 1 1000\nb 2\nc 3 1000\n")
    assert read(reader, b"a 4 2000\nb 5\nc 6 2001\n") is None
    assert reader.layout is not None
    assert (values(reader), reader.layout.timestamps_ms.tolist()) == ([5.0, 4.0, 6.0], [2000, 2001])


def test_a_new_layout_tells_where_each_series_was_before() -> None:
    reader = ExpositionReader(LayoutTable())
    read(reader, b"a 1\nb 2\nc 3\n")
    before = reader.layout
    change = read(reader, b"c 1\nnew 2\na 3\n")
    assert change is not None
    assert change.before is before
    assert change.rows_before is not None
    assert change.rows_before.tolist() == [2, NEW, 0]
    assert [str(labels) for labels in change.layout.series.labels.all_labels()] == ["c", "new", "a"]


def test_a_malformed_body_leaves_the_layout_as_it_was() -> None:
    reader = ExpositionReader(LayoutTable())
    read(reader, b"a 1\nb 2\n")
    layout = reader.layout
    with pytest.raises(ExpositionError):
        read(reader, b"a 1\nb x\n")
    assert reader.layout is layout
    assert read(reader, b"a 3\nb 4\n") is None


def test_targets_that_expose_the_same_series_share_one_layout() -> None:
    table = LayoutTable()
    first, second = ExpositionReader(table), ExpositionReader(table)
    read(first, b"a 1\nb 2\n")
    assert read(second, b"a 3\nb 4\n") is None
    assert first.layout is second.layout
    assert len(table) == 1


def test_similar_targets_share_the_texts_of_the_series_they_have_in_common() -> None:
    table = LayoutTable()
    first, second = ExpositionReader(table), ExpositionReader(table)
    read(first, b'a{x="y"} 1\nb 2\n')
    change = read(second, b'a{x="y"} 3\n')
    assert change is not None
    assert change.rows_before is None
    assert first.layout is not None
    assert change.layout.plain.prefixes[0] is first.layout.plain.prefixes[0]


def test_going_to_and_fro_between_two_layouts_builds_none_anew() -> None:
    reader = ExpositionReader(LayoutTable())
    read(reader, b"a 1\n")
    read(reader, b"a 1\nb 2\n")
    assert [read(reader, body) for body in (b"a 5\n", b"a 1\nb 6\n", b"a 7\n")] == [None, None, None]


def test_layouts_that_nobody_uses_are_kept_up_to_a_number_of_lines() -> None:
    table = LayoutTable(recent_lines_max=10)
    reader = ExpositionReader(table)
    for number in range(20):
        read(reader, f"series_{number} 1\n".encode())
    assert len(table) == 5


def test_a_layout_too_large_to_be_kept_lives_as_long_as_its_target() -> None:
    table = LayoutTable(recent_lines_max=1)
    reader = ExpositionReader(table)
    read(reader, b"a 1\nb 2\n")
    assert read(reader, b"a 3\nb 4\n") is None
    del reader
    assert len(table) == 0


def test_the_two_formats_do_not_share_a_layout() -> None:
    table = LayoutTable()
    text, openmetrics = ExpositionReader(table), ExpositionReader(table)
    read(text, b"a 1\n# EOF\n")
    assert read(openmetrics, b"a 1\n# EOF\n", OPENMETRICS) is not None


def test_metadata_is_part_of_the_layout() -> None:
    reader = ExpositionReader(LayoutTable())
    read(reader, b"# HELP a old\na 1\n")
    change = read(reader, b"# HELP a new\na 1\n")
    assert change is not None
    assert [family.help for family in change.layout.metadata] == ["new"]


def test_a_bound_is_read_anew_when_its_family_becomes_a_histogram() -> None:
    reader = ExpositionReader(LayoutTable())
    read(reader, b'# TYPE a gauge\na{le="1"} 1\n')
    change = read(reader, b'# TYPE a histogram\na{le="1"} 1\n')
    assert change is not None
    assert str(change.layout.series.labels.labels(0)) == 'a{le="1.0"}'


def test_a_known_series_on_a_last_line_without_newline_is_no_openmetrics() -> None:
    reader = ExpositionReader(LayoutTable())
    read(reader, b"a 1\n# EOF\n", OPENMETRICS)
    with pytest.raises(ExpositionError, match="line 2"):
        read(reader, b"a 1\na 1", OPENMETRICS)
