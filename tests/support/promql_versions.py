"""What changed between Prometheus 3.5 and 3.14, as far as the queries of our comparisons meet it."""

from __future__ import annotations

import math
import re

from prometheus_answers import Answer, Query

SAME_LABELS = "vector cannot contain metrics with the same labelset"


def differs_by_version(query: Query, ours: Answer, theirs: Answer) -> bool:
    """Whether a newer Prometheus may answer otherwise than the one we compare with."""
    if ours.error is not None and ours.error.startswith("multiple matches for labels"):
        # A filtered-out pair counts as a match since 3.12, so that an ambiguity is found earlier.
        return re.search("[<>=]=?", query.expression) is not None
    if ours.error == "Parameter value is NaN":
        # 3.5 says "Scalar value NaN overflows int64", and only at steps at which there is something to choose from.
        return theirs.error is None or theirs.error == "Scalar value NaN overflows int64"
    if theirs.error == SAME_LABELS and ours.error is None:
        # Series that get the same labels and have no value at the same step became one after 3.5: in label_replace()
        # and label_join() by prometheus#17703, in functions of range vectors by prometheus#18631.
        return query.step_ms is not None
    fractions = "histogram_fraction" in query.expression
    # An empty first bucket made the fraction NaN, which what stands around it may hide.
    are_hidden = not query.expression.startswith("histogram_fraction")
    return fractions and (
        are_hidden or any(math.isnan(value) for points in theirs.series.values() for value in points.values())
    )
