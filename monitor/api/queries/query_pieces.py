"""The body of a query's answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import orjson

from monitor.api.answers import closing_piece
from monitor.api.queries.query_record import QueryRecord, statistics_json
from monitor.api.shapes.result_json import result_pieces
from monitor.model.frame import Frame
from monitor.promql.limits import Guard
from monitor.promql.plan import Memo
from monitor.promql.ranges.range_vectors import SampleRuns
from monitor.promql.results import QueryResult

TRUNCATED = "results truncated due to limit"
_ALL_STATISTICS = "all"
_REMARKS_MAX = 10


def query_pieces(
    result: QueryResult, record: QueryRecord, guard: Guard, memo: Memo, *, limit: int, statistics: str
) -> Iterator[bytes]:
    """The answer in pieces: at most `limit` series unless that is 0, and the `statistics` asked for.

    `memo` is of the plan.
    """
    shown, is_truncated = _truncated(result, limit)
    yield b'{"status":"success","data":{"resultType":"%b","result":' % shown.type.value.encode()
    yield from result_pieces(shown, guard, memo)
    if statistics:
        steps = result.steps if statistics == _ALL_STATISTICS else None
        yield b',"stats":' + orjson.dumps(statistics_json(record, steps))
    if not (shown.warnings or shown.infos or is_truncated):
        yield b"}}"
        return
    warnings = _first_remarks(shown.warnings, "warning")
    yield b"}" + closing_piece(
        [*warnings, TRUNCATED] if is_truncated else warnings, _first_remarks(shown.infos, "info")
    )


def _first_remarks(remarks: Sequence[str], kind: str) -> list[str]:
    """As many as upstream shows, and how many more there are."""
    more = len(remarks) - _REMARKS_MAX
    omitted = [f"{more} more {kind} annotations omitted"] if more > 0 else []
    return [*remarks[:_REMARKS_MAX], *omitted]


def _truncated(result: QueryResult, limit: int) -> tuple[QueryResult, bool]:
    """With at most `limit` series, if that is not 0; and whether some were left out."""
    value = result.value
    if isinstance(value, Frame) and 0 < limit < value.series:
        return replace(result, value=value.take(np.arange(limit))), True
    if isinstance(value, SampleRuns) and 0 < limit < value.labels.size:
        end = int(value.starts[limit])
        labels, starts = value.labels.take(np.arange(limit)), value.starts[: limit + 1]
        return replace(result, value=SampleRuns(labels, starts, value.timestamps_ms[:end], value.values[:end])), True
    return result, False
