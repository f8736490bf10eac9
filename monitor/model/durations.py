"""Prometheus durations: `90s`, `1h30m`, `200ms`; and timestamps as clients write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

MS_BY_UNIT = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
# Units may be left out but not repeated or reordered, as in Prometheus's model.ParseDuration.
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
DURATION_MAX_MS = (2**63 - 1) // 1_000_000


def parse_duration_ms(text: str) -> int:
    """Milliseconds in a duration such as `1h30m` or `0`. Raises ValueError naming got and wanted."""
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"got {text!r}, want a duration such as 30s, 1h30m or 200ms")
    total_ms = sum(int(count) * ms for count, ms in zip(match.groups(), MS_BY_UNIT.values(), strict=True) if count)
    if total_ms > DURATION_MAX_MS:
        raise ValueError(f"got {text!r}, want a duration of at most 292 years")
    return total_ms


def format_duration(duration_ms: int) -> str:
    """The shortest exact Prometheus spelling; the inverse of `parse_duration_ms`.

    Years and weeks are used only when they divide the whole exactly, as Prometheus prints them.
    """
    if duration_ms == 0:
        return "0s"
    parts, rest_ms = [], abs(duration_ms)
    for unit, unit_ms in MS_BY_UNIT.items():
        if unit in ("y", "w") and rest_ms % unit_ms:
            continue
        count, rest_ms = divmod(rest_ms, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if duration_ms < 0 else "") + "".join(parts)


def rfc3339(timestamp_ms: int) -> str:
    """`2026-01-02T03:04:05.678Z`; the fraction is left out when it is zero."""
    seconds, ms = divmod(timestamp_ms, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ms:03d}".rstrip("0") + "Z" if ms else f"{text}Z"
