"""What a server's metrics say at one moment, in the canonical names, whatever its libraries call them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.config.vocabulary_config import Vocabulary
from monitor.model.label_frame import LabelFrame
from monitor.model.labels import METRIC_NAME, Labels
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat
from monitor.scrape.exposition.parse_exposition import ExposedSample, parse_exposition
from monitor.scrape.vocabulary.canonical_series import canonical_series

DURATION = "http_server_request_duration_seconds"
GC_PAUSE = "runtime_gc_pause_seconds"
STALL = "runtime_stall_seconds"
STATUS = "http_response_status_code"
SENT_BYTES = "http_server_sent_bytes_total"
ACCEPTED = "server_connections_accepted_total"
RESIDENT_BYTES = "process_resident_memory_bytes"
CPU_SECONDS = "process_cpu_seconds_total"
RUNTIME_LABEL = "runtime"


@dataclass(frozen=True, slots=True)
class HistogramTotals:
    """All series of a histogram together. `buckets`: cumulative counts by upper bound, +Inf among them; empty if the
    series have different bounds, for then they cannot be added up."""

    count: float
    sum: float
    buckets: Mapping[float, float]


@dataclass(frozen=True, slots=True)
class ExposedFigures:
    """None is what the server does not show. `by_status`: requests by status code, as text."""

    runtime: str
    durations: HistogramTotals | None
    by_status: Mapping[str, float]
    sent_bytes: float | None
    accepted: float | None
    resident_bytes: float | None
    cpu_seconds: float | None
    gc_pauses: HistogramTotals | None
    stalls: HistogramTotals | None


def read_exposition(
    body: bytes, exposition_format: ExpositionFormat, vocabularies: tuple[Vocabulary, ...]
) -> ExposedFigures:
    """Raises ExpositionError."""
    return figures_of(_with_canonical(parse_exposition(body, exposition_format).samples, vocabularies))


def figures_of(samples: Sequence[ExposedSample]) -> ExposedFigures:
    """Of all samples of one moment, those under canonical names among them."""
    runtimes = {sample.labels[RUNTIME_LABEL] for sample in samples if RUNTIME_LABEL in sample.labels} - {"other"}
    return ExposedFigures(
        runtime=min(runtimes, default=""),
        durations=_histogram(samples, DURATION),
        by_status=_by_status(samples),
        sent_bytes=_sum(samples, SENT_BYTES),
        accepted=_sum(samples, ACCEPTED),
        resident_bytes=_sum(samples, RESIDENT_BYTES),
        cpu_seconds=_sum(samples, CPU_SECONDS),
        gc_pauses=_histogram(samples, GC_PAUSE),
        stalls=_histogram(samples, STALL),
    )


def _with_canonical(samples: Sequence[ExposedSample], vocabularies: tuple[Vocabulary, ...]) -> Sequence[ExposedSample]:
    frame = LabelFrame.of([sample.labels for sample in samples])
    renamed = canonical_series(frame, frame.size, vocabularies, frozenset())
    copies = [
        ExposedSample(labels, samples[int(row)].value * float(multiplier) / float(divisor))
        for labels, row, multiplier, divisor in zip(
            renamed.labels.all_labels(), renamed.rows, renamed.multipliers, renamed.divisors, strict=True
        )
    ]
    return [*samples, *copies]


def _named(samples: Sequence[ExposedSample], name: str) -> list[ExposedSample]:
    return [sample for sample in samples if sample.labels[METRIC_NAME] == name]


def _sum(samples: Sequence[ExposedSample], name: str) -> float | None:
    found = _named(samples, name)
    return math.fsum(sample.value for sample in found) if found else None


def _histogram(samples: Sequence[ExposedSample], name: str) -> HistogramTotals | None:
    count, total = _sum(samples, f"{name}_count"), _sum(samples, f"{name}_sum")
    if count is None or total is None:
        return None
    return HistogramTotals(count, total, _buckets(_named(samples, f"{name}_bucket")))


def _buckets(samples: Sequence[ExposedSample]) -> dict[float, float]:
    series: dict[Labels, dict[float, float]] = {}
    for sample in samples:
        series.setdefault(sample.labels.without("le"), {})[float(sample.labels["le"])] = sample.value
    bounds = {tuple(sorted(buckets)) for buckets in series.values()}
    if len(bounds) != 1:
        return {}
    return {bound: math.fsum(buckets[bound] for buckets in series.values()) for bound in bounds.pop()}


def _by_status(samples: Sequence[ExposedSample]) -> dict[str, float]:
    found: dict[str, float] = {}
    for sample in _named(samples, f"{DURATION}_count"):
        status = sample.labels.get(STATUS, "")
        found[status] = found.get(status, 0.0) + sample.value
    return found
