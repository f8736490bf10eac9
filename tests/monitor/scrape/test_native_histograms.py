"""Histograms of protobuf bodies as rows of components."""

from __future__ import annotations

import asyncio
from typing import Any

from metric_families import CONTENT_TYPE, COUNTER, HISTOGRAM, Metric, body, classic, family, native, number
from native_histograms import HistogramSpec
from recording_store import STALE, Cell, Row
from scraping import START_MS, Scraping, scraping

from monitor.config.scrape_config import HistogramScraping, RelabelAction, RelabelRule, ScrapeLimits
from monitor.model.labels import Labels
from monitor.model.native_histograms import COMPONENT_LABEL
from monitor.scrape.fetching.fetch import FetchResponse

NATIVE = HistogramScraping(native=True)
FIRST = HistogramSpec(schema=1, count=3, sum=2.5, zero_count=1, zero_threshold=0.5, positive={1: 2})
SECOND = HistogramSpec(schema=1, count=6, sum=7.5, zero_count=1, zero_threshold=0.5, positive={1: 2, 4: 3})
COARSER = HistogramSpec(schema=0, count=6, sum=7.5, zero_count=1, zero_threshold=0.5, positive={1: 2, 2: 3})


def exposed(spec: HistogramSpec, requests: float = 1, timestamp_ms: int = 0) -> FetchResponse:
    histogram = Metric(native(spec), {"path": "/"}, timestamp_ms)
    families = family("h", HISTOGRAM, histogram), family("requests_total", COUNTER, Metric(number(requests)))
    return FetchResponse(200, "OK", CONTENT_TYPE, body(*families))


def scraped(*answers: Any, **target: Any) -> tuple[Scraping, list[Row]]:
    """The rows of one scrape for each answer."""
    setting = scraping(*answers, **{"histograms": NATIVE, **target})

    async def play() -> None:
        task = asyncio.create_task(setting.loop().run())
        await asyncio.sleep(0)
        await setting.clock.advance(len(answers))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())
    return setting, setting.store.only.rows


def cells(spec: HistogramSpec, labels: dict[str, str] | None = None) -> dict[str, Cell]:
    """A row's cells of the histogram."""
    own = {"__name__": "h", "instance": "i", "job": "j", "path": "/"} if labels is None else labels
    return {str(Labels({**own, COMPONENT_LABEL: text})): value for text, value in spec.components().items()}


def test_a_histogram_is_one_sample_of_several_cells() -> None:
    _, (row,) = scraped(exposed(FIRST))

    assert row.exposed() == {'requests_total{instance="i", job="j"}': 1.0, **cells(FIRST)}
    assert row.report("scrape_samples_scraped") == row.report("scrape_samples_post_metric_relabeling") == 2
    assert row.report("scrape_series_added") == 2


def test_another_bucket_adds_a_cell_but_no_series() -> None:
    setting, (_, row, third) = scraped(exposed(FIRST), exposed(SECOND, 2), exposed(SECOND, 3))

    assert row.exposed() == {'requests_total{instance="i", job="j"}': 2.0, **cells(SECOND)}
    assert row.report("scrape_series_added") == third.report("scrape_series_added") == 0
    assert third.exposed() == {'requests_total{instance="i", job="j"}': 3.0, **cells(SECOND)}
    assert setting.metric("scrape_layout_changes") == 2


def test_a_coarser_schema_has_other_cells() -> None:
    _, (_, row) = scraped(exposed(FIRST), exposed(COARSER))

    assert row.exposed() == {'requests_total{instance="i", job="j"}': 1.0, **cells(COARSER)}


def test_a_failed_scrape_ends_every_cell() -> None:
    _, (_, row) = scraped(exposed(FIRST), FetchResponse(200, "OK", CONTENT_TYPE, b"\x05\x0a"))

    assert set(row.exposed().values()) == {STALE}
    assert row.report("up") == 0


def test_without_native_histograms_the_classic_form_is_scraped() -> None:
    both = family("h", HISTOGRAM, Metric(classic(3, 2.5, {1: 2}) + native(FIRST)))

    _, (row,) = scraped(FetchResponse(200, "OK", CONTENT_TYPE, body(both)), histograms=HistogramScraping())

    assert row.exposed() == {
        'h_count{instance="i", job="j"}': 3.0,
        'h_sum{instance="i", job="j"}': 2.5,
        'h_bucket{instance="i", job="j", le="1.0"}': 2.0,
        'h_bucket{instance="i", job="j", le="+Inf"}': 3.0,
    }


def test_relabelling_sees_a_histogram_as_one_series() -> None:
    keep_path = RelabelRule(RelabelAction.LABELKEEP, regex="__name__|path")

    _, (row,) = scraped(exposed(FIRST), metric_relabel_configs=(keep_path,))

    assert row.exposed() == {"requests_total": 1.0, **cells(FIRST, {"__name__": "h", "path": "/"})}


def test_a_second_histogram_with_the_same_labels_is_left_out() -> None:
    twice = family("h", HISTOGRAM, Metric(native(FIRST), {"path": "/"}), Metric(native(SECOND), {"path": "/"}))

    setting, (row,) = scraped(FetchResponse(200, "OK", CONTENT_TYPE, body(twice)))

    assert row.exposed() == cells(FIRST)
    assert setting.metric("scrape_duplicate_samples") == 1


def test_a_histogram_is_over_the_series_limit_as_a_whole() -> None:
    setting, (row,) = scraped(exposed(FIRST), limits=ScrapeLimits(series=5))

    assert row.exposed() == {'requests_total{instance="i", job="j"}': 1.0}
    assert setting.metric("scrape_series_dropped") == 1


def test_a_sample_limit_counts_a_histogram_once() -> None:
    _, (row,) = scraped(exposed(FIRST), limits=ScrapeLimits(samples=2))

    assert row.report("up") == 1


def test_a_histogram_with_a_timestamp_is_stored_at_it() -> None:
    setting, (row, _) = scraped(exposed(FIRST, 1, START_MS - 500), exposed(SECOND, 2, START_MS))

    assert row.exposed() == {'requests_total{instance="i", job="j"}': 1.0}
    found = {at_ms: found for _, at_ms, found in setting.store.appended}
    assert found == {START_MS - 500: cells(FIRST), START_MS: cells(SECOND)}


def test_timestamps_that_are_not_honoured_are_left_out() -> None:
    _, (row,) = scraped(exposed(FIRST, 1, START_MS - 500), honor_timestamps=False)

    assert row.exposed() == {'requests_total{instance="i", job="j"}': 1.0, **cells(FIRST)}


def test_no_target_can_make_up_a_component() -> None:
    _, (row,) = scraped(f'h{{{COMPONENT_LABEL}="0/count"}} 1\n'.encode())

    assert row.report("up") == 0


def test_a_malformed_label_fails_the_scrape_with_the_number_of_the_family() -> None:
    twice = family("b", COUNTER, Metric(number(1), {"le": "1", "": "2"}))
    setting = scraping(FetchResponse(200, "OK", CONTENT_TYPE, body(family("a", COUNTER, Metric(number(1))), twice)))
    loop = setting.loop()

    asyncio.run(loop.scrape(START_MS))

    assert "metric family 2: got label names ['', '__name__', 'le'] of 'b'" in loop.status().last_error
