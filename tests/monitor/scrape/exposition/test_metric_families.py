"""`recorded/` holds what client_golang 1.25.0 exposes after so many observations of target.go."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_families import (
    COUNTER,
    GAUGE,
    GAUGE_HISTOGRAM,
    HISTOGRAM,
    SUMMARY,
    UNTYPED,
    Metric,
    classic,
    family,
    native,
    number,
    summary,
)
from metric_families import body as encoded_body
from native_histograms import HistogramSpec, parse_histogram

from monitor.config.scrape_config import HistogramScraping
from monitor.errors import ExpositionError, ScrapeError
from monitor.scrape.exposition.exposed_histogram import finest_schema
from monitor.scrape.exposition.exposition_grammar import MetricType
from monitor.scrape.exposition.metric_families import ExposedMetrics, label_pairs, read_metric_families
from monitor.scrape.exposition.parse_exposition import FamilyMetadata

RECORDED = Path(__file__).parent / "recorded"
NATIVE = HistogramScraping(native=True)
SPEC = parse_histogram("{{schema:3 count:14 sum:18.4 z_bucket:2 z_bucket_w:0.001 buckets:[1 2 0 3] n_buckets:[4 2]}}")
buckets = st.dictionaries(st.integers(-60, 60), st.integers(0, 10**6).map(float), max_size=12)
specs = st.builds(
    HistogramSpec,
    schema=st.integers(-4, 8),
    count=st.integers(1, 2**50).map(float),
    sum=st.floats(allow_nan=False),
    zero_count=st.integers(0, 10**6).map(float),
    zero_threshold=st.floats(0, 10),
    negative=buckets,
    positive=buckets,
)


def read(*families: bytes, wanted: HistogramScraping = NATIVE) -> ExposedMetrics:
    return read_metric_families(encoded_body(*families), wanted, 1_000_000)


def test_single_numbers_and_their_families_are_read() -> None:
    metrics = read(
        family("a_total", COUNTER, Metric(number(3, exemplar=True), {"x": "1"}), help_text="Help."),
        family("b_bytes", GAUGE, Metric(number(-math.inf), timestamp_ms=5), unit="bytes"),
        family("nothing", GAUGE),
        family("c", UNTYPED, Metric(b"")),
    )

    assert metrics.numbers == [3, -math.inf, 0]
    assert metrics.timestamps_ms == [5]
    assert [outline.is_stamped for outline in metrics.outlines] == [False, True, False]
    assert label_pairs(metrics.outlines[0].labels) == [("x", "1")]
    assert metrics.families == (
        FamilyMetadata("a_total", MetricType.COUNTER, "Help."),
        FamilyMetadata("b_bytes", MetricType.GAUGE, "", "bytes"),
        FamilyMetadata("c", MetricType.UNKNOWN),
    )


def test_a_summary_gives_count_sum_and_quantiles() -> None:
    assert read(family("s", SUMMARY, Metric(summary(7, 2.5, {0.5: 1, 0.9: 2})))).numbers == [7, 2.5, 1, 2]


@pytest.mark.parametrize("as_integers", [False, True])
def test_a_classic_histogram_ends_at_infinity(as_integers: bool) -> None:
    open_ended = classic(9, 1.5, {0.1: 3, 1: 8}, as_integers=as_integers)
    closed = classic(9, 1.5, {0.1: 3, math.inf: 9, 5: 1}, as_integers=as_integers)

    assert read(family("h", HISTOGRAM, Metric(open_ended), Metric(closed))).numbers == [9, 1.5, 3, 8, 9, 9, 1.5, 3, 9]


@given(specs, st.booleans(), st.booleans(), st.booleans())
def test_a_native_histogram_is_read(spec: HistogramSpec, as_integers: bool, packed: bool, is_gauge: bool) -> None:
    kind = GAUGE_HISTOGRAM if is_gauge else HISTOGRAM

    metrics = read(family("h", kind, Metric(native(spec, as_integers=as_integers, packed=packed))))

    outline = metrics.outlines[0].native
    assert outline == (spec.schema, tuple(sorted(spec.negative)), tuple(sorted(spec.positive)))
    counts = [side[index] for side in (spec.negative, spec.positive) for index in sorted(side)]
    heads = [spec.count, spec.sum, 3.0 if is_gauge else 0.0, spec.zero_count, spec.zero_threshold]
    assert metrics.numbers == heads + counts


@pytest.mark.parametrize(
    ("wanted", "is_classic", "is_native"),
    [
        (HistogramScraping(), True, False),
        (NATIVE, False, True),
        (HistogramScraping(native=True, always_classic=True), True, True),
    ],
)
def test_of_both_forms_that_is_taken_which_is_wanted(
    wanted: HistogramScraping, is_classic: bool, is_native: bool
) -> None:
    both = Metric(classic(14, 18.4, {1: 3}) + native(SPEC))

    outline = read(family("h", HISTOGRAM, both), wanted=wanted).outlines[0]

    assert (outline.bounds is not None, outline.native is not None) == (is_classic, is_native)


def test_a_histogram_without_spans_is_classic() -> None:
    assert read(family("h", HISTOGRAM, Metric(classic(0, 0, {})))).outlines[0].native is None


def test_a_limit_makes_a_native_histogram_coarser() -> None:
    spec = HistogramSpec(schema=2, count=10, positive={1: 1, 2: 2, 3: 0, 4: 3, 5: 4})

    coarse = read(family("h", HISTOGRAM, Metric(native(spec))), wanted=HistogramScraping(True, bucket_limit=2))
    factor = read(family("h", HISTOGRAM, Metric(native(spec))), wanted=HistogramScraping(True, min_bucket_factor=1.4))

    assert coarse.outlines[0].native == (0, (), (1, 2))
    assert coarse.numbers[5:] == [6, 4]
    assert factor.outlines[0].native == (1, (), (1, 2, 3))
    assert factor.numbers[5:] == [3, 3, 4]


def test_buckets_that_cannot_be_merged_fail_the_scrape() -> None:
    spec = HistogramSpec(schema=-4, count=2, positive={1: 1}, negative={1: 1})

    with pytest.raises(ScrapeError, match="histogram bucket limit exceeded"):
        read(family("h", HISTOGRAM, Metric(native(spec))), wanted=HistogramScraping(True, bucket_limit=1))


@pytest.mark.parametrize(("factor", "schema"), [(0, 8), (1.1, 2), (1.5, 0), (2, 0), (4, -1), (1e300, -4)])
def test_a_factor_is_a_schema(factor: float, schema: int) -> None:
    assert finest_schema(factor) == schema


def test_finer_schemas_than_there_are_become_the_finest() -> None:
    fine = HistogramSpec(schema=10, count=3, positive={4: 1, 5: 2})

    assert read(family("h", HISTOGRAM, Metric(native(fine)))).outlines[0].native == (8, (), (1, 2))


@pytest.mark.parametrize(
    ("malformed", "message"),
    [
        (family("", GAUGE, Metric(number(1))), "got no name, want one"),
        (family("a", 6, Metric(number(1))), "got type 6 of 'a', want one from 0 to 5"),
        (family("a", GAUGE, Metric(number(1)), unit="b"), "got unit 'b' of 'a', want one that the name ends with"),
        (family("h", HISTOGRAM, Metric(native(HistogramSpec(schema=-5)))), "got the schema -5"),
        (family("h", HISTOGRAM, Metric(native(HistogramSpec(count=1, positive={1: -1})))), "want none below 0"),
        (family("a", GAUGE, Metric(b"\x09\x01")), "field that ends at"),
        (b"\xff", "index out of range"),
    ],
)
def test_a_malformed_family_is_named(malformed: bytes, message: str) -> None:
    with pytest.raises(ExpositionError, match=f"metric family 2: .*{message}"):
        read(family("fine", GAUGE, Metric(number(1))), malformed)


def test_a_body_that_is_cut_off_is_malformed() -> None:
    with pytest.raises(ExpositionError, match="metric family 1: got 9 bytes, want 10"):
        read_metric_families(b"\x0a" + bytes(9), NATIVE, 100)


def test_more_numbers_than_the_limit_fail_the_scrape() -> None:
    with pytest.raises(ScrapeError, match="got more than 2 numbers, want at most that many"):
        read_metric_families(encoded_body(family("s", SUMMARY, Metric(summary(1, 1, {0.5: 1})))), NATIVE, 2)


@given(st.binary(max_size=80))
def test_any_bytes_are_metric_families_or_refused(body: bytes) -> None:
    try:
        read_metric_families(body, NATIVE, 1_000)
    except ExpositionError as error:
        assert str(error).startswith("metric family ")


@given(st.data())
def test_a_damaged_body_is_read_or_refused(data: st.DataObject) -> None:
    body = (RECORDED / "after_400.pb").read_bytes()
    position = data.draw(st.integers(0, len(body) - 1))
    damaged = body[:position] + data.draw(st.binary(max_size=3)) + body[position + data.draw(st.integers(0, 3)) :]

    try:
        read_metric_families(damaged, NATIVE, 1_000_000)
    except ExpositionError as error:
        assert str(error).startswith("metric family ")


@pytest.mark.parametrize(("observations", "samples"), [(0, 4), (40, 13), (4000, 13)])
def test_what_client_golang_exposes_is_read(observations: int, samples: int) -> None:
    metrics = read_metric_families((RECORDED / f"after_{observations}.pb").read_bytes(), NATIVE, 1_000_000)

    assert len(metrics.outlines) == samples
    assert metrics.outlines[-1].family == FamilyMetadata("untyped", MetricType.UNKNOWN)
    assert metrics.numbers[-1] == math.inf


metrics_of_a_family = st.lists(
    st.builds(
        Metric,
        st.builds(number, st.floats(allow_nan=False), exemplar=st.booleans()),
        st.dictionaries(st.sampled_from("abc"), st.text(max_size=90), max_size=2),
        st.sampled_from([0, 0, 0, 7]),
    ),
    max_size=4,
)
families = st.lists(
    st.builds(
        lambda name, kind, metrics, unit: family(name, kind, *metrics, unit=unit),
        st.sampled_from(["a_total", "b_total"]),
        st.sampled_from([COUNTER, GAUGE, UNTYPED]),
        metrics_of_a_family,
        st.sampled_from(["", "", "total"]),
    ),
    max_size=3,
)


@given(families, families)
def test_what_is_expected_does_not_change_what_is_read(before: list[bytes], now: list[bytes]) -> None:
    def read_expecting(body: bytes, *expected: bytes) -> ExposedMetrics | str:
        try:
            known = read_metric_families(encoded_body(*expected), NATIVE, 1_000).outlines
            return read_metric_families(body, NATIVE, 1_000, known)
        except ExpositionError as error:
            return str(error)

    body = encoded_body(*now)
    in_full = read_expecting(body)

    if isinstance(in_full, ExposedMetrics):
        assert read_expecting(body, *now) == in_full
    if isinstance(read_expecting(encoded_body(*before)), ExposedMetrics):
        assert read_expecting(body, *before) == in_full


@given(st.data())
def test_a_damaged_body_is_read_as_if_nothing_were_expected(data: st.DataObject) -> None:
    body = encoded_body(
        family("a", GAUGE, *(Metric(number(value), {"x": "y" * value}) for value in (1, 90, 3))),
        family("b_total", COUNTER, Metric(number(1)), Metric(number(2), {"x": "y"})),
    )
    expected = read_metric_families(body, NATIVE, 1_000).outlines
    position = data.draw(st.integers(0, len(body) - 1))
    damaged = body[:position] + data.draw(st.binary(max_size=3)) + body[position + data.draw(st.integers(0, 3)) :]

    try:
        in_full = read_metric_families(damaged, NATIVE, 1_000)
    except ExpositionError:
        return

    assert repr(read_metric_families(damaged, NATIVE, 1_000, expected)) == repr(in_full)
