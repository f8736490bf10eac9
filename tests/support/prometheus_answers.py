"""What a Prometheus answers to queries, in a form that can be compared with our own answers."""

from __future__ import annotations

import http.client
import math
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson

_RELATIVE_ERROR_MAX = 1e-9
_OMITTED = re.compile(r"(\d+) more (?:warning|info) annotations omitted")
_WRITE_HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_FORM_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
LabelSet = tuple[tuple[str, str], ...]
Points = dict[int, float]
"""Values by timestamp in milliseconds."""


@dataclass(frozen=True, slots=True)
class Query:
    """An instant query if `step_ms` is None."""

    expression: str
    start_ms: int
    end_ms: int
    step_ms: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A number is one series without labels, a string one with the label `string`."""

    series: dict[LabelSet, Points] = field(default_factory=dict)
    remarks: frozenset[str] = frozenset()
    error: str | None = None

    def difference(self, other: Answer) -> str | None:
        """Where the two are not the same, versions aside; the order of series does not count."""
        if self.error is not None or other.error is not None:
            same = self.error is not None and other.error is not None and _same_error(self.error, other.error)
            return None if same else f"got {self.error or self.series}, want {other.error or other.series}"
        if self.series.keys() != other.series.keys():
            return f"got the series {list(self.series)}, want {list(other.series)}"
        for labels, points in self.series.items():
            if points.keys() != other.series[labels].keys():
                return f"{labels}: got values at {list(points)}, want {list(other.series[labels])}"
            for at, value in points.items():
                if not _same_number(value, other.series[labels][at]):
                    return f"{labels} at {at}: got {value}, want {other.series[labels][at]}"
        if any(_OMITTED.fullmatch(remark) for remark in other.remarks):
            same = _count_remarks(self.remarks) == _count_remarks(other.remarks)
            return None if same else f"got {len(self.remarks)} remarks, want {sorted(other.remarks)}"
        ours, theirs = set(map(_remark, self.remarks)), set(map(_remark, other.remarks))
        return None if ours == theirs else f"got the remarks {ours - theirs}, want {theirs - ours}"


def _count_remarks(remarks: frozenset[str]) -> int:
    """Those that are only counted too: which ten Prometheus shows is random."""
    omitted = [int(match[1]) for match in map(_OMITTED.fullmatch, remarks) if match]
    return len(remarks) - len(omitted) + sum(omitted)


def _same_error(ours: str, theirs: str) -> bool:
    """Which duplicates are named depends on the order of series, which is random in Prometheus."""
    duplicates = "found duplicate series for the match group"
    return ours == theirs or (ours.startswith(duplicates) and theirs.startswith(duplicates))


def _same_number(ours: float, theirs: float) -> bool:
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    return math.isclose(ours, theirs, rel_tol=_RELATIVE_ERROR_MAX)


def _remark(text: str) -> str:
    """Without metric names and details about monotonicity, which 3.14 tells in other cases than 3.5."""
    if "bucket label" in text or "monotonicity" in text:
        text = re.sub(r' for metric name "[^"]*"', "", text)
        text = re.sub(r", from buckets .* \(", " (", text)
    return text


class PrometheusAnswers:
    """Writes to a Prometheus and queries it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def write(self, body: bytes) -> None:
        self._connection.request("POST", "/api/v1/write", body, _WRITE_HEADERS)
        response = self._connection.getresponse()
        text = response.read()
        assert response.status < 300, f"got status {response.status}: {text!r}"

    def answer(self, query: Query) -> Answer:
        if query.step_ms is None:
            reply = self.post("query", query=query.expression, time=_seconds(query.start_ms))
        else:
            times = {"start": query.start_ms, "end": query.end_ms, "step": query.step_ms}
            reply = self.post("query_range", query=query.expression, **{k: _seconds(v) for k, v in times.items()})
        if reply["status"] == "error":
            return Answer(error=reply["error"].removeprefix('invalid parameter "query": '))
        remarks = frozenset([*reply.get("warnings", ()), *reply.get("infos", ())])
        return Answer(_series(reply["data"]), remarks)

    def close(self) -> None:
        self._connection.close()

    def post(self, path: str, **parameters: str) -> Any:
        self._connection.request("POST", f"/api/v1/{path}", urlencode(parameters), _FORM_HEADERS)
        return orjson.loads(self._connection.getresponse().read())


def _seconds(time_ms: int) -> str:
    return f"{time_ms / 1000:.3f}"


def _series(data: Any) -> dict[LabelSet, Points]:
    if data["resultType"] == "string":
        at, text = data["result"]
        return {(("string", text),): {round(at * 1000): 0.0}}
    if data["resultType"] == "scalar":
        return {(): _points([data["result"]])}
    return {
        tuple(sorted(series["metric"].items())): _points(series.get("values") or [series["value"]])
        for series in data["result"]
    }


def _points(pairs: list[tuple[float, str]]) -> Points:
    return {round(at * 1000): float(text.replace("Inf", "inf")) for at, text in pairs}
