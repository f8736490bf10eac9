from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scraping import make_target

from monitor.config.scrape_config import NameValidation, RelabelAction, RelabelRule, ScrapeLimits
from monitor.errors import ScrapeError, ScrapeFailure
from monitor.model.labels import Labels
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat
from monitor.scrape.layouts.layout_cache import ExpositionReader, LayoutTable
from monitor.scrape.layouts.layout_change import LayoutChange
from monitor.scrape.layouts.series_map import SeriesMap, map_series
from monitor.scrape.report_series import new_report_frames
from monitor.scrape.target import Target

REPORTS = new_report_frames().of(False)
JOB = Labels({"job": "j"})
DROP_B = RelabelRule(RelabelAction.DROP, ("__name__",), regex="b")
RENAME_X = RelabelRule(RelabelAction.LABELMAP, regex="x", replacement="y")


def read(reader: ExpositionReader, body: bytes) -> LayoutChange:
    builder = reader.read(body, ExpositionFormat.PROMETHEUS_TEXT)
    if builder is None:
        assert reader.layout is not None
        return LayoutChange(reader.layout)
    change = builder.build()
    reader.adopt(change.layout)
    return change


def mapped(body: bytes, target: Target, series_max: int = 100) -> SeriesMap:
    return map_series(read(ExpositionReader(LayoutTable()), body), target, REPORTS, series_max, None)


def exposed(series_map: SeriesMap) -> list[str]:
    """The series in the cells of a row, in order, but for the report series."""
    return [str(labels) for labels in series_map.labels.all_labels()[: series_map.row_series()]]


def cells(series_map: SeriesMap) -> list[float]:
    values = series_map.layout.values[: series_map.layout.size]
    return (values if series_map.cells is None else values[series_map.cells]).tolist()


def test_every_series_gets_the_labels_of_its_target_and_report_series_follow() -> None:
    series_map = mapped(b"a 1\nb 2\n", make_target(labels=JOB))
    assert exposed(series_map) == ['a{job="j"}', 'b{job="j"}']
    assert str(series_map.labels.labels(2)) == 'up{job="j"}'
    assert series_map.labels.size == 2 + REPORTS.size
    assert series_map.cells is None


def test_two_targets_with_the_same_layout_share_the_codes_of_its_labels() -> None:
    table = LayoutTable()
    changes = [read(ExpositionReader(table), b'a{x="1"} 1\na{x="2"} 2\n') for _ in range(2)]
    targets = [make_target(labels=Labels({"instance": name})) for name in "ab"]
    first, second = (
        map_series(change, target, REPORTS, 100, None) for change, target in zip(changes, targets, strict=True)
    )
    assert np.shares_memory(first.labels.column("x").codes, second.labels.column("x").codes)


def test_metric_relabelling_drops_and_renames() -> None:
    target = make_target(labels=JOB, metric_relabel_configs=(DROP_B, RENAME_X))
    series_map = mapped(b'a{x="1"} 1\nb 2\nc 3\n', target)
    assert exposed(series_map) == ['a{job="j", x="1", y="1"}', 'c{job="j"}']
    assert cells(series_map) == [1.0, 3.0]
    assert series_map.samples_kept == 2


def test_relabelling_of_a_changed_layout_gives_the_same_as_relabelling_it_alone() -> None:
    target = make_target(labels=JOB, metric_relabel_configs=(DROP_B, RENAME_X))
    reader = ExpositionReader(LayoutTable())
    first = map_series(read(reader, b'a{x="1"} 1\nb 2\nc 3\n'), target, REPORTS, 100, None)
    body = b'c 1\nb 2\nd{x="2"} 3\na{x="1"} 4\n'
    second = map_series(read(reader, body), target, REPORTS, 100, first)
    assert exposed(second) == exposed(mapped(body, target))
    assert cells(second) == [1.0, 3.0, 4.0]


def test_with_honor_labels_an_empty_label_keeps_the_targets_away() -> None:
    target = make_target(labels=Labels({"job": "j", "instance": "i"}), honor_labels=True)
    body = b'a{instance=""} 1\na{instance="x"} 2\na 3\n'
    assert exposed(mapped(body, target)) == ['a{job="j"}', 'a{instance="x", job="j"}', 'a{instance="i", job="j"}']


def test_an_empty_label_is_remembered_when_the_layout_changes() -> None:
    target = make_target(labels=Labels({"instance": "i"}), honor_labels=True)
    reader = ExpositionReader(LayoutTable())
    first = map_series(read(reader, b'a{instance=""} 1\n'), target, REPORTS, 100, None)
    second = map_series(read(reader, b'b 1\na{instance=""} 1\n'), target, REPORTS, 100, first)
    assert exposed(second) == ['b{instance="i"}', "a"]


