"""Everything the lines of one access log have said so far, added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from exporters.access_log.line_format import Columns, Row
from exporters.access_log.routes import OTHER, Routes, RouteSettings
from exporters.asgi import KNOWN_METHODS, HttpMetricsSettings
from exporters.duration_histogram import BucketBounds

_SECOND_NS = 1_000_000_000
# 30 years: beyond, a number is not a duration, or not a size.
_LONGEST_NS = 10**18
_LARGEST_BYTES = 1 << 62

# Bucket and amount of a value; None for a value that is none, such as "-".
Placed = tuple[int, int] | None
SeriesKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class AccessLogSettings:
    """`series_max`: combinations of method, route and status; beyond, the route is `_OTHER`.

    `cached_max`: texts of each kind whose meaning is remembered; full, the memory is emptied.
    """

    routes: RouteSettings = field(default_factory=RouteSettings)
    series_max: int = 2_000
    cached_max: int = 50_000
    duration_buckets_seconds: tuple[float, ...] = HttpMetricsSettings().duration_buckets_seconds
    size_buckets_bytes: tuple[int, ...] = HttpMetricsSettings().body_buckets_bytes


DEFAULT_ACCESS_LOG_SETTINGS = AccessLogSettings()


@dataclass(slots=True)
class RequestTotals:
    """Of one method, route and status. `durations` and `sizes` are counts per bucket, of the lines that have one."""

    durations: list[int]
    sizes: list[int]
    requests: int = field(default=0)
    duration_sum_ns: int = field(default=0)
    size_sum: int = field(default=0)


class AccessTotals:
    """Of one log, whose rows have `columns`. For one thread at a time."""

    def __init__(self, columns: Columns, settings: AccessLogSettings = DEFAULT_ACCESS_LOG_SETTINGS) -> None:
        self.columns = columns
        self.duration_bounds = BucketBounds(settings.duration_buckets_seconds)
        # A byte is a nanosecond here: the same buckets of whole numbers do for both.
        self.size_bounds = BucketBounds([size / _SECOND_NS for size in settings.size_buckets_bytes])
        self.size_texts = (*map(str, map(float, settings.size_buckets_bytes)), "+Inf")
        self.series: dict[SeriesKey, RequestTotals] = {}
        self.unrecognised = 0
        # Whether a line had one so far. A format tells less: nginx's combined may end with a duration or not.
        self.has_durations = False
        self.has_sizes = False
        self._settings = settings
        self._routes = Routes(settings.routes)
        self._by_raw: dict[tuple[Any, Any, Any], RequestTotals] = {}
        self._durations: dict[Any, Placed] = {}
        self._sizes: dict[Any, Placed] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """The inner loop of the exporter: 1 µs a row while the texts repeat."""
        columns = self.columns
        method, target, status = columns.method, columns.target, columns.status
        size, duration = columns.size, columns.duration
        by_raw, durations, sizes = self._by_raw, self._durations, self._sizes
        for row in rows:
            raw = (row[method], row[target], row[status])
            totals = by_raw.get(raw)
            if totals is None:
                totals = self._totals_of(*raw)
            totals.requests += 1
            text = row[duration]
            placed = durations[text] if text in durations else self._remember(durations, text, self._place_duration)
            if placed is not None:
                totals.durations[placed[0]] += 1
                totals.duration_sum_ns += placed[1]
            text = row[size]
            placed = sizes[text] if text in sizes else self._remember(sizes, text, self._place_size)
            if placed is not None:
                totals.sizes[placed[0]] += 1
                totals.size_sum += placed[1]

    def _totals_of(self, method: Any, target: Any, status: Any) -> RequestTotals:
        method_label = method if method in KNOWN_METHODS else OTHER
        status_label = _status_label(status)
        route = self._routes.route_of(target if isinstance(target, str) else "", status_label)
        key = (method_label, route, status_label)
        if key not in self.series and len(self.series) >= self._settings.series_max:
            key = (method_label, OTHER, status_label)
        totals = self.series.get(key)
        if totals is None:
            totals = RequestTotals([0] * len(self.duration_bounds), [0] * len(self.size_bounds))
            self.series[key] = totals
        if route:  # a path without a route may get one from a later answer
            self._remember(self._by_raw, (method, target, status), lambda _: totals)
        return totals

    def _remember(self, cache: dict[Any, Any], text: Any, meaning: Callable[[Any], Any]) -> Any:
        if len(cache) >= self._settings.cached_max:
            cache.clear()
        found = cache[text] = meaning(text)
        return found

    def _place_duration(self, text: Any) -> Placed:
        value = _number(text)
        nanoseconds = -1 if value is None else round(value * self.columns.duration_unit_ns)
        if not 0 <= nanoseconds < _LONGEST_NS:
            return None
        self.has_durations = True
        return self.duration_bounds.index_of(nanoseconds), nanoseconds

    def _place_size(self, text: Any) -> Placed:
        value = _number(text)
        size = -1 if value is None else int(value)
        if not 0 <= size < _LARGEST_BYTES:
            return None
        self.has_sizes = True
        return self.size_bounds.index_of(size), size


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if abs(value) < 1e18 else None


def _status_label(status: Any) -> str:
    """The three digits; "" for what means that there was no answer (0, -), `_OTHER` for what is no status."""
    text = str(status)
    if text in ("0", "-", "000"):
        return ""
    return text if len(text) == 3 and text.isascii() and text.isdigit() and "100" <= text <= "599" else OTHER
