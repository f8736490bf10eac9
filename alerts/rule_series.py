"""The series that rules write, and the stale markers of those that they no longer write."""

from __future__ import annotations

import numpy as np

from alerts.alert_state import AlertsByLabels, AlertState
from alerts.rules import RecordingRule
from monitor.errors import EvaluationError
from monitor.model.frame import Frame
from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.native_histograms import COMPONENT_LABEL, Histograms, components_of
from monitor.model.samples import STALE, Indices, Values
from monitor.storage.interfaces import Appender

ALERTS = "ALERTS"
ALERTS_FOR_STATE = "ALERTS_FOR_STATE"
ALERT_STATE_LABEL = "alertstate"


def recorded_series(rule: RecordingRule, result: Frame, limit: int) -> tuple[LabelFrame, Values]:
    """The label sets (S,) and values (S,) that `rule` stores for its result; of native histograms, their components.

    Raises EvaluationError if two of them become equal or there are more than `limit` (0: any number).
    """
    labels = result.labels.with_column(METRIC_NAME, LabelColumn.constant(rule.name, result.series))
    for name, text in rule.labels:
        labels = labels.with_column(name, LabelColumn.constant(text, result.series))
    if labels.duplicate() is not None:
        raise EvaluationError("vector contains metrics with the same labelset after applying rule labels")
    if limit and labels.size > limit:
        raise EvaluationError(f"exceeded limit of {limit} with {labels.size} series")
    if result.histograms is None:
        return labels, result.values[:, 0]
    return _with_components(labels, result.values[:, 0], result.histograms[:, 0])


def _with_components(labels: LabelFrame, values: Values, histograms: Histograms) -> tuple[LabelFrame, Values]:
    rows: list[int] = []
    texts: list[str] = []
    numbers: list[float] = []
    for row, (value, histogram) in enumerate(zip(values.tolist(), histograms.tolist(), strict=True)):
        parts = [("", value)] if histogram is None else [(str(part), each) for part, each in components_of(histogram)]
        rows += [row] * len(parts)
        texts += [text for text, _ in parts]
        numbers += [number for _, number in parts]
    expanded = labels.take(np.array(rows, np.intp)).with_column(COMPONENT_LABEL, LabelColumn.of(texts))
    return expanded, np.array(numbers)


def alert_series(alerts: AlertsByLabels) -> tuple[LabelFrame, Values]:
    """ALERTS and ALERTS_FOR_STATE of each active alert: the label sets (S,) and their values (S,)."""
    values: dict[Labels, float] = {}
    for alert in alerts.values():
        if alert.state is AlertState.INACTIVE:
            continue
        state = {METRIC_NAME: ALERTS, ALERT_STATE_LABEL: alert.state.value}
        values[alert.labels.merged(state)] = 1.0
        values[alert.labels.merged({METRIC_NAME: ALERTS_FOR_STATE})] = float(alert.active_at_ms // 1000)
    return LabelFrame.of(list(values)), np.array(list(values.values()))


def vanished(before: LabelFrame, now: LabelFrame) -> Indices:
    """The rows of `before` whose label set is not in `now`."""
    grouping = LabelFrame.concat([now, before]).group()
    still_there = np.zeros(grouping.size, np.bool_)
    still_there[grouping.group[: now.size]] = True
    return np.flatnonzero(~still_there[grouping.group[now.size :]])


class SeriesWriter:
    """Writes what one rule gives at each evaluation; `written` are the series of the last one.

    It hands the appender the same LabelFrame object for as long as the series stay the same, which is cheap there.
    """

    def __init__(self, appender: Appender, source: str, written: LabelFrame) -> None:
        self._appender = appender
        self._source = source
        self.written = written

    def write(self, labels: LabelFrame, values: Values, at_ms: int) -> None:
        """One sample for each label set, and a stale marker for each that was there the last time and is not now."""
        if _are_same(self.written, labels):
            labels = self.written
        gone = vanished(self.written, labels) if labels is not self.written else np.empty(0, np.intp)
        if len(gone):
            row = LabelFrame.concat([labels, self.written.take(gone)])
            with_markers = np.concatenate([values, np.full(len(gone), STALE)])
            append_row(self._appender, self._source, row, with_markers, at_ms)
        elif labels.size:
            append_row(self._appender, self._source, labels, values, at_ms)
        self.written = labels


def append_row(appender: Appender, source: str, labels: LabelFrame, values: Values, at_ms: int) -> None:
    """One sample (values (S,)) of each of S series."""
    appender.append(source, labels, np.array([at_ms], np.int64), values[np.newaxis, :])


def _are_same(left: LabelFrame, right: LabelFrame) -> bool:
    """Whether both hold the same label sets in the same order."""
    if left.size != right.size or left.names() != right.names():
        return False
    return all(_is_same_column(left.column(name), right.column(name)) for name in left.names())


def _is_same_column(left: LabelColumn, right: LabelColumn) -> bool:
    if left.values is right.values or left.values == right.values:
        return bool(np.array_equal(left.codes, right.codes))
    return left.texts() == right.texts()
