"""From the text of an exposed series, `name{label="value"}` or `{"name",label="value"}`, to its labels."""

from __future__ import annotations

import re
from sys import intern

from monitor.model.labels import METRIC_NAME
from monitor.scrape.exposition.exposition_grammar import MetricType
from monitor.scrape.exposition.go_float import format_openmetrics_float, parse_go_float

SHOWN_BYTES = 60
_NAME_BEFORE_BRACES = re.compile(r"[^{ \t]*+")
_ITEM = re.compile(
    r'(?:([a-zA-Z_][a-zA-Z0-9_]*+)|"([^"\\]*+(?:\\.[^"\\]*+)*+)")[ \t]*+(?:(=)[ \t]*+"([^"\\]*+(?:\\.[^"\\]*+)*+)")?+',
    re.DOTALL,
)
_ESCAPE = re.compile(r'\\([\\n"])')
_NUMERIC_LABEL = {MetricType.HISTOGRAM: "le", MetricType.SUMMARY: "quantile"}


def parse_series(series: bytes, type_: MetricType) -> dict[str, str]:
    """The labels of a syntactically correct series text. Raises ValueError.

    Those that the text gives as empty are there too: with honor_labels they keep a target label away. `le` of a
    histogram and `quantile` of a summary get their canonical number, as Prometheus 3 stores them.
    """
    try:
        text = series.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"got invalid UTF-8 in {shown(series)}, want UTF-8 ({error.reason})") from None
    pairs = _label_pairs(text)
    labels = dict(pairs)
    if len(labels) < len(pairs) or "" in labels:
        labels = _unique_labels(pairs, series)
    numeric_label = _NUMERIC_LABEL.get(type_)
    if numeric_label in labels:
        labels[numeric_label] = _canonical_number(labels[numeric_label])
    if not labels.get(METRIC_NAME):
        raise ValueError(f"got no metric name in {shown(series)}, want one that is not empty")
    return labels


def shown(text: bytes) -> str:
    """`text` for a message: quoted, its beginning if it is long."""
    dots = "..." if len(text) > SHOWN_BYTES else ""
    return f"{text[:SHOWN_BYTES].decode(errors='replace')!r}{dots}"


def unescape(text: str) -> str:
    """With `\\\\`, `\\n` and `\\"` replaced; any other backslash stays."""
    return _ESCAPE.sub(unescaped_character, text) if "\\" in text else text


def unescaped_character(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]


def _label_pairs(text: str) -> list[tuple[str, str]]:
    """All labels in order, the metric name first under its label name. Raises ValueError unless there is just one."""
    bare_name = _NAME_BEFORE_BRACES.match(text)
    assert bare_name is not None, f"BUG: got no match of an optional name in {text!r}"
    metric_names = [bare_name[0]] if bare_name[0] else []
    pairs = []
    for plain, quoted, equals, value in _ITEM.findall(text, bare_name.end()):
        name = plain or unescape(quoted)
        if equals:
            pairs.append((intern(name), intern(unescape(value))))
        else:
            metric_names.append(name)
    if len(metric_names) != 1:
        raise ValueError(f"got metric names {metric_names}, want one, before the braces or quoted inside")
    return [(METRIC_NAME, intern(metric_names[0])), *pairs]


def _unique_labels(pairs: list[tuple[str, str]], series: bytes) -> dict[str, str]:
    """A label that is empty once is empty wherever it occurs, as in Prometheus's label builder."""
    empty = {name for name, value in pairs if not value}
    labels = dict.fromkeys(empty - {""}, "")
    for name, value in pairs:
        if name in empty:
            continue
        if name in labels or not name:
            raise ValueError(f"got label name {name!r} in {shown(series)}, want names that are unique and not empty")
        labels[name] = value
    return labels


def _canonical_number(text: str) -> str:
    number = parse_go_float(text)
    return text if number is None else intern(format_openmetrics_float(number))
