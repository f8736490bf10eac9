"""label_replace and label_join: they see labels only, not values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from monitor.errors import EvaluationError
from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.model.labels import METRIC_NAME
from monitor.model.matchers import compile_regex
from monitor.model.samples import Mask
from monitor.promql.context import QueryContext
from monitor.promql.functions.names import merge_equal
from monitor.promql.syntax.nodes import Call
from monitor.promql.values import Vector

_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")
_GROUP_NUMBER = re.compile("0|[1-9][0-9]{0,7}")


def is_label_name(text: str) -> bool:
    """Any UTF-8 text will do; a byte that is none stands in a text as a lone surrogate."""
    return text != "" and not any("\ud800" <= char <= "\udfff" for char in text)


def label_replace(
    node: Call, vector: Vector, target: str, replacement: str, source: str, pattern: str, context: QueryContext
) -> Vector:
    """Sets `target` to the expanded `replacement` where `pattern` matches all of `source`."""
    try:
        regex = compile_regex(pattern)
    except ValueError:
        raise EvaluationError(f"invalid regular expression in label_replace(): {pattern}") from None
    if not is_label_name(target):
        raise EvaluationError(f"invalid destination label name in label_replace(): {target}")

    def derivation() -> tuple[LabelFrame, Mask]:
        return _replaced(vector.labels, target, source, lambda text: _expanded(regex.fullmatch(text), replacement))

    labels, changed = context.derive(node, "replaced", (vector.labels,), derivation)
    return _relabelled(node, vector, labels, target, changed, context)


def label_join(
    node: Call, vector: Vector, target: str, separator: str, sources: list[str], context: QueryContext
) -> Vector:
    """Sets `target` to the values of `sources`, joined."""
    for source in sources:
        if not is_label_name(source):
            raise EvaluationError(f"invalid source label name in label_join(): {source}")
    if not is_label_name(target):
        raise EvaluationError(f"invalid destination label name in label_join(): {target}")

    def derivation() -> LabelFrame:
        grouping = vector.labels.group(sources)
        columns = [vector.labels.column(source).take(grouping.first).texts() for source in sources]
        texts = map(separator.join, zip(*columns, strict=True)) if columns else [""] * grouping.size
        return vector.labels.with_column(target, LabelColumn.of(texts).take(grouping.group))

    labels = context.derive(node, "joined", (vector.labels,), derivation)
    return _relabelled(node, vector, labels, target, np.ones(vector.size, np.bool_), context)


def _relabelled(
    node: Call, vector: Vector, labels: LabelFrame, target: str, changed: Mask, context: QueryContext
) -> Vector:
    drops_name = vector.drops_name
    if drops_name is not None and target == METRIC_NAME:
        drops_name = drops_name & ~changed
    return merge_equal(replace(vector, labels=labels, drops_name=drops_name), node, context)


def _replaced(
    labels: LabelFrame, target: str, source: str, expansion: Callable[[str], str | None]
) -> tuple[LabelFrame, Mask]:
    """The new labels and which sets have a new `target`; `expansion` gives None where it stays."""
    column = labels.column(source)
    used = column.used()
    texts = [expansion(column.values[code]) for code in used.tolist()]
    position = np.searchsorted(used, column.codes)
    changed = np.array([text is not None for text in texts], np.bool_)[position]
    new = LabelColumn.of(text or "" for text in texts).take(position)
    old = labels.column(target)
    code_by_value = {"": 0}
    codes = np.where(changed, new.recoded(code_by_value), old.recoded(code_by_value))
    return labels.with_column(target, LabelColumn(codes, tuple(code_by_value))), changed


def _expanded(match: Any, template: str) -> str | None:
    """`template` with `$1`, `${1}` and `$name` replaced as Go's Regexp.Expand does; None without a match."""
    if match is None:
        return None

    def referenced(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        groups = match.groups()
        if not _GROUP_NUMBER.fullmatch(name):
            return match.groupdict().get(name) or ""
        number = int(name)
        return (match.group(number) or "") if number <= len(groups) else ""

    return _REFERENCE.sub(referenced, template)
