"""Whole bodies, judged by us and by a real Prometheus."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from prometheus_oracle import ExposedBody, Verdict, judge

from monitor.errors import ExpositionError
from monitor.scrape.exposition.exposition_grammar import ExpositionFormat
from monitor.scrape.exposition.parse_exposition import Exposition, parse_exposition

BODIES = 250
CONTENT_TYPES = {
    ExpositionFormat.PROMETHEUS_TEXT: "text/plain; version=0.0.4",
    ExpositionFormat.OPENMETRICS: "application/openmetrics-text; version=1.0.0",
}
STATEMENTS = [
    "a 1", "b_total 2.5e3", 'c{x="y",z="w"} -7', 'd{x="q\\"\\\\\\n"} NaN', '{"e f",g="h"} +Inf', 'i{"j.k"="l"} 0',
    "m 1 5",
    "# TYPE n histogram", 'n_bucket{le="1"} 3', 'n_bucket{le="+Inf"} 4', "# TYPE o summary", 'o{quantile="0.50"} 1',
    "# HELP p some help", "# TYPE q counter", "# a comment", "", "r{} 1", 's{t=""} 1', 'u{v="w",} 1e-3', "x .5",
    "y +1", 'z{a="b"} 1 # {t="u"} 0.5', "aa 1 1.5", "# UNIT ab_seconds seconds", "# TYPE ac info", "ad 0x1p3",
    "ae 1e999", 'af{b="c" d="e"} 1', 'ag {b="c"} 1', "ah  1", "ai 1 ", 'aj{b = "c"} 1', 'ak{b="1",b="2"} 1',
    'al{__name__="x"} 1', 'am{b="c\0d"} 1', "# HELP an x y",
]  # fmt: skip
PIECES = [" ", "\t", "\n", '"', "{", "}", ",", "=", "#", "\\", "1", "-", "a", "e", ".", "\r", "\xff", "ü", "# EOF"]
# Where we part with Prometheus on purpose: see exposition_grammar.py. The last one is a bug that Prometheus has mended.
DIFFERENT_ON_PURPOSE = re.compile(
    rb"""
      (?:^|\n)[ \t]+[a-zA-Z_:]                      # blanks that become part of a name
    | [{,][ \t]*[a-zA-Z_][a-zA-Z0-9_]*[ \t]*[,}]    # a label without a value taken for a metric name
    """,
    re.VERBOSE,
)


def generated_body(source: random.Random, exposition_format: ExpositionFormat) -> bytes:
    """A few statements, with a few characters changed in most bodies."""
    text = "".join(f"{line}\n" for line in source.choices(STATEMENTS, k=source.randint(1, 3)))
    if exposition_format is ExpositionFormat.OPENMETRICS:
        text += "# EOF\n"
    for _ in range(source.choice([0, 1, 1, 2])):
        start = source.randrange(len(text) + 1)
        text = text[:start] + source.choice(["", *PIECES]) + text[start + source.randint(0, 1) :]
    return text.encode("latin-1") if source.random() < 0.2 else text.encode()


def ours(body: bytes, exposition_format: ExpositionFormat) -> Exposition | None:
    try:
        return parse_exposition(body, exposition_format)
    except ExpositionError:
        return None


def series_of(exposition: Exposition) -> dict[tuple[tuple[str, str], ...], float]:
    """The first sample of each series that has no timestamp of its own."""
    series: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in exposition.samples:
        if sample.timestamp_ms is None:
            series.setdefault(tuple(sample.labels.items()), sample.value)
    return series


def difference(body: bytes, exposition: Exposition | None, verdict: Verdict) -> str:
    """What we and Prometheus disagree about; empty if nothing."""
    if (exposition is not None) != verdict.is_up:
        return f"{body!r}: got {'accepted' if exposition else 'refused'}, Prometheus says {verdict.error or 'up'}"
    if exposition is None:
        return ""
    theirs = {labels: float(value) for labels, value in verdict.series.items()}
    if repr(sorted(series_of(exposition).items())) != repr(sorted(theirs.items())):
        return f"{body!r}: got {series_of(exposition)}, Prometheus has {theirs}"
    if len(exposition.samples) != verdict.samples_scraped:
        return f"{body!r}: got {len(exposition.samples)} samples, Prometheus has {verdict.samples_scraped}"
    return ""


@pytest.mark.parametrize("exposition_format", list(CONTENT_TYPES))
def test_bodies_are_accepted_refused_and_read_as_prometheus_does(
    exposition_format: ExpositionFormat, tmp_path: Path
) -> None:
    source = random.Random(exposition_format.value)
    bodies = [generated_body(source, exposition_format) for _ in range(BODIES)]
    bodies = [body for body in bodies if body and not DIFFERENT_ON_PURPOSE.search(body)]
    exposed = [ExposedBody(CONTENT_TYPES[exposition_format], body) for body in bodies]

    verdicts = judge(exposed, tmp_path)

    pairs = zip(bodies, verdicts, strict=True)
    differences = [difference(body, ours(body, exposition_format), verdict) for body, verdict in pairs]
    assert [text for text in differences if text] == []
    assert sum(verdict.is_up for verdict in verdicts) > BODIES / 10
    assert sum(not verdict.is_up for verdict in verdicts) > BODIES / 10
