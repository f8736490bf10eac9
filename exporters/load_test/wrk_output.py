"""wrk's text, and the line of JSON that wrk_summary.lua prints after it, which is exact and therefore goes first."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from exporters.errors import UnreadableRun
from exporters.load_test.output_lines import find, need
from exporters.load_test.runs import Latency, LoadTestRun, Tool

_TIME_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTE_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_TIME = r"(\d+\.\d\d)(us|ms|s|m|h)"
_JSON_LINE = re.compile(r'^\{"wrk_summary":1,.*\}$', re.MULTILINE)
_MICROSECOND = 1e-6


def parse_wrk(text: str) -> LoadTestRun:
    """`text` has whole lines only. Raises UnreadableRun."""
    run = _run_of_text(text)
    lines = _JSON_LINE.findall(text)
    return _with_summary(run, lines[-1]) if lines else run


def _run_of_text(text: str) -> LoadTestRun:
    header = need(r"Running \S+ test @ (\S+)", text, "wrk's line `Running … test @ URL`")
    load = need(r" +(\d+) threads and (\d+) connections", text, "wrk's line `N threads and M connections`")
    total = need(r" +(\d+) requests in (\d+\.\d\d)(us|ms|s|m|h), (\d+\.\d\d)([KMGT]?B) read", text, "wrk's total")
    rate = need(r"Requests/sec: +(\d+\.\d\d)", text, "wrk's line `Requests/sec:`")
    need(r"Transfer/sec: +\d+\.\d\d[KMGT]?B", text, "wrk's line `Transfer/sec:`")
    requests, errors = int(total[1]), _errors(text)
    return LoadTestRun(
        tool=Tool.WRK,
        url=header[1],
        threads=int(load[1]),
        connections=int(load[2]),
        requests=requests,
        duration_seconds=_seconds(total[2], total[3]),
        read_bytes=round(float(total[4]) * _BYTE_UNITS[total[5]]),
        requests_per_second=float(rate[1]),
        latency=_latency(text) if _has_latencies(requests, errors) else None,
        errors=errors,
    )


def _has_latencies(requests: int, errors: Mapping[str, int]) -> bool:
    """A timeout is a request whose answer came, but later than wrk notes latencies (its --timeout, 2 s)."""
    return requests > errors["timeout"]


def _latency(text: str) -> Latency:
    row = need(rf" +Latency +{_TIME} +{_TIME} +{_TIME} +\d+\.\d\d%", text, "wrk's row `Latency`")
    shares = re.findall(rf"^ +(\d+(?:\.\d+)?)% +{_TIME}$", text, re.MULTILINE)
    return Latency(
        mean=_seconds(row[1], row[2]),
        standard_deviation=_seconds(row[3], row[4]),
        maximum=_seconds(row[5], row[6]),
        quantiles={_quantile(percent): _seconds(number, unit) for percent, number, unit in shares},
    )


def _errors(text: str) -> dict[str, int]:
    """wrk prints these lines only if there was an error."""
    sockets = find(r" +Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    status = find(r" +Non-2xx or 3xx responses: (\d+)", text)
    counts = map(int, sockets.groups()) if sockets else (0, 0, 0, 0)
    return {**dict(zip(("connect", "read", "write", "timeout"), counts, strict=True)), "status": _count(status)}


def _count(found: re.Match[str] | None) -> int:
    return int(found[1]) if found else 0


def _with_summary(run: LoadTestRun, line: str) -> LoadTestRun:
    try:
        return _merged(run, json.loads(line))
    except (ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError) as error:
        raise UnreadableRun("the JSON line of wrk_summary.lua", "it whole, as the script prints it") from error


def _merged(run: LoadTestRun, summary: Mapping[str, Any]) -> LoadTestRun:
    duration_seconds = summary["duration_us"] * _MICROSECOND
    latency_us = summary["latency_us"]
    quantiles = {_quantile(percent): value * _MICROSECOND for percent, value in latency_us["percentiles"].items()}
    latency = Latency(
        mean=latency_us["mean"] * _MICROSECOND,
        standard_deviation=latency_us["stdev"] * _MICROSECOND,
        minimum=latency_us["min"] * _MICROSECOND,
        maximum=latency_us["max"] * _MICROSECOND,
        quantiles=quantiles,
    )
    requests = int(summary["requests"])
    errors = {kind: int(summary["errors"][kind]) for kind in ("connect", "read", "write", "timeout", "status")}
    return replace(
        run,
        requests=requests,
        duration_seconds=duration_seconds,
        requests_per_second=requests / duration_seconds,
        read_bytes=int(summary["bytes"]),
        latency=latency if _has_latencies(requests, errors) else None,
        errors=errors,
    )


def _seconds(number: str, unit: str) -> float:
    return float(number) * _TIME_UNITS[unit]


def _quantile(percent: str) -> float:
    return round(float(percent) / 100, 6)
