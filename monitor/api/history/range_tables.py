"""Results of range queries as JSON lines, CSV, Parquet or Arrow, in the same shape as exports."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitor.api.endpoint import Parameter
from monitor.api.query_guard import QueryGuard
from monitor.history.exports.formats import ExportFormat, encoder_of, parse_export_format
from monitor.history.exports.runs import runs_of_matrix
from monitor.model.frame import Frame
from monitor.model.label_frame import LabelFrame
from monitor.promql.results import QueryResult

TABLE_FORMAT = Parameter(
    "format", "`jsonl`, `csv`, `parquet` or `arrow`: one row for each point. Default: Prometheus's JSON."
)
_PIECE_POINTS = 200_000


def table_format(text: str) -> ExportFormat | None:
    """None for Prometheus's JSON. Raises BadRequest."""
    return None if text in ("", "json") else parse_export_format(text)


def table_pieces(result: QueryResult, table: ExportFormat, guard: QueryGuard) -> Iterator[bytes]:
    """The file in pieces; `guard` is asked between them. Raises NotInstalled. Native histograms are left out."""
    frame = _frame_of(result)
    times_ms = result.steps.times_ms()
    encoder = encoder_of(table, frame.labels.names())
    yield encoder.begin()
    rows = max(1, _PIECE_POINTS // max(1, len(times_ms)))
    for first in range(0, frame.series, rows):
        guard.check()
        part = frame.take(np.arange(first, min(first + rows, frame.series)))
        yield encoder.encode(runs_of_matrix(part.labels, times_ms, part.values, part.present))
    yield encoder.end()


def _frame_of(result: QueryResult) -> Frame:
    """A range query gives a frame, whatever the type of its expression; one without steps gives nothing."""
    value = result.value
    return value if isinstance(value, Frame) else Frame(LabelFrame(0, {}), np.empty((0, result.steps.count)))
