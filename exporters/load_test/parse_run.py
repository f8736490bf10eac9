"""From the output of a load generator to a run, whichever tool it was."""

from __future__ import annotations

import re

from exporters.errors import UnreadableRun
from exporters.load_test.ab_output import parse_ab
from exporters.load_test.hey_output import parse_hey
from exporters.load_test.output_lines import whole_lines
from exporters.load_test.runs import LoadTestRun
from exporters.load_test.wrk_output import parse_wrk

# What each tool prints first, and so does again for a second run.
_FIRST_LINES = {
    parse_wrk: re.compile(r"^Running \S+ test @ ", re.MULTILINE),
    parse_ab: re.compile(r"^This is ApacheBench, ", re.MULTILINE),
    parse_hey: re.compile(r"^Summary:$", re.MULTILINE),
}


def parse_run(text: str, name: str = "output of a load test") -> LoadTestRun:
    """The one run in `text`; `name` is for the message.

    Raises UnreadableRun: if the run did not finish there are no figures at all, not some.
    """
    text = whole_lines(text.replace("\r\n", "\n"))
    starts = {parse: len(first_line.findall(text)) for parse, first_line in _FIRST_LINES.items()}
    if sum(starts.values()) != 1:
        raise UnreadableRun(name, f"the output of one run of wrk, ab or hey, got {sum(starts.values())} runs")
    [parse] = [parse for parse, count in starts.items() if count]
    try:
        return parse(text)
    except UnreadableRun as error:
        raise UnreadableRun(f"{name}: {error.what}", error.wanted) from error
