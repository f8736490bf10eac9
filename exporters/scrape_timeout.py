"""Collecting within the time of a scrape: one silent server must not take the figures of all others with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol
from wsgiref.types import WSGIApplication

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

# What a scrape needs for itself of the time Prometheus gives it, as in blackbox_exporter.
_SCRAPE_SECONDS = 0.5


class TimedCollector(Protocol):
    def collect_within(self, timeout_seconds: float | None) -> Iterable[Metric]:
        """Takes at most `timeout_seconds`, or what the settings say if that is less or it is None."""
        ...


def timed_application(collector: TimedCollector) -> WSGIApplication:
    """Answers with what `collector` gives in the time that the scraper says it has."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seconds = scrape_timeout_seconds(environ)
        return collecting_application(lambda: collector.collect_within(seconds))(environ, start_response)

    return answer


def collecting_application(collect: Callable[[], Iterable[Metric]]) -> WSGIApplication:
    """Answers with what `collect` gives; `name[]` in the query chooses among it.

    It is not called for what needs no metrics, such as OPTIONS, POST and /favicon.ico.
    """
    return make_wsgi_app(_Collecting(collect))


def scrape_timeout_seconds(environ: Mapping[str, Any]) -> float | None:
    """What is left of the time the scraper gives; None if it does not say, or says nonsense."""
    try:
        seconds = float(environ.get("HTTP_X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS", ""))
    except ValueError:
        return None
    return max(seconds - _SCRAPE_SECONDS, seconds / 2) if 0 < seconds < 3600 else None


def time_for_each(timeout_seconds: float | None, count: int, side_by_side: int) -> float | None:
    """What each of `count` has of a scrape when so many go `side_by_side` and all of the others are silent."""
    return None if timeout_seconds is None else timeout_seconds / max(math.ceil(count / side_by_side), 1)


class _Collecting(Collector):
    """As much of a registry as make_wsgi_app uses. A registry would collect once more to learn the names."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()

    def restricted_registry(self, names: Iterable[str]) -> Collector:
        registry = CollectorRegistry(auto_describe=True)
        registry.register(_Collected(tuple(self._collect())))
        return registry.restricted_registry(names)


class _Collected(Collector):
    def __init__(self, families: tuple[Metric, ...]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
