"""The parsers of imports: what an encoder writes they read, and nothing makes them fail."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.history.exports.runs import SeriesRuns
from monitor.history.exports.text_formats import CsvEncoder, JsonLinesEncoder
from monitor.history.imports.csv_lines import CsvLines
from monitor.history.imports.exposition_lines import ExpositionLines
from monitor.history.imports.json_lines import JsonLines
from monitor.history.imports.parsed_lines import LineParser, ParsedLines, label_sets
from monitor.history.imports.record_splitter import Lines, RecordSplitter
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.model.samples import STALE, STALE_BITS
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat

texts = st.text(st.characters(codec="utf-8"), max_size=8)
names = st.text("abc_", min_size=1, max_size=3)
random_labels = st.builds(
    lambda name, rest: {**rest, "__name__": name}, names, st.dictionaries(names, texts, max_size=3)
)
samples = st.lists(
    st.tuples(
        st.integers(0, 253_402_300_799_999),
        st.one_of(st.floats(allow_nan=False), st.just(float("nan")), st.just(STALE)),
    ),
    min_size=1,
    max_size=4,
)
histories = st.lists(st.tuples(random_labels, samples), min_size=1, max_size=4, unique_by=lambda pair: Labels(pair[0]))
PARSERS = {
    "prometheus": lambda: ExpositionLines(ExpositionFormat.PROMETHEUS_TEXT),
    "openmetrics": lambda: ExpositionLines(ExpositionFormat.OPENMETRICS),
    "jsonl": JsonLines,
    "csv": CsvLines,
}


def runs_from(history: list[tuple[dict[str, str], list[tuple[int, float]]]]) -> SeriesRuns:
    counts = [len(each) for _, each in history]
    flat = [sample for _, each in history for sample in each]
    return SeriesRuns(
        LabelFrame.of([Labels(labels) for labels, _ in history]),
        np.concatenate([[0], np.cumsum(counts)]),
        np.array([time for time, _ in flat], np.int64),
        np.array([value for _, value in flat]),
    )


def triples(labels: list[Labels], counts: list[int], times: np.ndarray, values: np.ndarray) -> list[tuple]:  # type: ignore[type-arg]
    owners = [each for each, count in zip(labels, counts, strict=True) for _ in range(count)]
    bits = [
        "NaN" if np.isnan(value) and word != STALE_BITS else int(word)
        for value, word in zip(values, values.view(np.uint64), strict=True)
    ]
    return list(zip(owners, times.tolist(), bits, strict=True))


def parsed_triples(parsed: ParsedLines) -> list[tuple]:  # type: ignore[type-arg]
    labels = label_sets(parsed.keys).all_labels()
    return triples(labels, parsed.counts.tolist(), parsed.timestamps_ms, parsed.values)


@given(histories)
def test_json_lines_are_read_as_they_were_written(history) -> None:
    runs = runs_from(history)
    parsed = JsonLines().parse(Lines(1, JsonLinesEncoder().encode(runs)))
    assert not parsed.errors
    expected = triples(runs.labels.all_labels(), np.diff(runs.starts).tolist(), runs.timestamps_ms, runs.values)
    assert parsed_triples(parsed) == expected


@given(histories)
def test_csv_is_read_as_it_was_written(history) -> None:
    runs = runs_from(history)
    encoder = CsvEncoder(runs.labels.names())
    parsed = CsvLines().parse(Lines(1, encoder.begin() + encoder.encode(runs)))
    assert not parsed.errors
    expected = triples(runs.labels.all_labels(), np.diff(runs.starts).tolist(), runs.timestamps_ms, runs.values)
    assert parsed_triples(parsed) == expected


@pytest.mark.parametrize("parser", PARSERS)
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [b"a 1 2", b"\n", b'"', b"{", b"}", b",", b"value,__name__,timestamp_ms", b"# TYPE a counter", b"\x00",
                 b'{"metric":{"__name__":"a"},"values":[1],"timestamps":[', b"]}", b"9" * 30, b"null", b"\xff", b"\r"]
            ),
            max_size=20,
        ).map(b"".join),
    )
)  # fmt: skip
def test_no_body_makes_a_parser_fail(parser: str, body: bytes) -> None:
    made: LineParser = PARSERS[parser]()
    parsed = made.parse(Lines(1, body))
    lines = body.count(b"\n") + 1
    assert all(1 <= error.line <= lines and error.message for error in parsed.errors)
    assert len(parsed.timestamps_ms) == len(parsed.values) == int(parsed.counts.sum())
    assert ((parsed.timestamps_ms >= 0) & (parsed.timestamps_ms < 253_402_300_800_000)).all()


@given(
    st.lists(
        st.builds(
            b"%b%b%b%b%b%b".__mod__,
            st.tuples(
                st.sampled_from([b'a{b="c"}', b'a{b="c} d"}', b'a{b="} 1 2"}', b"a", b'a{b="c"', b' a{b="c"}']),
                st.sampled_from([b" ", b"", b"  ", b"\t"]),
                st.sampled_from([b"1", b"-2.5", b"1e3", b"NaN", b"+1", b"1_0", b"0x1", b".5", b"9" * 20, b""]),
                st.sampled_from([b" ", b"", b"  "]),
                st.sampled_from([b"0", b"1000", b"-1", b"9" * 14, b"9" * 16, b"1.5", b""]),
                st.sampled_from([b"", b" ", b"\r", b" # x"]),
            ),
        ),
        max_size=12,
    )
)
def test_the_short_way_of_known_series_gives_the_same(lines: list[bytes]) -> None:
    together = ExpositionLines(ExpositionFormat.PROMETHEUS_TEXT).parse(Lines(1, b"\n".join(lines)))
    each = [ExpositionLines(ExpositionFormat.PROMETHEUS_TEXT).parse(Lines(1, line)) for line in lines]
    assert parsed_triples(together) == [triple for parsed in each for triple in parsed_triples(parsed)]
    assert [error.message for error in together.errors] == [error.message for parsed in each for error in parsed.errors]


@given(st.lists(st.binary(max_size=30), max_size=12), st.booleans())
def test_pieces_end_where_lines_do_and_nothing_is_lost(parts: list[bytes], quotes: bool) -> None:
    splitter = RecordSplitter(1_000, quotes=quotes)
    pieces = [lines for part in parts for lines in splitter.feed(part)] + splitter.finish()
    assert b"".join(lines.text for lines in pieces) == b"".join(parts)
    whole = b"".join(parts)
    position = 0
    for lines in pieces:
        assert lines.first_line == whole[:position].count(b"\n") + 1
        position += len(lines.text)
        if position < len(whole):
            assert lines.text.endswith(b"\n")
            assert not quotes or whole[:position].count(b'"') % 2 == 0


def test_a_line_that_is_too_long_is_passed_over() -> None:
    splitter = RecordSplitter(10)
    pieces = [lines for part in (b"a\nbbbbbb", b"bbbbbbbb", b"bb\nc\n") for lines in splitter.feed(part)]
    assert [(lines.first_line, lines.text, lines.is_cut) for lines in pieces] == [
        (1, b"a\n", False),
        (2, b"", True),
        (3, b"c\n", False),
    ]