def test_the_first_sample_of_a_series_counts() -> None:
    series_map = mapped(b'a{x="1",y="2"} 1\nb 2\na{y="2",x="1"} 3\nb 4\n', make_target(labels=JOB))
    assert cells(series_map) == [1.0, 2.0]
    assert (series_map.duplicates, series_map.samples_kept) == (2, 4)


def test_a_target_cannot_expose_the_report_series_of_its_own_scrape() -> None:
    series_map = mapped(b'up 1\nup{other="x"} 2\n', make_target(labels=JOB))
    assert exposed(series_map) == ['up{job="j", other="x"}']
    assert series_map.labels.duplicate() is None


def test_samples_with_timestamps_are_in_no_row() -> None:
    series_map = mapped(b"a 1\nb 2 1000\nc 3\n", make_target(labels=JOB))
    assert exposed(series_map) == ['a{job="j"}', 'c{job="j"}']
    assert [str(labels) for labels in series_map.stamped_labels.all_labels()] == ['b{job="j"}']


def test_without_honor_timestamps_all_samples_are_in_the_row() -> None:
    series_map = mapped(b"a 1 1000\nb 2\n", make_target(labels=JOB, honor_timestamps=False))
    assert sorted(zip(exposed(series_map), cells(series_map), strict=True)) == [
        ('a{job="j"}', 1.0),
        ('b{job="j"}', 2.0),
    ]
    assert len(series_map.stamped) == 0


def test_over_the_series_limit_new_series_are_left_out_and_known_ones_stay() -> None:
    target, reader = make_target(labels=Labels()), ExpositionReader(LayoutTable())
    first = map_series(read(reader, b"c 1\nd 2\n"), target, REPORTS, 3, None)
    second = map_series(read(reader, b"a 1\nb 2\nc 3\nd 4\n"), target, REPORTS, 3, first)
    assert exposed(second) == ["a", "c", "d"]
    assert second.dropped_by_limit == 1


def test_the_series_limit_of_the_job_replaces_the_general_one() -> None:
    series_map = mapped(b"a 1\nb 2\n", make_target(labels=Labels(), limits=ScrapeLimits(series=1)), series_max=100)
    assert exposed(series_map) == ["a"]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (ScrapeLimits(labels=2), "label_limit exceeded (a: number of labels 3, limit 2)"),
        (ScrapeLimits(label_name_length=3), "label_name_length_limit exceeded (__name__: length 8, limit 3)"),
        (ScrapeLimits(label_value_length=3), "label_value_length_limit exceeded (x=äää: length 6, limit 3)"),
    ],
)
def test_labels_over_a_limit_fail_the_scrape(limits: ScrapeLimits, message: str) -> None:
    with pytest.raises(ScrapeError) as caught:
        mapped('a{x="äää"} 1\n'.encode(), make_target(labels=JOB, limits=limits))
    assert (caught.value.failure, str(caught.value)) == (ScrapeFailure.LIMIT, message)


def test_labels_within_all_limits_pass() -> None:
    limits = ScrapeLimits(labels=3, label_name_length=8, label_value_length=6)
    assert mapped('a{x="äää"} 1\n'.encode(), make_target(labels=JOB, limits=limits)).samples_kept == 1


def test_dropped_series_are_under_no_limit() -> None:
    target = make_target(labels=JOB, metric_relabel_configs=(DROP_B,), limits=ScrapeLimits(labels=2))
    assert exposed(mapped(b'a 1\nb{x="y"} 1\n', target)) == ['a{job="j"}']


def test_relabelling_the_name_away_fails_the_scrape() -> None:
    rule = RelabelRule(RelabelAction.LABELDROP, regex="__name__")
    with pytest.raises(ScrapeError, match="got no metric name"):
        mapped(b"a 1\n", make_target(labels=JOB, metric_relabel_configs=(rule,)))


@pytest.mark.parametrize("body", [b'{"a.b"} 1\n', b'a{"b.c"="d"} 1\n'])
def test_names_that_need_quotes_fail_the_scrape_where_only_legacy_names_are_valid(body: bytes) -> None:
    target = make_target(labels=JOB)
    legacy = replace(target, config=replace(target.config, name_validation=NameValidation.LEGACY))
    assert mapped(body, target).samples_kept == 1
    with pytest.raises(ScrapeError, match="want letters, digits"):
        mapped(body, legacy)


def test_an_empty_body_has_only_report_series() -> None:
    series_map = mapped(b"", make_target(labels=Labels()))
    assert exposed(series_map) == []
    assert str(series_map.labels.labels(0)) == "up"
