"""What is remembered of a query that has ended: in upstream's shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from monitor.api.queries.asked_query import AskedQuery
from monitor.model.durations import rfc3339
from monitor.promql.results import QueryStatistics
from monitor.promql.steps import Steps
from monitor.promql.syntax.go_text import with_replacement

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class QueryRecord:
    """`seconds` from the arrival on, `queue_seconds` of them waiting; `statistics` None if it failed."""

    asked: AskedQuery
    ended_ms: int
    seconds: float
    queue_seconds: float
    error: str | None = None
    statistics: QueryStatistics | None = None
    loaded_samples: int = 0


def statistics_json(record: QueryRecord, steps: Steps | None = None) -> Json:
    """`stats` of an answer (util/stats/query_stats.go); with `steps` the samples of each of them too.

    `peakSamples` are the samples that this engine holds at once: all that it has loaded.
    """
    seconds = record.statistics.seconds if record.statistics else {}
    phases = [seconds.get(phase, 0.0) for phase in ("preparation", "evaluation", "result_sort")]
    preparation, evaluation, sort = phases
    timings = {
        "evalTotalTime": preparation + evaluation + sort,
        "resultSortTime": sort,
        "queryPreparationTime": preparation,
        "innerEvalTime": evaluation,
        "execQueueTime": record.queue_seconds,
        "execTotalTime": record.seconds,
    }
    return {"timings": timings, "samples": _samples_json(record, steps)}


def _samples_json(record: QueryRecord, steps: Steps | None) -> Json:
    counts = record.statistics.samples_by_step if record.statistics else None
    samples: Json = {}
    if steps is not None and counts is not None:
        times = [time_ms / 1000 for time_ms in steps.times_ms().tolist()]
        samples["totalQueryableSamplesPerStep"] = list(zip(times, counts.tolist(), strict=True))
    total = record.loaded_samples if counts is None else int(counts.sum())
    return {**samples, "totalQueryableSamples": total, "peakSamples": record.loaded_samples}


def log_json(record: QueryRecord) -> Json:
    """One line of the query log, with upstream's keys."""
    asked = record.asked
    params = {
        "end": _date(asked.end_ms),
        "query": with_replacement(asked.expression),
        "start": _date(asked.start_ms),
        "step": asked.step_ms // 1000,
    }
    line: Json = {
        "time": rfc3339(record.ended_ms),
        "level": "INFO",
        "source": "plimsoll",
        "msg": "promql query logged",
        "params": params,
    }
    if record.error is not None:
        line["error"] = with_replacement(record.error)
    line["stats"] = statistics_json(record)
    line["spanID"] = "0000000000000000"
    line["httpRequest"] = {"clientIP": with_replacement(asked.client), "method": asked.method, "path": asked.path}
    return line


def _date(time_ms: int) -> str:
    """With three digits of a second, as upstream's formatDate; a number where there is no such date."""
    try:
        text = rfc3339(time_ms)
    except (ValueError, OverflowError, OSError):
        return f"{time_ms / 1000:.3f}"
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return f"{whole}.{fraction.ljust(3, '0')}Z"
