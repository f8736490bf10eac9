"""A little history that the tests of the HTTP API ask about: two targets up, one down, half an hour each."""

from __future__ import annotations

START_MS = 1_700_000_000_000
STEP_MS = 15_000
ROWS = 120
END_MS = START_MS + (ROWS - 1) * STEP_MS
END = END_MS // 1000

Series = list[tuple[dict[str, str], dict[int, float]]]


def _samples(value_at: float, slope: float) -> dict[int, float]:
    return {START_MS + row * STEP_MS: value_at + slope * row for row in range(ROWS)}


def story() -> Series:
    targets = [("api", "10.0.0.1:80"), ("api", "10.0.0.2:80"), ("db", "10.0.0.3:5432")]
    labels = [{"job": job, "instance": instance} for job, instance in targets]
    up: Series = [({"__name__": "up", **of}, _samples(float(of["job"] == "api"), 0.0)) for of in labels]
    requests: Series = [
        ({"__name__": "http_requests_total", "code": code, **of}, _samples(row * 10.0, 1.5 + row))
        for row, of in enumerate(labels[:2])
        for code in ("200", "500")
    ]
    odd: Series = [({"__name__": "odd", "dotted.name": 'é<"\\\n', "job": "api"}, _samples(0.1, 0.1))]
    return up + requests + odd
