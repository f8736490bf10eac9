"""hey's summary."""

from __future__ import annotations

import re

from exporters.errors import UnreadableRun
from exporters.load_test.output_lines import find, need
from exporters.load_test.runs import Latency, LoadTestRun, Tool

_SECONDS = r"(\d+\.\d{4}) secs"
# hey prints the duration with four digits behind the point.
_DURATION_ROUNDING_SECONDS = 0.00005


def parse_hey(text: str) -> LoadTestRun:
    """`text` has whole lines only. Raises UnreadableRun."""
    duration_seconds = float(need(rf" +Total:\s+{_SECONDS}", text, "hey's line `Total:`")[1])
    rate = float(need(r" +Requests/sec:\s+(\d+\.\d{4})", text, "hey's line `Requests/sec:`")[1])
    need(r"Status code distribution:", text, "hey's `Status code distribution:`")
    answers, failures = text.partition("Status code distribution:")[2].partition("Error distribution:")[::2]
    statuses = {code: int(count) for code, count in re.findall(r"^ +\[(\d{3})\]\t(\d+) responses$", answers, re.M)}
    failed = sum(int(count) for count in re.findall(r"^ +\[(\d+)\]\t.+$", failures, re.M))
    requests = sum(statuses.values())
    _check_nothing_cut_off(requests + failed, rate, duration_seconds)
    data = find(r" +Total data:\s+(\d+) bytes", text)
    return LoadTestRun(
        tool=Tool.HEY,
        duration_seconds=duration_seconds,
        requests=requests,
        requests_per_second=rate,
        latency=_latency(text) if requests else None,
        errors={"status": sum(count for code, count in statuses.items() if code >= "400"), "request": failed},
        read_bytes=int(data[1]) if data else None,
        phases=_phases(text) if requests else {},
        statuses=statuses,
    )


def _check_nothing_cut_off(counted: int, rate: float, duration_seconds: float) -> None:
    """hey does not print how many requests it made: only rate and duration tell if all statuses are there."""
    if abs(rate * duration_seconds - counted) > rate * _DURATION_ROUNDING_SECONDS + 0.5:
        raise UnreadableRun(
            "hey's status codes", f"{rate * duration_seconds:.0f} requests by rate and duration, got {counted}"
        )


def _latency(text: str) -> Latency:
    slowest = need(rf" +Slowest:\s+{_SECONDS}", text, "hey's line `Slowest:`")
    fastest = need(rf" +Fastest:\s+{_SECONDS}", text, "hey's line `Fastest:`")
    mean = need(rf" +Average:\s+{_SECONDS}", text, "hey's line `Average:`")
    shares = re.findall(rf"^ +(\d+)%+ in {_SECONDS}$", text, re.M)
    return Latency(
        mean=float(mean[1]),
        minimum=float(fastest[1]),
        maximum=float(slowest[1]),
        quantiles={int(percent) / 100: float(seconds) for percent, seconds in shares},
    )


def _phases(text: str) -> dict[str, Latency]:
    """`connect` has the look-up of the name in it."""
    names = {"connect": r"DNS\+dialup", "lookup": "DNS-lookup", "write": "req write"}
    names |= {"waiting": "resp wait", "read": "resp read"}
    phases = {}
    for name, label in names.items():
        row = find(rf" +{label}:\s+{_SECONDS}, {_SECONDS}, {_SECONDS}", text)
        if row is not None:
            phases[name] = Latency(mean=float(row[1]), minimum=float(row[2]), maximum=float(row[3]))
    return phases
