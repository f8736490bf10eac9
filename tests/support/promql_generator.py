"""Random series and random well-typed PromQL, from a seed."""

from __future__ import annotations

import math
from random import Random

from monitor.model.samples import STALE

START_MS = 1_700_000_000_000
SPAN_MS = 3_600_000
_INTERVAL_MS = 15_000

Series = list[tuple[dict[str, str], dict[int, float]]]


def make_series(random: Random) -> Series:
    """An hour of counters, gauges and classic histograms, with what goes wrong in real life."""
    series: Series = []
    for job in ("api", "web"):
        for instance in ("a", "b", "c"):
            labels = {"job": job, "instance": instance}
            series.append(({"__name__": "requests_total", **labels}, _counter(random, _times(random))))
            series.append(({"__name__": "errors", **labels}, _counter(random, _times(random))))
            series.append(({"__name__": "temperature", **labels}, _gauge(random, _times(random))))
            series += _histogram(random, labels)
        series.append(({"__name__": "info", "job": job, "version": random.choice(["1.2", "1.10"])}, _constant(1.0)))
        series.append(({"__name__": "level", "job": job}, _constant(float(random.randint(0, 3)))))
    series.append(({"__name__": "odd"}, _odd(random)))
    return series


def _times(random: Random) -> list[int]:
    """Sample times: mostly regular, sometimes with jitter, gaps, a late start or an early end."""
    phase = random.choice([0, 0, random.randrange(_INTERVAL_MS)])
    jitter = random.choice([0, 0, 0, 40, 3000])
    times = [at + random.randint(0, jitter) for at in range(START_MS + phase, START_MS + SPAN_MS, _INTERVAL_MS)]
    first = random.choice([0, 0, 0, random.randrange(len(times))])
    last = random.choice([len(times), len(times), random.randrange(first, len(times)) + 1])
    gaps = random.choice([0.0, 0.0, 0.05, 0.9])
    return [at for at in times[first:last] if random.random() >= gaps]


def _with_stale(random: Random, samples: dict[int, float]) -> dict[int, float]:
    if random.random() < 0.3:
        for at in random.sample(sorted(samples), min(len(samples), random.randint(1, 6))):
            samples[at] = STALE
    return samples


def _counter(random: Random, times: list[int]) -> dict[int, float]:
    value, samples = random.choice([0.0, 5.0, 1e9]), {}
    for at in times:
        value = 0.0 if random.random() < 0.01 else value + random.choice([0, 1, 2, 10, 0.1])
        samples[at] = value
    return _with_stale(random, samples)


def _gauge(random: Random, times: list[int]) -> dict[int, float]:
    kind = random.choice(["walk", "walk", "constant", "large", "special"])
    value = random.uniform(-50, 50)
    samples = {}
    for at in times:
        match kind:
            case "walk":
                value = round(value + random.uniform(-3, 3), 2)
            case "large":
                value = random.choice([1e17, -1e17, 1.5, 1e308, -2.5])
            case "special":
                value = random.choice([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, 2.5])
        samples[at] = value
    return _with_stale(random, samples)


def _constant(value: float) -> dict[int, float]:
    return dict.fromkeys(range(START_MS, START_MS + SPAN_MS, _INTERVAL_MS), value)


def _odd(random: Random) -> dict[int, float]:
    times = sorted(random.sample(range(START_MS, START_MS + SPAN_MS), 30))
    return {at: random.choice([1.0, 2.0, 0.5, -1.0, math.nan]) for at in times}


def _histogram(random: Random, labels: dict[str, str]) -> Series:
    """Cumulative buckets; some lack their last bucket, a bucket now and then, or fall from one to the next."""
    times = _times(random)
    bounds = ["0.1", "0.5", "1", "2.5", "+Inf"][: random.choice([5, 5, 5, 4])]
    counts = [0.0] * len(bounds)
    buckets: list[dict[int, float]] = [{} for _ in bounds]
    breaks = random.random() < 0.3
    for at in times:
        observed = [random.randint(0, 3) for _ in bounds]
        counts = [count + sum(observed[: position + 1]) for position, count in enumerate(counts)]
        for bucket, count in zip(buckets, counts, strict=True):
            if not breaks or random.random() > 0.1:
                bucket[at] = count if not breaks or random.random() > 0.05 else count * 0.7
    return [
        ({"__name__": "latency_bucket", **labels, "le": bound}, bucket)
        for bound, bucket in zip(bounds, buckets, strict=True)
        if bucket
    ]


