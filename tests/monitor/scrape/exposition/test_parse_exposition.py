from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from monitor.errors import ExpositionError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat, MetricType
from monitor.scrape.exposition.parse_exposition import ExposedSample, FamilyMetadata, parse_exposition

TEXT, OPENMETRICS = ExpositionFormat.PROMETHEUS_TEXT, ExpositionFormat.OPENMETRICS


def samples(body: bytes, exposition_format: ExpositionFormat = TEXT) -> tuple[ExposedSample, ...]:
    return parse_exposition(body, exposition_format).samples


def only_labels(body: bytes, exposition_format: ExpositionFormat = TEXT) -> dict[str, str]:
    (sample,) = samples(body, exposition_format)
    return dict(sample.labels)


@pytest.mark.parametrize(
    ("series", "labels"),
    [
        ("a", {}),
        ("a{}", {}),
        ('a{b="c",}', {"b": "c"}),
        ('a { b = "c" , d="e" } ', {"b": "c", "d": "e"}),
        ('a{b="c"d="e"}', {"b": "c", "d": "e"}),
        ('a{b=""}', {}),
        ('a{b="",b="c"}', {}),
        (r'a{b="x\\y\"z\nw\t"}', {"b": 'x\\y"z\nw\\t'}),
        ('a{b="}{,= #"}', {"b": "}{,= #"}),
        ('a{b="new\nline"}', {"b": "new\nline"}),
        ('a{b="n\0l"}', {"b": "n\0l"}),
        ('a{"b.c"="d"}', {"b.c": "d"}),
        ('a{b="ü"}', {"b": "ü"}),
    ],
)
def test_labels_of_prometheus_text(series: str, labels: dict[str, str]) -> None:
    assert only_labels(f"{series} 1\n".encode()) == {METRIC_NAME: "a", **labels}


@pytest.mark.parametrize(
    ("series", "name"),
    [
        ('{"a b"}', "a b"),
        ('{"a.b",x="y"}', "a.b"),
        ('{x="y","a"}', "a"),
        (r'{"a\"b"}', 'a"b'),
        ("  \ta", "a"),
        ("a:b", "a:b"),
    ],
)
def test_metric_names(series: str, name: str) -> None:
    assert only_labels(f"{series} 1\n".encode())[METRIC_NAME] == name


@pytest.mark.parametrize(
    ("line", "value", "timestamp_ms"),
    [
        ("a 1", 1.0, None),
        ("a 1 5", 1.0, 5),
        ("a\t1 \t 1700000000000 \t", 1.0, 1_700_000_000_000),
        ("a{}1", 1.0, None),
        ("a+1", 1.0, None),
        ("a -Inf", -math.inf, None),
        ("a 1 000000000000000000000000000001", 1.0, 1),
    ],
)
def test_values_and_timestamps_of_prometheus_text(line: str, value: float, timestamp_ms: int | None) -> None:
    (sample,) = samples(line.encode())
    assert (sample.value, sample.timestamp_ms) == (value, timestamp_ms)


@pytest.mark.parametrize(
    ("line", "value", "timestamp_ms"),
    [
        ("a 1", 1.0, None),
        ("a 1 1700000000.123", 1.0, 1_700_000_000_123),
        ("a 1 -5", 1.0, -5000),
        ("a 1 1e300", 1.0, 2**63 - 1),
        ('a 1 # {x="y"} 0.5', 1.0, None),
        ('a 1 2 # {x="y",} 0.5 1700000000.5', 1.0, 2000),
        ("a 1 # {} 1", 1.0, None),
    ],
)
def test_values_timestamps_and_exemplars_of_openmetrics(line: str, value: float, timestamp_ms: int | None) -> None:
    (sample,) = samples(f"{line}\n# EOF\n".encode(), OPENMETRICS)
    assert (sample.value, sample.timestamp_ms) == (value, timestamp_ms)


