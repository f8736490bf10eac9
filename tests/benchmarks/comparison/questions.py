"""What dashboards, alert rules and people ask about the fleet of fleet_history.py."""

from __future__ import annotations

from dataclasses import dataclass

from comparison.fleet_history import DURATION, REQUESTS, instance_name

HOUR_SECONDS = 3600
MEMORY, CPU = "process_resident_memory_bytes", "process_cpu_seconds_total"
_ONE = f'instance="{instance_name(7)}"'
_BY_SERVICE = f"sum by (service) (rate({REQUESTS}[5m]))"


@dataclass(frozen=True, slots=True)
class Question:
    """An expression at the end of the history, or every `step_seconds` of `span_seconds` before it, inclusive."""

    name: str
    expression: str
    span_seconds: int = 0
    step_seconds: int = 0

    def request(self, end: int) -> tuple[str, dict[str, str]]:
        """Path and parameters."""
        if not self.span_seconds:
            return "/api/v1/query", {"query": self.expression, "time": str(end)}
        span = {"start": str(end - self.span_seconds), "end": str(end), "step": str(self.step_seconds)}
        return "/api/v1/query_range", {"query": self.expression, **span}


def _slow(percentile: float, label: str) -> str:
    return f"histogram_quantile({percentile}, sum by ({label}, le) (rate({DURATION}_bucket[5m])))"


INSTANT_QUESTIONS = (
    Question("memory of one instance", f"{MEMORY}{{{_ONE}}}"),
    Question("requests/s of the fleet", f"sum(rate({REQUESTS}[5m]))"),
    Question("p99 by service", _slow(0.99, "service")),
    Question(
        "rule: share of errors by instance",
        f'sum by (instance) (rate({REQUESTS}{{status="503"}}[5m])) / sum by (instance) (rate({REQUESTS}[5m])) > 0.002',
    ),
    Question("rule: part of a service is down", "avg by (service) (up) < 1"),
    Question(
        "rule: too many slow requests",
        f'1 - sum by (service) (rate({DURATION}_bucket{{le="0.1"}}[5m]))'
        f" / sum by (service) (rate({DURATION}_count[5m])) > 0.05",
    ),
    Question("the ten busiest routes", f"topk(10, sum by (service, route) (rate({REQUESTS}[5m])))"),
)

RAW_COUNTERS = Question("6 h every request counter", REQUESTS, 6 * HOUR_SECONDS, 120)

RANGE_QUESTIONS = (
    Question("1 h memory of one instance", f"{MEMORY}{{{_ONE}}}", HOUR_SECONDS, 15),
    Question("1 h requests/s by service", _BY_SERVICE, HOUR_SECONDS, 15),
    Question("1 h p95 by zone", _slow(0.95, "zone"), HOUR_SECONDS, 15),
    Question(
        "1 h buckets of some routes",
        f'sum by (route) (rate({DURATION}_bucket{{route=~"/(cart|search|product).*|/", le!="+Inf"}}[2m]))',
        HOUR_SECONDS,
        30,
    ),
    Question("6 h requests/s by status", f"sum by (status) (rate({REQUESTS}[5m]))", 6 * HOUR_SECONDS, 60),
    Question("6 h p99 by service", _slow(0.99, "service"), 6 * HOUR_SECONDS, 60),
    Question("6 h largest memory by service", f"max by (service) ({MEMORY})", 6 * HOUR_SECONDS, 60),
    RAW_COUNTERS,
    Question("6 h max_over_time", f"max_over_time({MEMORY}[30m])", 6 * HOUR_SECONDS, 60),
    Question("6 h predict_linear", f"predict_linear({MEMORY}[1h], 3600)", 6 * HOUR_SECONDS, 60),
    Question("6 h quantile_over_time", f"quantile_over_time(0.9, {MEMORY}[30m])", 6 * HOUR_SECONDS, 60),
    Question("6 h subquery", f"max_over_time(sum(rate({REQUESTS}[1m]))[10m:30s])", 6 * HOUR_SECONDS, 300),
    Question("6 h CPU time of a request", f"sum by (service) (rate({CPU}[5m])) / {_BY_SERVICE}", 6 * HOUR_SECONDS, 60),
    Question(
        "6 h more than an hour before",
        f"sum(rate({REQUESTS}[5m])) / sum(rate({REQUESTS}[5m] offset 1h))",
        6 * HOUR_SECONDS,
        60,
    ),
)

QUESTIONS = (*INSTANT_QUESTIONS, *RANGE_QUESTIONS)
