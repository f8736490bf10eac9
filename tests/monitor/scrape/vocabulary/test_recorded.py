"""Expositions recorded from real servers, one for each library, through the shipped vocabularies.

Recorded with client_golang 1.23 and Gin, Go's standard library, the prometheus crate under tokio, hyperlane and Rocket,
the node preload of this repository, express-prom-bundle and fastify-metrics on prom-client 15, prometheus-fastapi-
instrumentator 8, starlette_exporter 0.24, prometheus-flask-exporter 0.23, OpenTelemetry's FastAPI instrumentation 0.66
with the old and the stable names, axum-prometheus 0.9, Spring Boot 3.5 with Micrometer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from vocabularies import canonical, map_body, stored

from monitor.config.vocabulary_config import JobVocabulary

RECORDED = Path(__file__).parent / "recorded"
DURATION = "http_server_request_duration_seconds"
STATUS_AND_ROUTE = 'http_response_status_code="200", http_route="'


@dataclass(frozen=True)
class Expected:
    """`paid` are the answered POST /pay by the count of the canonical histogram."""

    runtime: str
    framework: str
    metrics: frozenset[str]
    paid: int = 3


FLEET = frozenset(
    {DURATION, "http_server_requests_total", "http_server_active_requests", "http_server_sent_bytes_total"}
)
SIZES = frozenset({"http_server_response_body_size_bytes", "http_server_request_body_size_bytes"})
PROCESS = frozenset({"process_cpu_seconds_total", "process_open_fds", "process_max_fds"})
SPRING = frozenset(
    {DURATION, "http_server_active_requests", "server_connections_open", *PROCESS, "runtime_gc_pause_seconds"}
)
EXPECTED = {
    "fleet_gin": Expected("go", "", FLEET),
    "fleet_go-std": Expected("go", "", FLEET),
    "fleet_tokio": Expected("other", "", FLEET),
    "fleet_hyperlane": Expected("other", "", FLEET),
    "fleet_rust-std": Expected("other", "", FLEET),
    "fleet_rocket": Expected("rust", "rocket", FLEET),
    "node_express": Expected("node", "", frozenset({DURATION, "runtime_gc_pause_seconds"})),
    "node_fastify": Expected("node", "", frozenset({DURATION})),
    "py_fast": Expected("cpython", "", frozenset({DURATION, "http_server_requests_total", *SIZES}), paid=1),
    "py_star": Expected(
        "cpython",
        "starlette",
        frozenset({DURATION, "http_server_requests_total", "http_server_active_requests"}),
    ),
    "py_flask": Expected("cpython", "flask", frozenset({DURATION, "http_server_requests_total"})),
    "py_otel": Expected("cpython", "", frozenset({DURATION, *SIZES})),
    "rust_axum": Expected(
        "rust", "axum", frozenset({DURATION, "http_server_requests_total", "http_server_active_requests"})
    ),
    "jvm_spring": Expected("jvm", "spring", SPRING, paid=4),
}


def body_of(name: str) -> bytes:
    return (RECORDED / f"{name}.txt").read_bytes()


def metric_of(series: str) -> str:
    name = series.partition("{")[0]
    return name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_library_is_understood(name: str) -> None:
    expected, found = EXPECTED[name], canonical(body_of(name))
    assert {metric_of(series) for series in found} == expected.metrics
    assert all(f'runtime="{expected.runtime}"' in series for series in found)
    frameworks = {f'framework="{expected.framework}"' in series for series in found}
    assert frameworks == {bool(expected.framework)}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_requests_are_counted_by_method_and_route(name: str) -> None:
    paid = [
        value
        for series, value in canonical(body_of(name)).items()
        if series.startswith(f"{DURATION}_count") and 'http_request_method="POST"' in series and '"/pay"' in series
    ]
    assert sum(paid) == EXPECTED[name].paid


@pytest.mark.parametrize("name", sorted({*EXPECTED, "fleet_node-std", "py_otel_stable"}))
def test_originals_are_untouched(name: str) -> None:
    without, with_vocabulary = stored(map_body(body_of(name), JobVocabulary())), stored(map_body(body_of(name)))
    assert list(with_vocabulary.items())[: len(without)] == list(without.items())


@pytest.mark.parametrize("name", ["fleet_node-std", "py_otel_stable"])
def test_what_has_the_canonical_names_already_is_not_counted_twice(name: str) -> None:
    assert DURATION not in {metric_of(series) for series in canonical(body_of(name))}


def test_milliseconds_of_opentelemetry_are_seconds() -> None:
    found = canonical(body_of("py_otel"))
    bounds = {series for series in found if series.startswith(f"{DURATION}_bucket") and 'le="0.005"' in series}
    originals = stored(map_body(body_of("py_otel"), JobVocabulary()))
    total_ms = sum(
        value for name, value in originals.items() if name.startswith("http_server_duration_milliseconds_sum")
    )
    total = sum(value for series, value in found.items() if series.startswith(f"{DURATION}_sum"))
    assert bounds
    assert total == pytest.approx(total_ms / 1000, rel=1e-12)


def test_nanoseconds_of_cpu_time_are_seconds() -> None:
    found = canonical(body_of("jvm_spring"))
    assert found['process_cpu_seconds_total{framework="spring", runtime="jvm"}'] == 8.3


def test_a_summary_of_pauses_says_that_it_is_one() -> None:
    pauses = [series for series in canonical(body_of("jvm_spring")) if series.startswith("runtime_gc_pause_seconds")]
    assert {'quality="summary"' in series for series in pauses} == {True}
    assert {'kind="major"' in series for series in pauses} == {True, False}