def test_comments_and_empty_lines_are_skipped() -> None:
    body = b"# anything\n#HELP none\n\n \t\n# HELPX y\na 1\n  # TYPE\n#"
    assert [str(sample.labels) for sample in samples(body)] == ["a"]


def test_a_series_may_occur_twice_with_each_sample_kept() -> None:
    assert [sample.value for sample in samples(b"a 1\na 2\n")] == [1.0, 2.0]


def test_bounds_and_quantiles_get_canonical_numbers_under_their_type_only() -> None:
    body = b'# TYPE h histogram\nh_bucket{le="1"} 1\nother{le="1e6"} 1\n# TYPE s summary\ns{quantile="1",le="1"} 1\n'
    assert [str(sample.labels) for sample in samples(body)] == [
        'h_bucket{le="1.0"}',
        'other{le="1e+06"}',
        's{le="1", quantile="1.0"}',
    ]


def test_metadata_of_prometheus_text() -> None:
    body = b'# HELP a first \\\\ \\n \\"\n# TYPE a counter\n# TYPE "b c" untyped\n# HELP d\n'
    assert parse_exposition(body, TEXT).metadata == (
        FamilyMetadata("a", MetricType.COUNTER, 'first \\ \n \\"'),
        FamilyMetadata("b c", MetricType.UNKNOWN),
        FamilyMetadata("d"),
    )


def test_metadata_of_openmetrics() -> None:
    body = b'# TYPE a_seconds info\n# UNIT a_seconds seconds\n# HELP a_seconds x \\"y\\"\n# UNIT b \n# EOF\n'
    assert parse_exposition(body, OPENMETRICS).metadata == (
        FamilyMetadata("a_seconds", MetricType.INFO, 'x "y"', "seconds"),
        FamilyMetadata("b"),
    )


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        (b"a 1\nb 0x10\n", 2, "got value '0x10' (not a number), want a number such as"),
        (b"a 1e999", 1, "out of range"),
        (b"a\n", 1, "got the end of the line behind 'a', want a value"),
        (b'a{b="c\n', 1, "want a label such as name="),
        (b'a{b="1",b="2"} 1\n', 1, "got label name 'b'"),
        (b'a{__name__="b"} 1\n', 1, "got label name '__name__'"),
        (b'{__name__="b"} 1\n', 1, "got metric names []"),
        (b'{"a","b"} 1\n', 1, "got metric names ['a', 'b']"),
        (b'{""} 1\n', 1, "got no metric name"),
        (b'a{""="x"} 1\n', 1, "got label name ''"),
        (b'a{b="\xff"} 1\n', 1, "invalid UTF-8"),
        (b'x{b="\n\n"} 1\ny{b="\n"} z\n', 4, "got value 'z'"),
        (b"a 1 -5\n", 1, "got '-5' behind 'a 1 ', want a timestamp or the end of the line"),
        (b"a 1 99999999999999999999\n", 1, "got timestamp"),
        (b"a 1\n\0b 2\n", 2, "want a metric name"),
        (b"# TYPE a  counter\n", 1, "TYPE of a: got type ' counter', want one of counter"),
        (b"# HELP \n", 1, "want a metric name and a text behind HELP"),
        (b"# HELP a \xff\n", 1, "invalid UTF-8"),
    ],
)
def test_a_malformed_body_of_prometheus_text_says_where_got_and_wanted(body: bytes, line: int, message: str) -> None:
    with pytest.raises(ExpositionError) as caught:
        parse_exposition(body, TEXT)
    assert caught.value.line == line
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        (b"a 1\n", 2, "got the end of the body, want '# EOF'"),
        (b"a 1\n# EOF\nb 1\n", 2, "got '# EOF', want"),
        (b"a 1\n\n# EOF\n", 2, "got the end of the line, want"),
        (b"a  1\n# EOF\n", 1, "got '  1' behind 'a', want a space and a value"),
        (b'a{b="c", d="e"} 1\n# EOF\n', 1, "want a label such as"),
        (b"# comment\n# EOF\n", 1, "want a metric name"),
        (b"# UNIT a seconds\n# EOF\n", 1, "got unit 'seconds', want one that the family's name ends with"),
        (b"a 1 NaN\n# EOF\n", 1, "want a finite number of seconds"),
        (b'a 1 # {x="y"} z\n# EOF\n', 1, "got exemplar value 'z'"),
        (b'a 1 # {x="\xff"} 1\n# EOF\n', 1, "invalid UTF-8"),
        (b"a 1 # {x} 1\n# EOF\n", 1, "want a timestamp, an exemplar or the end of the line"),
    ],
)
def test_a_malformed_body_of_openmetrics_says_where_got_and_wanted(body: bytes, line: int, message: str) -> None:
    with pytest.raises(ExpositionError) as caught:
        parse_exposition(body, OPENMETRICS)
    assert caught.value.line == line
    assert message in str(caught.value)


