"""Stored samples as a service gives them back, and whether they are what a fleet or a writer made them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from api_server import ApiClient
from numpy.typing import NDArray
from scraped_fleet import SERIES_MAX


@dataclass(frozen=True, slots=True)
class RawSamples:
    """N samples of any series: `series` (N,) is the number in the label `series`; all ordered by series, then time."""

    series: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.int64]

    @property
    def made_ms(self) -> NDArray[np.int64]:
        """When each value was made, as it says itself."""
        return self.values // SERIES_MAX

    def wrong(self, made_ms: Iterable[int]) -> int:
        """How many samples hold the value of another series, or one that was not made at any of these times, or one
        that was made before that of an earlier timestamp."""
        is_right = (self.values % SERIES_MAX == self.series) & np.isin(self.made_ms, list(made_ms))
        goes_back = (np.diff(self.series) == 0) & (np.diff(self.made_ms) < 0)
        return int((~is_right).sum() + goes_back.sum())

    def torn(self) -> int:
        """How many instants some series have and others do not, where all have been sampled together."""
        _, counts = np.unique(self.timestamps_ms, return_counts=True)
        return int((counts != len(np.unique(self.series))).sum())

    def digest(self) -> str:
        return blake2b(np.stack([self.series, self.timestamps_ms, self.values]).tobytes(), digest_size=16).hexdigest()


def read_samples(client: ApiClient, selector: str, after_ms: int, until_ms: int) -> RawSamples:
    """All samples of `selector` after one time and up to another; no two of its series share a number."""
    expression = f"{selector}[{until_ms - after_ms}ms]"
    found = client.get("query", query=expression, time=f"{until_ms / 1000:.3f}").data["result"]
    found.sort(key=lambda one: int(one["metric"]["series"]))
    series = [int(one["metric"]["series"]) for one in found]
    pairs: list[list[Any]] = [pair for one in found for pair in one["values"]]
    times = np.array([pair[0] for pair in pairs], np.float64)
    values = np.array([pair[1] for pair in pairs], object).astype(np.float64)
    return RawSamples(
        np.repeat(np.array(series, np.int64), [len(one["values"]) for one in found]),
        np.rint(times * 1000).astype(np.int64),
        np.rint(values).astype(np.int64),
    )
