"""Quantiles of windows whose samples fit half the memory, and of others."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.promql.ranges.batches import batches
from monitor.promql.ranges.over_time import quantile_over_time
from monitor.promql.ranges.windows import DensePiece, Pieces, windows_of
from monitor.promql.steps import Steps


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param([3.0, 1.0, 2.0], id="exact as float32"),
        pytest.param([2.0**24 + 1, 2.0**24 - 1, 2.0**24], id="whole, but too large"),
        pytest.param([0.3, 0.1, 0.2], id="fractions"),
    ],
)
def test_a_quantile_is_a_sample_to_the_last_bit(samples: list[float]) -> None:
    piece = DensePiece(np.arange(1), np.arange(3, dtype=np.int64), np.array([samples]))
    (batch,) = batches(Pieces([piece]), 1)
    steps = Steps.instant(2)
    windows = windows_of(batch, steps, 3, steps.times_ms())

    quantiles = [quantile_over_time(windows, np.array([rank])).item() for rank in (0.0, 0.5, 1.0)]

    assert quantiles == sorted(samples)
