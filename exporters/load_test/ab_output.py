"""ab's text, its percentiles as CSV (-e) and its requests as tab separated values (-g)."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import replace

from exporters.errors import UnreadableRun
from exporters.load_test.output_lines import find, need, whole_lines
from exporters.load_test.runs import Latency, LoadTestRun, Tool

_MS = 1e-3
_PHASES = ("Connect", "Processing", "Waiting", "Total")
_TABLE_QUANTILES = (0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
_PERCENTILES_HEADER = "Percentage of the requests served within a certain time (ms)"
_GNUPLOT_HEADER = ["starttime", "seconds", "ctime", "dtime", "ttime", "wait"]


def parse_ab(text: str) -> LoadTestRun:
    """`text` has whole lines only. Raises UnreadableRun.

    The mean is that of `Time per request`, to the microsecond: duration × concurrency / requests. The row `Total:`,
    among the phases, has whole milliseconds.
    """
    requests = int(need(r"Complete requests: +(\d+)", text, "ab's line `Complete requests:`")[1])
    rate = need(r"Requests per second: +(\d+\.\d\d) \[#/sec\] \(mean\)", text, "ab's line `Requests per second:`")
    duration = need(r"Time taken for tests: +(\d+\.\d{3}) seconds", text, "ab's line `Time taken for tests:`")
    transferred = need(r"Total transferred: +(\d+) bytes", text, "ab's line `Total transferred:`")
    load = need(r"Concurrency Level: +(\d+)", text, "ab's line `Concurrency Level:`")
    mean = need(r"Time per request: +(\d+\.\d{3}) \[ms\] \(mean\)", text, "ab's line `Time per request:`")
    phases = {name.lower(): _phase(name, text) for name in _PHASES} if requests else {}
    total = phases.get("total")
    return LoadTestRun(
        tool=Tool.AB,
        url=_url(text),
        connections=int(load[1]),
        requests=requests,
        duration_seconds=float(duration[1]),
        read_bytes=int(transferred[1]),
        requests_per_second=float(rate[1]),
        latency=replace(total, mean=float(mean[1]) * _MS, quantiles=_percentiles(text)) if total else None,
        errors=_errors(text),
        keep_alive_requests=_count(r"Keep-Alive requests: +(\d+)", text, None),
        phases=phases,
    )


def with_percentiles(run: LoadTestRun, percentiles_csv: str) -> LoadTestRun:
    """`run` with the quantiles of ab -e, in microseconds where its text has milliseconds. Raises UnreadableRun."""
    rows = list(csv.reader(io.StringIO(whole_lines(percentiles_csv))))
    if not rows or rows[0] != ["Percentage served", "Time in ms"] or rows[-1][0] != "100" or run.latency is None:
        raise UnreadableRun("ab's CSV", "its header and a row for each percentage up to 100, and a run with requests")
    try:
        quantiles = {int(percent) / 100: float(ms) * _MS for percent, ms in rows[1:]}
    except ValueError as error:
        raise UnreadableRun("ab's CSV", "a percentage and a number in every row") from error
    kept = {quantile: seconds for quantile, seconds in quantiles.items() if quantile in _TABLE_QUANTILES}
    return replace(run, latency=replace(run.latency, quantiles=kept, maximum=quantiles[1.0]))


def with_requests(run: LoadTestRun, requests_tsv: str) -> LoadTestRun:
    """`run` with the quantiles, in whole milliseconds, and the end of what ab -g lists. Raises UnreadableRun."""
    rows = list(csv.reader(io.StringIO(whole_lines(requests_tsv)), delimiter="\t"))
    if not rows or rows[0] != _GNUPLOT_HEADER or len(rows) - 1 != run.requests or run.latency is None:
        raise UnreadableRun("ab's table of requests", f"its header and {run.requests} rows, one for each request")
    try:
        total_ms = sorted(int(row[4]) for row in rows[1:])
        ends = [int(row[1]) + int(row[4]) * _MS for row in rows[1:]]
    except (ValueError, IndexError) as error:
        raise UnreadableRun("ab's table of requests", "six columns with numbers in every row") from error
    quantiles = run.latency.quantiles or {each: _nearest_rank(total_ms, each) * _MS for each in _TABLE_QUANTILES}
    quantiles = {**quantiles, 0.999: _nearest_rank(total_ms, 0.999) * _MS}
    return replace(run, latency=replace(run.latency, quantiles=quantiles), ended_seconds=max(ends))


def _phase(name: str, text: str) -> Latency:
    number = r"(\d+)"
    row = need(rf"{name}: +{number} +{number} +(\d+\.\d) +{number} +{number}", text, f"ab's row `{name}:`")
    return Latency(
        minimum=int(row[1]) * _MS,
        mean=int(row[2]) * _MS,
        standard_deviation=float(row[3]) * _MS,
        quantiles={0.5: int(row[4]) * _MS},
        maximum=int(row[5]) * _MS,
    )


def _percentiles(text: str) -> dict[float, float]:
    """Empty if ab was told not to print them, or had a single request."""
    if _PERCENTILES_HEADER not in text:
        return {}
    need(r" 100% +(\d+) \(longest request\)", text, "the last of ab's percentiles")
    rows = re.findall(r"^ +(\d\d)% +(\d+)$", text.partition(_PERCENTILES_HEADER)[2], re.MULTILINE)
    return {int(percent) / 100: int(ms) * _MS for percent, ms in rows}


def _errors(text: str) -> dict[str, int]:
    """ab tells the kinds only if there are any."""
    need(r"Failed requests: +(\d+)", text, "ab's line `Failed requests:`")
    kinds = find(r" +\(Connect: (\d+), Receive: (\d+), Length: (\d+), Exceptions: (\d+)\)", text)
    counts: Sequence[int] = [int(each) for each in kinds.groups()] if kinds else (0, 0, 0, 0)
    return {
        **dict(zip(("connect", "receive", "length", "exceptions"), counts, strict=True)),
        "write": _count(r"Write errors: +(\d+)", text, 0) or 0,
        "status": _count(r"Non-2xx responses: +(\d+)", text, 0) or 0,
    }


def _count(pattern: str, text: str, default: int | None) -> int | None:
    found = find(pattern, text)
    return int(found[1]) if found else default


def _url(text: str) -> str | None:
    """ab prints the parts and not the scheme."""
    host = find(r"Server Hostname: +(\S+)", text)
    port = find(r"Server Port: +(\d+)", text)
    path = find(r"Document Path: +(\S+)", text)
    if not (host and port and path):
        return None
    scheme = "https" if find(r"SSL/TLS Protocol: .*", text) else "http"
    return f"{scheme}://{host[1]}:{port[1]}{path[1]}"


def _nearest_rank(ascending: Sequence[int], quantile: float) -> int:
    return ascending[max(math.ceil(quantile * len(ascending)) - 1, 0)]
