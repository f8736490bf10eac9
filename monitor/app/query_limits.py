"""The engine's limits from the configuration."""

from __future__ import annotations

from monitor.config.settings import Limits
from monitor.promql.limits import QueryLimits
from monitor.promql.syntax.parse import DEFAULT_LIMITS, ParseLimits


def query_limits(limits: Limits) -> QueryLimits:
    return QueryLimits(
        samples_max=limits.query_samples,
        window_samples_max=limits.query_window_samples,
        # A range query of N steps has N + 1 points; upstream counts the steps.
        steps_max=limits.query_steps + 1,
        cells_max=limits.query_values,
        points_max=limits.query_points,
        timeout_seconds=limits.query_timeout_ms / 1000,
        parse=ParseLimits(limits.expression_length, min(limits.expression_depth, DEFAULT_LIMITS.depth_max)),
    )
