"""Totals of access logs as metric families, with the names of the ASGI exporter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from exporters.access_log.totals import AccessTotals, RequestTotals
from exporters.duration_histogram import NANOSECONDS_PER_SECOND, cumulated

_LABELS = ("log", "http_request_method", "http_route", "http_response_status_code")


@dataclass(frozen=True, slots=True)
class LabelledTotals:
    log: str
    totals: AccessTotals


def access_families(logs: Iterable[LabelledTotals]) -> list[Metric]:
    """What no line of a log had so far is absent; without logs the families are empty but there."""
    logs = tuple(logs)
    requests = CounterMetricFamily("http_server_requests", "Requests in the log.", labels=_LABELS)
    for labels, _, series in _all_series(logs):
        requests.add_metric(labels, series.requests)
    return [requests, _durations(logs), _body_sizes(logs), _sent_bytes(logs)]


def _all_series(logs: Iterable[LabelledTotals]) -> Iterator[tuple[list[str], AccessTotals, RequestTotals]]:
    for log in logs:
        for key, series in log.totals.series.items():
            yield [log.log, *key], log.totals, series


def _durations(logs: Iterable[LabelledTotals]) -> Metric:
    family = HistogramMetricFamily(
        "http_server_request_duration_seconds",
        "Time from the request to the last byte of its answer, as the server logged it.",
        labels=_LABELS,
    )
    for labels, totals, series in _all_series(logs):
        if totals.has_durations:
            buckets = cumulated(totals.duration_bounds.texts, series.durations)
            family.add_metric(labels, buckets, series.duration_sum_ns / NANOSECONDS_PER_SECOND)
    return family


def _body_sizes(logs: Iterable[LabelledTotals]) -> Metric:
    family = HistogramMetricFamily(
        "http_server_response_body_size_bytes", "Bytes of the answer's body, as the server logged it.", labels=_LABELS
    )
    for labels, totals, series in _all_series(logs):
        if totals.has_sizes and totals.columns.size_is_body:
            family.add_metric(labels, cumulated(totals.size_texts, series.sizes), series.size_sum)
    return family


def _sent_bytes(logs: Iterable[LabelledTotals]) -> Metric:
    family = CounterMetricFamily(
        "http_server_sent_bytes", "Bytes sent for the requests in the log, headers included.", labels=_LABELS
    )
    for labels, totals, series in _all_series(logs):
        if totals.has_sizes and not totals.columns.size_is_body:
            family.add_metric(labels, series.size_sum)
    return family
