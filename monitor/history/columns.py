"""Names of columns in tables of samples: those of time and value, and one for each label."""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor.model.labels import METRIC_NAME

TIMES = ("timestamp_ms", "timestamp")
VALUE = "value"
_PREFIX = "label_"
_LIKE_OURS = re.compile(r"(?:label_)*(?:timestamp_ms|timestamp|value)")
_ESCAPED = re.compile(r"(?:label_)+(?:timestamp_ms|timestamp|value)")


def column_of(label: str) -> str:
    """The label's name, unless a table has another column of that name: then `label_` stands before it."""
    return f"{_PREFIX}{label}" if _LIKE_OURS.fullmatch(label) else label


def label_of(column: str) -> str:
    """The inverse of `column_of`."""
    return column.removeprefix(_PREFIX) if _ESCAPED.fullmatch(column) else column


def label_columns(label_names: Sequence[str]) -> list[str]:
    """The labels in the order of their columns: the metric name, then the others."""
    return [METRIC_NAME, *sorted(name for name in label_names if name != METRIC_NAME)]