class ExpressionGenerator:
    """Well-typed expressions over the series of `make_series`, of limited depth."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def expression(self, depth: int = 3) -> str:
        return self.vector(depth) if self._random.random() < 0.95 else self.scalar(depth)

    def _pick(self, *options: str) -> str:
        return self._random.choice(options)

    def selector(self) -> str:
        name = self._pick("requests_total", "requests_total", "errors", "temperature", "latency_bucket", "odd", "level")
        return self._pick(
            name,
            name,
            f'{name}{{job="api"}}',
            f'{name}{{instance=~"a|b"}}',
            f'{name}{{instance!="c"}}',
            '{__name__=~"requests_total|errors"}',
            "absent_metric",
        )

    def modifiers(self) -> str:
        offset = self._pick("", "", "", " offset 5m", " offset -3m", " offset 17s")
        at = self._pick(*[""] * 7, " @ start()", " @ end()", f" @ {START_MS // 1000 + self._random.randrange(3600)}")
        return at + offset

    def duration(self) -> str:
        return self._pick("1m", "2m", "5m", "15s", "20s", "47s", "10m", "30m", "1h", "14999ms")

    def matrix(self, depth: int) -> str:
        if depth > 0 and self._random.random() < 0.2:
            step = self._pick("", "15s", "1m", "37s", "5m")
            return f"({self.vector(depth - 1)})[{self.duration()}:{step}]{self.modifiers()}"
        return f"{self.selector()}[{self.duration()}]{self.modifiers()}"

    def scalar(self, depth: int) -> str:
        options = ["1", "2", "0", "-1.5", "0.9", "time()", "pi()", "NaN", "Inf", "3"]
        if depth > 0:
            operator = self._pick("+", "-", "*", "/", "%", "^", "> bool", "== bool")
            options += [
                f"scalar({self.vector(depth - 1)})",
                f"({self.scalar(depth - 1)} {operator} {self.scalar(depth - 1)})",
            ]
        return self._pick(*options)

    def vector(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.1:
            return self._pick(self.selector() + self.modifiers(), self.selector() + self.modifiers(), "vector(1)")
        kinds = [self._range_call] * 6 + [self._aggregation] * 5 + [self._binary] * 5 + [self._function] * 4
        return self._random.choice([*kinds, self._unary])(depth)

    def _unary(self, depth: int) -> str:
        return f"-({self.vector(depth - 1)})"

    def _range_call(self, depth: int) -> str:
        matrix = self.matrix(depth - 1)
        plain = (
            "rate increase delta irate idelta resets changes deriv sum_over_time avg_over_time min_over_time"
            " max_over_time count_over_time last_over_time present_over_time stddev_over_time stdvar_over_time"
            " absent_over_time mad_over_time ts_of_last_over_time ts_of_max_over_time"
            " ts_of_min_over_time rate increase sum_over_time avg_over_time"
        )
        choice = self._random.randrange(20)
        if choice == 0:
            return (
                f"quantile_over_time({self._pick('0.5', '0.9', '0', '1', '-1', '2', self.scalar(depth - 1))}, {matrix})"
            )
        if choice == 1:
            return f"predict_linear({matrix}, {self._pick('60', '3600', '-5', self.scalar(depth - 1))})"
        if choice == 2:
            return f"double_exponential_smoothing({matrix}, {self._pick('0.5', '0.1')}, {self._pick('0.3', '0.9')})"
        return f"{self._random.choice(plain.split())}({matrix})"

    def _grouping(self) -> str:
        labels = self._pick("job", "instance", "le", "job, instance", "", "job, le", "missing", "__name__")
        return self._pick("", f" by ({labels})", f" without ({labels})")

    def _aggregation(self, depth: int) -> str:
        inner, grouping = self.vector(depth - 1), self._grouping()
        # In these the order of the series, or the last digit, decides; Prometheus's own order is often random.
        plain_inner = self._pick(self.selector() + self.modifiers(), f"rate({self.selector()}[5m])")
        plain = "sum avg min max count group stddev stdvar sum avg max"
        choice = self._random.randrange(9)
        if choice == 0:
            operator, count = self._pick("topk", "bottomk", "limitk"), self._pick("1", "2", "3", "5")
            return f"{operator}{grouping} ({count}, {plain_inner})"
        if choice == 1:
            return f"quantile{grouping} ({self._pick('0.5', '0.9', '0', '1', '-1', '2')}, {inner})"
        if choice == 2:
            return f'count_values{grouping} ("value", {self.selector()})'
        if choice == 3:
            return f"limit_ratio{grouping} ({self._pick('0.5', '-0.5', '0.3', '1', '1.5')}, {inner})"
        return f"{self._random.choice(plain.split())}{grouping} ({inner})"

    def _binary(self, depth: int) -> str:
        left, right = self.vector(depth - 1), self.vector(depth - 1)
        arithmetic = self._pick("+", "-", "*", "/", "%", "^", "atan2")
        comparison = self._pick("==", "!=", ">", "<", ">=", "<=")
        modifier = self._pick("", "", " bool") if self._random.random() < 0.5 else ""
        operator = self._pick(arithmetic, comparison + modifier)
        choice = self._random.randrange(6)
        if choice == 0:
            return f"({left}) {operator} ({self.scalar(depth - 1)})"
        if choice == 1:
            return f"({self.scalar(depth - 1)}) {operator} ({right})"
        labels = self._pick("job", "instance", "job, instance", "job, instance, le", "", "__name__")
        matching = self._pick("", "", f" on ({labels})", f" ignoring ({labels})")
        if choice == 2:
            return f"({left}) {self._pick('and', 'or', 'unless')}{matching} ({right})"
        if choice == 3 and matching:
            group = self._pick(" group_left ()", " group_right ()", " group_left (version)", " group_right (le)")
            if " on " in matching and "le)" in group and "le" in matching:
                group = " group_right ()"
            one = self._pick(right, "info", "level")
            pair = (left, one) if "left" in group else (one, left)
            return f"({pair[0]}) {operator}{matching}{group} ({pair[1]})"
        return f"({left}) {operator}{matching} ({right})"

    def _function(self, depth: int) -> str:
        inner = self.vector(depth - 1)
        choice = self._random.randrange(10)
        if choice == 0:
            buckets = self._pick(
                "latency_bucket", "rate(latency_bucket[5m])", "sum by (job, le) (latency_bucket)", inner
            )
            return f"histogram_quantile({self._pick('0.5', '0.99', '0', '1', '-1', '1.1')}, {buckets})"
        if choice == 1:
            return f"histogram_fraction({self._pick('-Inf', '0.3')}, {self._pick('1', 'Inf', '0.7')}, latency_bucket)"
        if choice == 2:
            target, pattern = self._pick("job", "new", "__name__"), self._pick("(.*)", "(a).*", "b")
            return f'label_replace({inner}, "{target}", "x$1", "instance", "{pattern}")'
        if choice == 3:
            return f'label_join({inner}, "{self._pick("joined", "job")}", "-", "job", "instance")'
        if choice == 4:
            return f"{self._pick('clamp_min', 'clamp_max', 'round')}({inner}, {self.scalar(depth - 1)})"
        if choice == 5:
            return f"clamp({inner}, {self._pick('0', '-1', '5')}, {self._pick('3', '10', 'Inf')})"
        if choice == 6:
            return f"{self._pick('absent', 'timestamp', 'sort', 'sort_desc')}({inner})"
        if choice == 7:
            label = self._pick("instance", "le", "version")
            return f'{self._pick("sort_by_label", "sort_by_label_desc")}({inner}, "{label}")'
        functions = (
            "abs ceil floor exp ln log2 log10 sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh"
            " deg rad sgn day_of_month day_of_week day_of_year days_in_month hour minute month year"
        )
        return f"{self._random.choice(functions.split())}({inner})"
