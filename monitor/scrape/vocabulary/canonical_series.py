"""The series of a target once more, under canonical names: whose values they copy, and how those are converted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.config.vocabulary_config import Renaming, Scale, Sign, Vocabulary
from monitor.model.label_frame import LabelColumn, LabelFrame, Rows
from monitor.model.labels import METRIC_NAME
from monitor.scrape.exposition.go_float import format_openmetrics_float, parse_go_float
from monitor.scrape.vocabulary.choose_renamings import OTHER_RUNTIME, ChosenRenaming, choose_renamings, recognise

RUNTIME_LABEL = "runtime"
FRAMEWORK_LABEL = "framework"
_BUCKET_LABEL = "le"
_METHOD_LABEL = "http_request_method"
_STATUS_LABEL = "http_response_status_code"
_STATUS_CLASS_LABEL = "status_class"
_STATUS_CLASS = re.compile(r"[1-5]xx", re.IGNORECASE)
_SUMMARY_QUALITY = {"quality": "summary"}
# As in OpenTelemetry's http.request.method; anything else is _OTHER.
_METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"))

Factors = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalSeries:
    """V series beside those that a layout has.

    `labels` (V,) have no target labels; series v copies row `rows[v]` of the layout. Its value is the original's times
    `multipliers[v]` by `divisors[v]`, which are equal where the unit is the same.
    """

    labels: LabelFrame
    rows: Rows
    multipliers: Factors
    divisors: Factors

    @property
    def size(self) -> int:
        return self.labels.size


def canonical_series(
    frame: LabelFrame, plain: int, vocabularies: tuple[Vocabulary, ...], target_has: frozenset[str]
) -> CanonicalSeries:
    """What the first `plain` series of `frame` are called in the canonical vocabulary.

    Those with timestamps of their own, behind them, are not renamed. `target_has` are the labels `runtime` and
    `framework` if the target has them itself: they are then not derived.
    """
    column = frame.column(METRIC_NAME)
    codes = column.codes[:plain]
    names = {column.values[code]: code for code in np.unique(codes).tolist()} if vocabularies else {}
    derived = {
        RUNTIME_LABEL: recognise(names, _signs(vocabularies, RUNTIME_LABEL)) or OTHER_RUNTIME,
        FRAMEWORK_LABEL: recognise(names, _signs(vocabularies, FRAMEWORK_LABEL)),
    }
    extra = {name: text for name, text in derived.items() if text and name not in target_has}
    parts = [_renamed(frame, codes, names, chosen, extra) for chosen in choose_renamings(names, vocabularies)]
    empty = CanonicalSeries(LabelFrame(0, {}), np.empty(0, np.intp), np.empty(0), np.empty(0))
    return _joined(parts) if parts else empty


def _signs(vocabularies: Iterable[Vocabulary], label: str) -> list[Sign]:
    return [
        sign
        for vocabulary in vocabularies
        for sign in (vocabulary.runtimes if label == RUNTIME_LABEL else vocabulary.frameworks)
    ]


def _joined(parts: list[CanonicalSeries]) -> CanonicalSeries:
    return CanonicalSeries(
        LabelFrame.concat([part.labels for part in parts]),
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.multipliers for part in parts]),
        np.concatenate([part.divisors for part in parts]),
    )


def _renamed(
    frame: LabelFrame, codes: NDArray[np.int32], names: dict[str, int], chosen: ChosenRenaming, extra: dict[str, str]
) -> CanonicalSeries:
    scale = chosen.renaming.scale
    rows = np.flatnonzero(np.isin(codes, [names[name] for name in chosen.canonical_names]))
    is_scaled = np.isin(codes[rows], [names[name] for name in chosen.scaled])
    return CanonicalSeries(
        _canonical_labels(frame.take(rows), chosen, extra),
        rows,
        np.where(is_scaled, scale.multiplier, 1.0),
        np.where(is_scaled, scale.divisor, 1.0),
    )


def _canonical_labels(frame: LabelFrame, chosen: ChosenRenaming, extra: dict[str, str]) -> LabelFrame:
    renaming = chosen.renaming
    columns = {name: column for name, column in frame.columns.items() if column.codes.any()}
    columns[METRIC_NAME] = converted(columns[METRIC_NAME], lambda name: chosen.canonical_names[name])
    _rename_labels(columns, renaming)
    if not renaming.scale.is_one and _BUCKET_LABEL in columns:
        columns[_BUCKET_LABEL] = converted(columns[_BUCKET_LABEL], lambda bound: scaled_bound(bound, renaming.scale))
    constants = {**extra, **renaming.constants, **(_SUMMARY_QUALITY if chosen.is_summary else {})}
    for name, text in constants.items():
        if name not in columns:
            columns[name] = LabelColumn.constant(text, frame.size)
    return LabelFrame(frame.size, columns)


def _rename_labels(columns: dict[str, LabelColumn], renaming: Renaming) -> None:
    for name, canonical in renaming.labels.items():
        if name not in columns or (canonical in columns and canonical != name):
            continue
        column = _with_values(columns.pop(name), renaming.values.get(name, {}))
        if canonical == _METHOD_LABEL:
            column = converted(column, _method)
        is_class = canonical == _STATUS_LABEL and any(_STATUS_CLASS.fullmatch(text) for text in _used(column))
        columns[_STATUS_CLASS_LABEL if is_class else canonical] = column


def _with_values(column: LabelColumn, values: Mapping[str, str]) -> LabelColumn:
    return converted(column, lambda text: values.get(text, text))


def _method(text: str) -> str:
    if not text:
        return text
    return text.upper() if text.upper() in _METHODS else "_OTHER"


def _used(column: LabelColumn) -> list[str]:
    return [column.values[code] for code in column.used().tolist()]


def scaled_bound(text: str, scale: Scale) -> str:
    """The upper bound of a bucket in the base unit, written as Prometheus stores it; `text` if it is no number."""
    bound = parse_go_float(text)
    return text if bound is None else format_openmetrics_float(scale.of(bound))


def converted(column: LabelColumn, convert: Callable[[str], str]) -> LabelColumn:
    """`column` with its texts converted, but those of which several would become one, for then several series might.

    Unchanged if such a text is what another one becomes.
    """
    texts = _used(column)
    canonical = [convert(text) for text in texts]
    times = Counter(canonical)
    results = [each if times[each] == 1 else text for text, each in zip(texts, canonical, strict=True)]
    if len(set(results)) < len(results):
        return column
    code_by_text = {"": 0}
    lookup = [code_by_text.setdefault(text, len(code_by_text)) for text in results]
    return LabelColumn(np.array(lookup, np.int32)[np.searchsorted(column.used(), column.codes)], tuple(code_by_text))
