"""Reads the service's HTTP API, as any user would."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import aiohttp

from monitor.demo.configuration import REQUEST_RATE, quantile_of
from monitor.demo.settings import ALERT, JOB, POLICY
from monitor.demo.snapshot import AlertStanding, Snapshot
from monitor.errors import DemoError

_URGENCY = (AlertStanding.FIRING, AlertStanding.PENDING)
_NUMBERS = {
    "requests_per_second": REQUEST_RATE,
    "p50_seconds": quantile_of(0.5),
    "p99_seconds": quantile_of(0.99),
    "memory_bytes": f'sum(process_resident_memory_bytes{{job="{JOB}"}})',
    "cpu_ratio": f'sum(rate(process_cpu_seconds_total{{job="{JOB}"}}[5s]))',
    "gc_pause_seconds": (
        f'sum(rate(runtime_gc_pause_seconds_sum{{job="{JOB}"}}[30s])) '
        f'/ sum(rate(runtime_gc_pause_seconds_count{{job="{JOB}"}}[30s]))'
    ),
}


class ServiceClient:
    """Questions to the service at `url`. Each raises DemoError if there is no answer, or not 200."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timeout_seconds: float) -> None:
        self._session = session
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)

    async def is_ready(self) -> bool:
        try:
            await self._get("/-/ready", is_json=False)
        except DemoError:
            return False
        return True

    async def number(self, expression: str) -> float | None:
        """The value of an expression; None if it has none, or not a finite one."""
        data = (await self._get("/api/v1/query", query=expression))["data"]
        values = [float(each["value"][1]) for each in data["result"]]
        return values[0] if len(values) == 1 and math.isfinite(values[0]) else None

    async def snapshot(self) -> Snapshot:
        """Everything at about this moment."""
        names, expressions = list(_NUMBERS), list(_NUMBERS.values())
        *values, replicas, alerts, policy, decisions = await asyncio.gather(
            *(self.number(expression) for expression in expressions),
            self.number(f'sum(up{{job="{JOB}"}})'),
            self._get("/api/v1/alerts"),
            self._get(f"/api/v1/scale/{POLICY}", takes=(200, 503)),
            self._get(f"/api/v1/scale/{POLICY}/decisions", limit="20"),
        )
        return Snapshot(
            **dict(zip(names, values, strict=True)),
            replicas=int(replicas or 0),
            desired=policy["desired"],
            alert=standing(alerts["data"]["alerts"]),
            decision=last_change(decisions["decisions"]),
        )

    async def fired_at_ms(self, within_seconds: float) -> int | None:
        """The first evaluation of the last `within_seconds` that found the alert firing."""
        firing = f'timestamp(ALERTS{{alertname="{ALERT}",alertstate="firing"}})'
        at_seconds = await self.number(f"min(min_over_time({firing}[{max(1, round(within_seconds))}s:1s]))")
        return None if at_seconds is None else round(at_seconds * 1000)

    async def _get(self, path: str, *, is_json: bool = True, takes: tuple[int, ...] = (200,), **query: str) -> Any:
        try:
            async with self._session.get(self._url + path, params=query, timeout=self._timeout) as response:
                if response.status not in takes:
                    raise DemoError(f"GET {path}: got {response.status} {(await response.text())[:300]}, want 200")
                return await response.json() if is_json else await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DemoError(f"GET {path}: no answer: {error or 'timeout'}") from error


def last_change(decisions: list[dict[str, Any]]) -> str:
    """The newest that asked for another count, or the newest of all; empty without any. They come newest first."""
    changes = [each for each in decisions if each["direction"] in ("up", "down")]
    return next((str(each["explanation"]) for each in (*changes, *decisions)), "")


def standing(alerts: list[dict[str, Any]]) -> AlertStanding:
    """The most urgent state of the demo's alert."""
    states = {alert["state"] for alert in alerts if alert["labels"]["alertname"] == ALERT}
    return next((each for each in _URGENCY if each.value in states), AlertStanding.INACTIVE)
