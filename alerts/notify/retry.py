"""What an answer of a receiver means, and when to try again."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

REQUEST_TIMEOUT, GONE, TOO_EARLY, TOO_MANY_REQUESTS = 408, 410, 425, 429
_RETRIED_CLIENT_ERRORS = frozenset((REQUEST_TIMEOUT, TOO_EARLY, TOO_MANY_REQUESTS))


class Verdict(enum.Enum):
    """What an HTTP status says about a delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REFUSED = "refused"
    DISABLED = "disabled"
    """Standard Webhooks: with 410 a receiver asks not to be called any more."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The first attempt is made after `delays_ms[0]`, the next after `delays_ms[1]` more and so on; the last repeats.

    Each delay is spread by up to `jitter_ratio` both ways. A receiver's Retry-After counts, up to `retry_after_max_ms`.
    """

    delays_ms: tuple[int, ...] = (0, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000)
    jitter_ratio: float = 0.2
    retry_after_max_ms: int = 600_000
    give_up_after_ms: int = 3_600_000

    def delay_ms(self, failed_attempts: int, random: float, retry_after_seconds: float | None = None) -> int:
        """How long to wait after so many failed attempts; `random` in [0, 1)."""
        planned = self.delays_ms[min(failed_attempts, len(self.delays_ms) - 1)]
        spread = planned * (1 + self.jitter_ratio * (2 * random - 1))
        asked = min((retry_after_seconds or 0) * 1000, self.retry_after_max_ms)
        return int(max(spread, asked))

    def gives_up(self, created_at_ms: int, next_attempt_at_ms: int) -> bool:
        """Whether another attempt then would be too late to be worth it."""
        return next_attempt_at_ms - created_at_ms > self.give_up_after_ms


def judge(status: int) -> Verdict:
    """Redirects are refused: following one would send the body somewhere that nobody configured."""
    if 200 <= status < 300:
        return Verdict.DELIVERED
    if status == GONE:
        return Verdict.DISABLED
    if status in _RETRIED_CLIENT_ERRORS or status >= 500:
        return Verdict.RETRY
    return Verdict.REFUSED


def retry_after_seconds(header: str | None, now_ms: int) -> float | None:
    """The wait that a Retry-After header asks for, in seconds or as a date; None if there is none to be read."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now_ms / 1000)
