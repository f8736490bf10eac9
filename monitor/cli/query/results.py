"""Answers of the query API as rows, for tables and for CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitor.model.labels import METRIC_NAME, quote

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series of a result: points (seconds, text of the value), in time order. A scalar has no labels."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, str]]


def rows_of(data: Json) -> list[SeriesRow]:
    """The series of a `data` of /api/v1/query or /api/v1/query_range. Histograms are shown as their JSON."""
    kind, result = data["resultType"], data["result"]
    if kind in ("scalar", "string"):
        return [SeriesRow({}, [_point(result)])]
    return [SeriesRow(series["metric"], _points(series)) for series in result]


def _points(series: Json) -> list[tuple[float, str]]:
    single = [series[key] for key in ("value", "histogram") if key in series]
    several = [point for key in ("values", "histograms") for point in series.get(key, ())]
    return sorted(_point(point) for point in single + several)


def _point(pair: Sequence[Any]) -> tuple[float, str]:
    value = pair[1]
    return float(pair[0]), value if isinstance(value, str) else _histogram_text(value)


def _histogram_text(histogram: Json) -> str:
    return f"count {histogram['count']}, sum {histogram['sum']}"


def metric_text(labels: Mapping[str, str]) -> str:
    """`name{label="value"}`; `{}` without labels."""
    name = labels.get(METRIC_NAME, "")
    pairs = [f"{key}={quote(value)}" for key, value in sorted(labels.items()) if key != METRIC_NAME]
    return f"{name}{{{', '.join(pairs)}}}" if pairs or not name else name


def number(text: str) -> float:
    """The value of a point; NaN for what is no number."""
    try:
        return float(text.replace("Inf", "inf"))
    except ValueError:
        return float("nan")


def time_text(seconds: float) -> str:
    """RFC 3339 in UTC where there is such a date, else the seconds."""
    try:
        text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return str(seconds)
    return text.replace("+00:00", "Z").replace(".000Z", "Z")


def to_csv(rows: Sequence[SeriesRow]) -> str:
    """A line for each point: its time, the labels (a column for each name), the value."""
    names = sorted({name for row in rows for name in row.labels})
    lines = [
        [time_text(seconds), *(row.labels.get(name, "") for name in names), value]
        for row in rows
        for seconds, value in row.points
    ]
    return csv_text(["time", *names, "value"], lines)


def csv_text(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return file.getvalue()
