"""Targets scraped with and without a vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np
from scraping import make_target

from monitor.config.sections.read_vocabulary import read_shipped_vocabularies
from monitor.config.vocabulary_config import JobVocabulary, Vocabulary
from monitor.model.labels import Labels
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat
from monitor.scrape.layouts.layout_cache import ExpositionReader, LayoutTable
from monitor.scrape.layouts.series_map import SeriesMap, map_series
from monitor.scrape.report_series import new_report_frames

SHIPPED = JobVocabulary.of(read_shipped_vocabularies())
NO_LABELS = Labels()
REPORTS = new_report_frames().of(False)


def map_body(
    body: bytes, vocabulary: JobVocabulary = SHIPPED, labels: Labels = NO_LABELS, series_max: int = 10**6, **config: Any
) -> SeriesMap:
    """The series map of a body in Prometheus's text format."""
    reader = ExpositionReader(LayoutTable())
    builder = reader.read(body, ExpositionFormat.PROMETHEUS_TEXT)
    assert builder is not None
    target = make_target(labels=labels, vocabulary=vocabulary, **config)
    return map_series(builder.build(), target, REPORTS, series_max, None)


def stored(series_map: SeriesMap) -> dict[str, float]:
    """The values of a row by series, in order, but for the report series."""
    count = series_map.row_series()
    values = series_map.layout.values
    row = values[: series_map.layout.size].copy() if series_map.cells is None else values[series_map.cells]
    if series_map.conversions is not None:
        series_map.conversions.convert(row)
    names = [str(labels) for labels in series_map.labels.all_labels()[:count]]
    return dict(zip(names, np.asarray(row).tolist(), strict=True))


def canonical(body: bytes, *vocabularies: Vocabulary, **settings: Any) -> dict[str, float]:
    """The series that a vocabulary adds to those of a body; the shipped one if none is given."""
    vocabulary = JobVocabulary.of(vocabularies) if vocabularies else SHIPPED
    originals = stored(map_body(body, JobVocabulary(), **settings))
    return {
        name: value for name, value in stored(map_body(body, vocabulary, **settings)).items() if name not in originals
    }