def test_an_error_tells_how_many_samples_came_before() -> None:
    with pytest.raises(ExpositionError) as caught:
        parse_exposition(b"a 1\nb 2\nc x\n", TEXT)
    assert caught.value.samples == 2


def test_an_unclosed_quote_before_a_megabyte_fails_at_once() -> None:
    with pytest.raises(ExpositionError):
        parse_exposition(b'a{b="' + b"x\\" * 500_000 + b"\n", TEXT)


def test_a_label_value_of_a_megabyte_is_read() -> None:
    assert len(only_labels(b'a{b="' + b"\\\\" * 500_000 + b'"} 1\n')["b"]) == 500_000


# prometheus_client's parsers as oracles, for bodies on which the grammars agree.

LABEL_VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"), max_size=8)
SERIES = st.tuples(st.sampled_from("abc"), st.dictionaries(st.sampled_from(["x", "y", "z"]), LABEL_VALUES, max_size=3))
NUMBERS = st.one_of(st.floats(allow_nan=False), st.integers(-(2**70), 2**70).map(float))


def written(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def line_of(series: tuple[str, dict[str, str]], value: float, timestamp: str) -> str:
    name, labels = series
    pairs = ",".join(f'{label}="{written(text)}"' for label, text in labels.items())
    return f"{name}{{{pairs}}} {value!r}{timestamp}\n"


@given(st.lists(st.tuples(SERIES, NUMBERS, st.one_of(st.none(), st.integers(0, 2**40))), max_size=5))
@settings(max_examples=150, deadline=None)
def test_prometheus_text_is_read_as_the_python_client_reads_it(rows: list) -> None:
    text = "".join(line_of(series, value, "" if stamp is None else f" {stamp}") for series, value, stamp in rows)
    families = text_string_to_metric_families(text)
    theirs = [
        (Labels({METRIC_NAME: sample.name, **sample.labels}), sample.value, sample.timestamp)
        for family in families
        for sample in family.samples
    ]
    ours = [
        (sample.labels, sample.value, None if sample.timestamp_ms is None else sample.timestamp_ms / 1000)
        for sample in samples(text.encode())
    ]
    assert sorted(ours, key=repr) == sorted(theirs, key=repr)


@given(st.dictionaries(st.sampled_from("abc"), st.tuples(LABEL_VALUES, NUMBERS, st.integers(0, 2**31)), max_size=3))
@settings(max_examples=150, deadline=None)
def test_openmetrics_is_read_as_the_python_client_reads_it(rows: dict) -> None:
    lines = [line_of((name, {"x": text}), value, f" {stamp}") for name, (text, value, stamp) in rows.items()]
    body = "".join(lines) + "# EOF\n"
    theirs = [
        (Labels({METRIC_NAME: sample.name, **sample.labels}), sample.value, float(sample.timestamp) * 1000)
        for family in openmetrics_parser.text_string_to_metric_families(body)
        for sample in family.samples
    ]
    ours = [(sample.labels, sample.value, sample.timestamp_ms) for sample in samples(body.encode(), OPENMETRICS)]
    assert ours == theirs
