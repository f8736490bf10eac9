"""The trimmed mean of paired ratios, and between which two values the true one lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

TRIMMED_SHARE = 0.1
RESAMPLES = 4000
OUTSIDE_PER_CENT = 2.5


class Verdict(Enum):
    """Whether a ratio is at least what it must be. OPEN: the runs differ too much to say."""

    PASS = "pass"
    MISS = "MISS"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class PairedRatio:
    """`low` to `high` holds the true ratio in 95 of 100 cases; `pairs` is how many ratios there were."""

    mean: float
    low: float
    high: float
    pairs: int

    def verdict(self, at_least: float) -> Verdict:
        if self.low >= at_least:
            return Verdict.PASS
        return Verdict.MISS if self.high < at_least else Verdict.OPEN

    def of_each(self, times: float) -> PairedRatio:
        """Of one of `times` equal causes that together have this ratio."""
        return PairedRatio(
            1 - (1 - self.mean) / times, 1 - (1 - self.low) / times, 1 - (1 - self.high) / times, self.pairs
        )

    def and_then(self, other: PairedRatio) -> PairedRatio:
        """Of two causes together, measured apart; their errors add up as those of independent things do."""
        mean = self.mean * other.mean
        below = math.hypot(1 - self.low / self.mean, 1 - other.low / other.mean)
        above = math.hypot(self.high / self.mean - 1, other.high / other.mean - 1)
        return PairedRatio(mean, mean * (1 - below), mean * (1 + above), min(self.pairs, other.pairs))


def paired_ratio(ratios: Sequence[float]) -> PairedRatio:
    """At least one ratio. A tenth is trimmed at each end: a pair that something else has disturbed is far out. The
    interval is the bootstrap's (Efron and Tibshirani 1993, 13.3).
    """
    assert len(ratios), "BUG: got no ratios, want one at least"
    logarithms = np.log(np.asarray(ratios))
    drawn = np.random.default_rng(0).choice(logarithms, (RESAMPLES, len(logarithms)))
    low, high = np.percentile(_trimmed_means(drawn), [OUTSIDE_PER_CENT, 100 - OUTSIDE_PER_CENT])
    mean = _trimmed_means(logarithms[None, :])[0]
    return PairedRatio(math.exp(mean), math.exp(low), math.exp(high), len(ratios))


def _trimmed_means(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(R,) of (R, N) values."""
    trimmed = int(values.shape[1] * TRIMMED_SHARE)
    means: npt.NDArray[np.float64] = np.sort(values, axis=1)[:, trimmed : values.shape[1] - trimmed].mean(axis=1)
    return means
