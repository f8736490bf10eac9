"""Limits on labels, over all series at once. A series over a limit fails the scrape, as in Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitor.config.scrape_config import NameValidation, ScrapeLimits
from monitor.errors import ScrapeError, ScrapeFailure
from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.model.labels import METRIC_NAME, is_legacy_metric_name
from monitor.model.native_histograms import COMPONENT_LABEL

_SHOWN_CHARACTERS = 50


def check_names(frame: LabelFrame, validation: NameValidation) -> None:
    """Raises ScrapeError if a series has no metric name, or a name that is not valid or is ours."""
    metric_names = frame.column(METRIC_NAME)
    nameless = np.flatnonzero(metric_names.codes == 0)
    if len(nameless):
        raise ScrapeError(ScrapeFailure.PARSE, f"got no metric name in {frame.labels(int(nameless[0]))}, want one")
    if frame.column(COMPONENT_LABEL).codes.any():
        raise ScrapeError(ScrapeFailure.PARSE, f"got a label {COMPONENT_LABEL}, want none: it is reserved")
    if validation is NameValidation.UTF8:
        return
    names = [name for name in _used_texts(metric_names) if not is_legacy_metric_name(name)]
    names += [name for name in frame.names() if not validation.is_label_name(name)]
    if names:
        raise ScrapeError(ScrapeFailure.PARSE, f"got name {names[0]!r}, want letters, digits, underscores and colons")


def check_label_limits(frame: LabelFrame, limits: ScrapeLimits) -> None:
    """Raises ScrapeError if a series has too many labels, or a name or value that is too long, in bytes."""
    if limits.labels:
        counts = sum((np.asarray(column.codes != 0, np.int32) for column in frame.columns.values()), np.int32(0))
        most = int(np.max(counts, initial=0))
        if most > limits.labels:
            labels = frame.labels(int(np.argmax(counts)))
            raise _over("label_limit", labels.get(METRIC_NAME, ""), "number of labels", most, limits.labels)
    for name in frame.names():
        if limits.label_name_length and len(name.encode()) > limits.label_name_length:
            raise _over("label_name_length_limit", name, "length", len(name.encode()), limits.label_name_length)
        if limits.label_value_length:
            _check_value_lengths(name, frame.columns[name], limits.label_value_length)


def _check_value_lengths(name: str, column: LabelColumn, length_max: int) -> None:
    for text in _used_texts(column):
        length = len(text.encode())
        if length > length_max:
            raise _over("label_value_length_limit", f"{name}={text}", "length", length, length_max)


def _used_texts(column: LabelColumn) -> Iterator[str]:
    return (column.values[code] for code in column.used().tolist() if code)


def _over(limit: str, what: str, quantity: str, got: int, wanted: int) -> ScrapeError:
    shown = what if len(what) <= _SHOWN_CHARACTERS else f"{what[:_SHOWN_CHARACTERS]}..."
    return ScrapeError(ScrapeFailure.LIMIT, f"{limit} exceeded ({shown}: {quantity} {got}, limit {wanted})")
