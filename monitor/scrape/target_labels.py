"""The labels of a target put on what it exposes, as upstream's mutateSampleLabels does (scrape/scrape.go)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.model.labels import Labels

EXPORTED_PREFIX = "exported_"


def attach_target_labels(
    frame: LabelFrame, target_labels: Labels, honor_labels: bool, blanks: Mapping[str, frozenset[int]]
) -> LabelFrame:
    """`frame` with the target's labels on every row. A column that is the same for all rows takes no memory.

    Where a row has such a label already, the row's wins if `honor_labels`, even if it is given as empty (`blanks` has
    the rows by label name); otherwise the target's wins and the row's is kept with the prefix `exported_`.
    """
    columns = dict(frame.columns)
    conflicts = [name for name in target_labels if name in columns and columns[name].codes.any()]
    if honor_labels:
        kept = {*conflicts, *(name for name in target_labels if name in blanks)}
        for name in kept:
            columns[name] = _filled(frame.column(name), target_labels[name], blanks.get(name, frozenset()))
        return _with_constants(frame.size, columns, {k: v for k, v in target_labels.items() if k not in kept})
    taken = {*columns, *target_labels}
    if any(f"{EXPORTED_PREFIX}{name}" in taken for name in conflicts):
        return LabelFrame.of([exported(labels, target_labels) for labels in frame.all_labels()])
    for name in conflicts:
        columns[f"{EXPORTED_PREFIX}{name}"] = columns[name]
    return _with_constants(frame.size, columns, target_labels)


def exported(labels: Mapping[str, str], target_labels: Mapping[str, str]) -> dict[str, str]:
    """One label set under the target's, what they hide being renamed; shorter names get the free name first."""
    result = {**labels, **target_labels}
    hidden = [name for name in target_labels if labels.get(name)]
    for name in sorted(hidden, key=len):
        free_name = f"{EXPORTED_PREFIX}{name}"
        while result.get(free_name):
            free_name = f"{EXPORTED_PREFIX}{free_name}"
        result[free_name] = labels[name]
    return result


def _with_constants(size: int, columns: dict[str, LabelColumn], labels: Mapping[str, str]) -> LabelFrame:
    ones = np.broadcast_to(np.int32(1), size)
    constants = {name: LabelColumn(ones, ("", value)) for name, value in labels.items()}
    return LabelFrame(size, {**columns, **constants})


def _filled(column: LabelColumn, text: str, blank_rows: frozenset[int]) -> LabelColumn:
    """`column` with `text` where it is empty, but for `blank_rows`."""
    texts = column.texts()
    return LabelColumn.of(value or ("" if row in blank_rows else text) for row, value in enumerate(texts))
