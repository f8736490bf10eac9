"""The two exposition grammars, as regular expressions over bytes.

Prometheus text (0.0.4, and 1.0.0 which adds quoted UTF-8 names) and OpenMetrics (0.0.1 and 1.0.0). They accept what
Prometheus's lexers accept (model/textparse/promlex.l, openmetricslex.l), quirks included: in Prometheus text commas
between labels are optional and label values may hold raw newlines; label values and HELP texts may hold NUL bytes.
Two quirks are left out because they lose data without a word: there NUL bytes in some other places end the body in
silence, and blanks before a metric name become part of it.

All repetition is possessive: matching takes linear time whatever the body.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class ExpositionFormat(enum.Enum):
    PROMETHEUS_TEXT = "text/plain"
    OPENMETRICS = "application/openmetrics-text"
    PROTOBUF = "application/vnd.google.protobuf"


class MetricType(enum.Enum):
    """What a family's TYPE line says. `untyped` of Prometheus text is UNKNOWN."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    GAUGE_HISTOGRAM = "gaugehistogram"
    SUMMARY = "summary"
    INFO = "info"
    STATESET = "stateset"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """One format. Every pattern is matched at a position; named groups give the parts.

    `sample` is a whole statement (series, value, timestamp, exemplar_*); `suffix` the part of it from the value to the
    end of the line, without the newline. `metadata` is a HELP, TYPE or UNIT statement (keyword, family, text), and a
    line on which `metadata_start` matches must be one. `skipped` is a comment or an empty line, `end` what ends a body.
    `stages` lead through a sample: the last one that matches a malformed statement ends where the fault is, and its
    text says what was wanted there.
    """

    format: ExpositionFormat
    sample: re.Pattern[bytes]
    suffix: re.Pattern[bytes]
    metadata: re.Pattern[bytes]
    metadata_start: re.Pattern[bytes]
    skipped: re.Pattern[bytes]
    end: re.Pattern[bytes]
    stages: tuple[tuple[re.Pattern[bytes], str], ...]
    type_by_text: dict[bytes, MetricType]
    help_escape: re.Pattern[str]


_NAME = rb"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_LABEL_NAME = rb"[a-zA-Z_][a-zA-Z0-9_]*+"
_QUOTED_NAME = rb'"[^"\\\x00]*+(?:\\[^\n\x00][^"\\\x00]*+)*+"'
_LABEL = 'a label such as name="value"'


def _prometheus_text() -> Grammar:
    blanks = rb"[ \t]*+"
    string = rb'"[^"\\]*+(?:\\\x00*+[^\n\x00][^"\\]*+)*+"'
    label = rb"(?:%b|%b)%b=%b%b" % (_LABEL_NAME, _QUOTED_NAME, blanks, blanks, string)
    quoted_metric_name = rb"%b%b(?:,|(?=\}))" % (_QUOTED_NAME, blanks)
    items = rb"\{%b(?:(?:%b%b,?+|%b)%b)*+" % (blanks, label, blanks, quoted_metric_name, blanks)
    series = rb"(?P<series>%b(?:%b%b\})?+|%b\})" % (_NAME, blanks, items, items)
    value = rb"(?P<value>[^{ \t\n\x00]++)"
    timestamp = rb"(?:[ \t]++(?P<timestamp>[0-9]++))?+"
    metadata_start = rb"%b\#[ \t]++(?P<keyword>HELP|TYPE)[ \t]++" % blanks
    line_end = rb"(?:\n|\Z)"
    return Grammar(
        format=ExpositionFormat.PROMETHEUS_TEXT,
        sample=re.compile(blanks + series + blanks + value + timestamp + blanks + line_end),
        suffix=re.compile(value + timestamp + blanks),
        metadata=re.compile(metadata_start + rb"(?P<family>%b|%b)(?P<text>[^\n]*+)" % (_NAME, _QUOTED_NAME) + line_end),
        metadata_start=re.compile(metadata_start),
        skipped=re.compile(blanks + rb"(?:\#[^\n]*+)?+" + line_end),
        end=re.compile(rb"\Z"),
        stages=(
            (re.compile(blanks), "a metric name, { or #"),
            (re.compile(blanks + rb"(?:%b)?+" % _NAME + blanks + items), f"{_LABEL} or }}"),
            (re.compile(blanks + series + blanks), "a value"),
            (re.compile(blanks + series + blanks + value + timestamp + blanks), "a timestamp or the end of the line"),
        ),
        type_by_text={
            b"counter": MetricType.COUNTER,
            b"gauge": MetricType.GAUGE,
            b"histogram": MetricType.HISTOGRAM,
            b"summary": MetricType.SUMMARY,
            b"untyped": MetricType.UNKNOWN,
        },
        help_escape=re.compile(r"\\([\\n])"),
    )


def _openmetrics() -> Grammar:
    string = rb'"[^"\\\n]*+(?:\\\x00*+[^\n\x00][^"\\\n]*+)*+"'
    string_without_nul = rb'"[^"\\\n\x00]*+(?:\\[^\n\x00][^"\\\n\x00]*+)*+"'
    items = rb"\{(?:(?:(?:%b|%b)=%b|%b)(?:,|(?=\})))*+" % (_LABEL_NAME, _QUOTED_NAME, string, _QUOTED_NAME)
    series = rb"(?P<series>%b(?:%b\})?+|%b\})" % (_NAME, items, items)
    number = rb"[^ \n\x00]++"
    value = rb"(?P<value>%b)" % number
    timestamp = rb"(?:[ ](?!\#[ ]\{)(?P<timestamp>%b))?+" % number
    exemplar_label = rb"(?:%b|%b)=%b" % (_LABEL_NAME, string_without_nul, string_without_nul)
    exemplar = (
        rb"(?:[ ]\#[ ](?P<exemplar_labels>\{(?:%b(?:,|(?=\})))*+\})" % exemplar_label
        + rb"[ ](?P<exemplar_value>%b)(?:[ ](?P<exemplar_timestamp>%b))?+)?+" % (number, number)
    )
    metadata_start = rb"\#[ ](?P<keyword>HELP|TYPE|UNIT)[ ]"
    return Grammar(
        format=ExpositionFormat.OPENMETRICS,
        sample=re.compile(series + rb"[ ]" + value + timestamp + exemplar + rb"\n"),
        suffix=re.compile(value + timestamp + exemplar),
        metadata=re.compile(metadata_start + rb"(?P<family>%b|%b)(?P<text>[ ][^\n]*+)\n" % (_NAME, _QUOTED_NAME)),
        metadata_start=re.compile(metadata_start),
        skipped=re.compile(rb"(?!)"),
        end=re.compile(rb"\#[ ]EOF\n?+\Z"),
        stages=(
            (re.compile(rb""), "a metric name, {, # HELP, # TYPE, # UNIT or # EOF"),
            (re.compile(rb"(?:%b)?+" % _NAME + items), f"{_LABEL}, a comma or }}"),
            (re.compile(series), "a space and a value"),
            (
                re.compile(series + rb"[ ]" + value + timestamp + exemplar),
                "a timestamp, an exemplar or the end of the line",
            ),
        ),
        type_by_text={type_.value.encode(): type_ for type_ in MetricType},
        help_escape=re.compile(r'\\([\\n"])'),
    )


PROMETHEUS_TEXT = _prometheus_text()
OPENMETRICS = _openmetrics()
GRAMMARS = {grammar.format: grammar for grammar in (PROMETHEUS_TEXT, OPENMETRICS)}
