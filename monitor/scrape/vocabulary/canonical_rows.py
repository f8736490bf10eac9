"""What a layout's rows get beside them: canonical series and report series, worked out once for all its targets."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.config.vocabulary_config import JobVocabulary
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import Labels
from monitor.scrape.vocabulary.canonical_series import (
    FRAMEWORK_LABEL,
    RUNTIME_LABEL,
    CanonicalSeries,
    canonical_series,
)


@dataclass(frozen=True, slots=True)
class CanonicalKey:
    """What canonical series depend on besides the layout. `target_has` of the labels runtime and framework."""

    vocabulary: JobVocabulary
    target_has: frozenset[str]
    reports: LabelFrame


def canonical_key(vocabulary: JobVocabulary, labels: Labels, reports: LabelFrame) -> CanonicalKey:
    """For a target with `labels`; `reports` is compared by identity."""
    return CanonicalKey(
        vocabulary, frozenset(name for name in (RUNTIME_LABEL, FRAMEWORK_LABEL) if name in labels), reports
    )


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalRows:
    """V canonical series, and `extra` (V + R,), the labels of those and of the report series behind them."""

    series: CanonicalSeries
    extra: LabelFrame


def new_canonical_rows(key: CanonicalKey, frame: LabelFrame, plain: int) -> CanonicalRows:
    """For a layout whose series have the labels `frame`, the first `plain` of them without timestamps of their own."""
    series = canonical_series(frame, plain, key.vocabulary.vocabularies, key.target_has)
    return CanonicalRows(series, LabelFrame.concat([series.labels, key.reports]) if series.size else key.reports)
