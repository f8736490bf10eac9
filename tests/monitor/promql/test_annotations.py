from __future__ import annotations

from monitor.errors import Span
from monitor.promql.annotations import Annotations, Repair

REPAIR = Repair(60_999, 60_999, 0.5, 2.0, 3.0, 1)


def test_a_remark_names_line_and_column() -> None:
    annotations = Annotations("sum(\n  quantile(2, x))")

    annotations.warn("odd", Span(16, 17))

    assert annotations.warnings == ("PromQL warning: odd (2:12)",)


def test_columns_count_bytes() -> None:
    annotations = Annotations('{"ä"} + x')

    annotations.inform("odd", Span(8, 9))

    assert annotations.infos == ("PromQL info: odd (1:10)",)


def test_the_same_text_counts_once_at_its_last_place() -> None:
    annotations = Annotations("x + y")

    annotations.warn("odd", Span(0, 1))
    annotations.warn("odd", Span(4, 5))

    assert annotations.warnings == ("PromQL warning: odd (1:5)",)


def test_repairs_of_one_metric_are_told_as_one() -> None:
    annotations = Annotations("x")

    annotations.inform_of_repair("m", Span(0, 1), REPAIR)
    annotations.inform_of_repair("m", Span(0, 1), Repair(0, 120_000, 1.0, 4.0, 0.25, 2))

    (info,) = annotations.infos
    assert info.endswith(
        ' for metric name "m", from buckets 0.5 to 4, with a max diff of 3, over 3 samples'
        " from 1970-01-01T00:00:00Z to 1970-01-01T00:02:00Z (1:1)"
    )


def test_a_repair_is_told_in_whole_seconds() -> None:
    assert str(REPAIR).endswith("over 1 samples from 1970-01-01T00:01:00Z to 1970-01-01T00:01:00Z")
