"""A made-up fleet of web servers: which series they have and how their values go on.

The same shape and times give the same values. Requests follow a daily swing with noise. One of four instances restarts
once: two scrapes without its series, `up` 0, counters from zero. Latencies are log-normal and grow with the load,
memory walks in pages, most gauges are small integers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.float64]
SEED = 20_260
JOB = "shop"
SERVICES = ("cart", "catalog", "checkout", "login", "mail", "pictures", "search", "stock")
ZONES = ("a", "b", "c")
ROUTES = (
    "/",
    "/product/{id}",
    "/cart",
    "/cart/{id}/item",
    "/search",
    "/search/suggest",
    "/order",
    "/order/{id}",
    "/login",
)
EDGES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
REQUESTS, DURATION = "http_server_requests_total", "http_server_request_duration_seconds"
RESTART_PART = 0.25
RESTART_STEPS = 2
DAY_SECONDS = 86_400
PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class FleetShape:
    """`series` of each instance, `up` among them. `edges` are upper bounds of buckets; +Inf comes to them.

    What a process has of itself comes first (`has_runtime`: all of it), then route by route, cut off at `series`.
    """

    instances: int
    series: int
    edges: tuple[float, ...] = EDGES
    statuses: tuple[str, ...] = ("200", "304", "404", "503")
    has_runtime: bool = True


def narrow_fleet(instances: int) -> FleetShape:
    """Ten series an instance: what a small service with one route exposes."""
    return FleetShape(instances, 10, edges=(0.01, 0.1), statuses=("200", "503"), has_runtime=False)


@dataclass(frozen=True, slots=True)
class InstanceHistory:
    """`labels` and `values` (S, T) of the same series; NaN where there is no sample. Times are those of all series."""

    labels: tuple[dict[str, str], ...]
    times_ms: NDArray[np.int64]
    values: NDArray[np.float64]


def instance_name(instance: int) -> str:
    return f"web-{instance:04d}:8080"


def target_labels(instance: int) -> dict[str, str]:
    """What the monitoring system knows of an instance, besides its job."""
    service = SERVICES[instance % len(SERVICES)]
    return {"instance": instance_name(instance), "service": service, "zone": ZONES[instance // 8 % len(ZONES)]}


def instance_history(
    shape: FleetShape, instance: int, times_ms: NDArray[np.int64], step_seconds: float
) -> InstanceHistory:
    """`times_ms` (T,) are those of the samples of this instance, `step_seconds` apart."""
    model = _Model(np.random.default_rng([SEED, instance]), times_ms, step_seconds)
    known = {"job": JOB, **target_labels(instance)}
    rows = [row for row, _ in zip(_rows(shape, model), range(shape.series), strict=False)]
    labels = tuple({"__name__": name, **known, **own} for name, own, _ in rows)
    return InstanceHistory(labels, times_ms, np.stack([values for _, _, values in rows]))


def is_counter(name: str) -> bool:
    return name.endswith(("_total", "_bucket", "_sum", "_count"))


class _Model:
    """What all series of one instance have in common. Rows are (T,)."""

    def __init__(self, rng: np.random.Generator, times_ms: NDArray[np.int64], step_seconds: float) -> None:
        self.rng = rng
        self.steps = len(times_ms)
        self.step_seconds = step_seconds
        phase = rng.uniform(0, 0.6)
        swing = 1 + 0.6 * np.sin(times_ms / 1000 / DAY_SECONDS * 2 * np.pi + phase)
        noise = np.exp(np.cumsum(rng.normal(0, 0.01, self.steps)) * 0.3)
        self.load: Row = swing * noise
        self.restart = int(rng.integers(1, self.steps)) if rng.random() < RESTART_PART and self.steps > 1 else None

    def counter(self, increments: Row) -> Row:
        total = np.cumsum(increments) + increments[0] * int(self.rng.integers(0, 5_000))
        if self.restart is not None:
            total[self.restart :] -= total[self.restart]
        return self.gauge(total)

    def gauge(self, values: Row) -> Row:
        values = values.astype(np.float64)
        if self.restart is not None:
            values[self.restart : self.restart + RESTART_STEPS] = np.nan
        return values

    def up(self) -> Row:
        return np.where(np.isnan(self.gauge(np.zeros(self.steps))), 0.0, 1.0)


Named = tuple[str, dict[str, str], Row]


def _rows(shape: FleetShape, model: _Model) -> Iterator[Named]:
    """Endless: routes beyond those with a name are numbered."""
    yield from _process_rows(model)
    if shape.has_runtime:
        yield from _runtime_rows(model)
    number = 0
    while True:
        route = ROUTES[number] if number < len(ROUTES) else f"/page/{number}"
        yield from _route_rows(shape, model, route)
        number += 1


def _process_rows(model: _Model) -> Iterator[Named]:
    rng, steps = model.rng, model.steps
    yield "up", {}, model.up()
    busy_seconds = 0.3 * model.load * model.step_seconds * rng.uniform(0.8, 1.2, steps)
    yield "process_cpu_seconds_total", {}, model.counter(np.round(busy_seconds, 2))
    pages = rng.integers(20_000, 90_000) * (1 + 0.05 * np.cumsum(rng.normal(0, 0.02, steps)))
    yield "process_resident_memory_bytes", {}, model.gauge(np.maximum(np.round(pages), 1_000) * PAGE_BYTES)


def _runtime_rows(model: _Model) -> Iterator[Named]:
    rng, steps, load = model.rng, model.steps, model.load
    yield "process_open_fds", {}, model.gauge(np.round(200 * load + rng.normal(0, 4, steps)))
    yield "process_threads", {}, model.gauge(np.round(24 + 4 * np.maximum.accumulate(load)))
    pauses = rng.poisson(0.8 * load * model.step_seconds)
    yield "runtime_gc_pause_seconds_count", {}, model.counter(pauses)
    yield "runtime_gc_pause_seconds_sum", {}, model.counter(np.round(pauses * rng.gamma(4, 2e-4, steps), 6))
    received = rng.poisson(40_000 * load * model.step_seconds)
    for direction, ratio in (("receive", 1.0), ("transmit", 11.0)):
        yield "network_bytes_total", {"direction": direction}, model.counter(np.round(received * ratio))
    yield "queue_depth", {"queue": "orders"}, model.gauge(rng.poisson(np.clip(load - 1, 0.02, None)))


def _route_rows(shape: FleetShape, model: _Model, route: str) -> Iterator[Named]:
    rng = model.rng
    route_labels = {"method": "POST" if route == "/order" else "GET", "route": route}
    requests = rng.poisson(rng.lognormal(2.5, 1.3) * model.load * model.step_seconds)
    median = rng.lognormal(-4, 0.7)
    counts = rng.multinomial(requests, _bucket_shares(shape.edges, median * np.sqrt(model.load)))
    bounds = [*(f"{edge:g}" for edge in shape.edges), "+Inf"]
    for bound, cumulative in zip(bounds, np.cumsum(counts, axis=1).T, strict=True):
        yield f"{DURATION}_bucket", {**route_labels, "le": bound}, model.counter(cumulative)
    spent = requests * median * rng.uniform(1.2, 1.5, model.steps)
    yield f"{DURATION}_sum", route_labels, model.counter(np.round(spent, 6))
    yield f"{DURATION}_count", route_labels, model.counter(requests)
    shares = np.array([1.0, *[0.03, 0.01, 0.002][-(len(shape.statuses) - 1) :]])
    by_status = rng.multinomial(requests, shares / shares.sum())
    for status, row in zip(shape.statuses, by_status.T, strict=True):
        yield REQUESTS, {**route_labels, "status": status}, model.counter(row)


def _bucket_shares(edges: Sequence[float], medians: Row) -> NDArray[np.float64]:
    """(T, B) shares of latencies around `medians` (T,) that fall into each bucket, +Inf's last."""
    error_function = np.vectorize(math.erf, otypes=[np.float64])
    scale = 0.9 * math.sqrt(2)
    below = 0.5 * (1 + error_function((np.log(edges)[None, :] - np.log(medians)[:, None]) / scale))
    shares = np.diff(below, axis=1, prepend=0.0, append=1.0)
    return shares / shares.sum(axis=1, keepdims=True)
