"""The metrics of probes, by blackbox_exporter's names, so that its dashboards and alerts fit; and what it lacks:
in which phase a probe failed and why.

A figure that was not reached is absent, not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric

from exporters.probe.connection import ConnectionFacts
from exporters.probe.modules import ProbeKind
from exporters.probe.phases import Phase
from exporters.probe.prober import HttpFacts, ProbeResult


@dataclass(frozen=True, slots=True)
class Figure:
    """A gauge with one number a probe; None is not exported."""

    name: str
    help: str
    value: Callable[[ProbeResult], float | None]


def _of_http(read: Callable[[HttpFacts], float | None]) -> Callable[[ProbeResult], float | None]:
    return lambda result: None if result.http is None else read(result.http)


def _of_connection(read: Callable[[ConnectionFacts], float | None]) -> Callable[[ProbeResult], float | None]:
    return lambda result: None if result.connection is None else read(result.connection)


# fmt: off
FIGURES = (
    Figure("probe_success", "1 if the target did what its module wants.", lambda result: result.failure is None),
    Figure("probe_duration_seconds", "How long the whole probe took.", lambda result: result.duration_seconds),
    Figure("probe_dns_lookup_time_seconds", "How long the name took to look up.",
           lambda result: result.seconds.get(Phase.RESOLVE)),
    Figure("probe_ip_protocol", "4 or 6, of the connection.",
           _of_connection(lambda connection: 6 if connection.is_ipv6 else 4)),
    Figure("probe_ssl_earliest_cert_expiry", "When the certificate ends, seconds since 1970.",
           _of_connection(lambda connection: connection.certificate_end_seconds)),
    Figure("probe_http_status_code", "Status of the last answer.", _of_http(lambda http: http.status)),
    Figure("probe_http_version", "HTTP version of the last answer.", _of_http(lambda http: float(http.version))),
    Figure("probe_http_content_length", "Length the last answer told; absent if it did not.",
           _of_http(lambda http: http.content_length)),
    Figure("probe_http_uncompressed_body_length", "Bytes of the last answer's body.",
           _of_http(lambda http: http.body_bytes)),
    Figure("probe_http_redirects", "Redirects followed.", _of_http(lambda http: http.redirects)),
    Figure("probe_http_ssl", "1 if the last answer came over TLS.", _of_http(lambda http: http.used_tls)),
    Figure("probe_failed_due_to_regex", "1 if the body was not the wanted one.",
           _of_http(lambda http: http.body_failed)),
)
# fmt: on

_DURATION_NAMES = {ProbeKind.HTTP: "probe_http_duration_seconds", ProbeKind.TCP: "probe_tcp_duration_seconds"}


@dataclass(frozen=True, slots=True)
class LabelledResult:
    """A result and the values of the labels it is exported with."""

    labels: tuple[str, ...]
    result: ProbeResult


def probe_families(results: Iterable[LabelledResult], label_names: tuple[str, ...] = ()) -> list[Metric]:
    """The families of all `results`; those that no result has a value for have no samples."""
    results = tuple(results)
    families: list[Metric] = [_figure_family(figure, results, label_names) for figure in FIGURES]
    for kind in ProbeKind:
        families.append(_duration_family(kind, results, label_names))
    tls = GaugeMetricFamily("probe_tls_version_info", "TLS version spoken.", labels=(*label_names, "version"))
    failed = GaugeMetricFamily(
        "probe_failed", "1 for the phase in which the probe failed, and why.", labels=(*label_names, "phase", "reason")
    )
    for each in results:
        if each.result.connection and each.result.connection.tls_version:
            tls.add_metric([*each.labels, each.result.connection.tls_version], 1)
        if each.result.failure:
            failed.add_metric([*each.labels, each.result.failure.phase, each.result.failure.reason], 1)
    return [*families, tls, failed]


def _figure_family(figure: Figure, results: tuple[LabelledResult, ...], label_names: tuple[str, ...]) -> Metric:
    family = GaugeMetricFamily(figure.name, figure.help, labels=label_names)
    for each in results:
        value = figure.value(each.result)
        if value is not None:
            family.add_metric(each.labels, float(value))
    return family


def _duration_family(kind: ProbeKind, results: tuple[LabelledResult, ...], label_names: tuple[str, ...]) -> Metric:
    family = GaugeMetricFamily(
        _DURATION_NAMES[kind],
        f"How long each phase of a {kind} probe took; connect is the connection set-up time.",
        labels=(*label_names, "phase"),
    )
    for each in results:
        for phase, seconds in each.result.seconds.items() if each.result.kind is kind else ():
            family.add_metric([*each.labels, phase], seconds)
    return family
