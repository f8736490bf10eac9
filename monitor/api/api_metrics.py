"""What the HTTP API says of itself on our own /metrics."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.005, 0.02, 0.1, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0)


@dataclass(frozen=True, slots=True)
class ApiMetrics:
    """`handler` is a path of the API with its placeholders, never what a client made up."""

    requests: Counter
    request_seconds: Histogram
    running_queries: Gauge
    query_samples: Counter
    written_samples: Counter
    refused_series: Counter

    @classmethod
    def register(cls, registry: CollectorRegistry) -> ApiMetrics:
        """Registers them; once for each registry."""

        def counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(f"plimsoll_{name}", text, labels, registry=registry)

        return cls(
            requests=counter("http_requests_total", "Answered requests.", ("handler", "code")),
            request_seconds=Histogram(
                "plimsoll_http_request_duration_seconds",
                "Time from a request's headers to the end of its answer.",
                ("handler",),
                registry=registry,
                buckets=_SECONDS,
            ),
            running_queries=Gauge("plimsoll_queries", "Queries under way or waiting for a place.", registry=registry),
            query_samples=counter("query_samples_total", "Samples loaded by queries."),
            written_samples=counter("remote_write_samples_total", "Samples taken by remote write."),
            refused_series=counter("remote_write_refused_series_total", "Series refused by remote write."),
        )
