"""Exposition text, read in full: the authority that the fast path in layout_cache.py agrees with.

Source of the rules: prometheus model/textparse (promparse.go, openmetricsparse.go), 3.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from monitor.errors import ExpositionError
from monitor.model.labels import Labels
from monitor.scrape.exposition.exposition_grammar import GRAMMARS, ExpositionFormat, Grammar, MetricType
from monitor.scrape.exposition.sample_suffix import explain_malformed, read_suffix
from monitor.scrape.exposition.series_text import parse_series, shown, unescaped_character


@dataclass(frozen=True, slots=True)
class FamilyMetadata:
    """What HELP, TYPE and UNIT lines say of a metric family; empty where they say nothing."""

    family: str
    type: MetricType = MetricType.UNKNOWN
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ExposedSample:
    """One sample of a body. `timestamp_ms` is None where the body gives none."""

    labels: Labels
    value: float
    timestamp_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Exposition:
    """A whole body in its order. A series may occur more than once."""

    samples: tuple[ExposedSample, ...]
    metadata: tuple[FamilyMetadata, ...]


def parse_exposition(body: bytes, exposition_format: ExpositionFormat) -> Exposition:
    """All samples and metadata of `body`. Raises ExpositionError at the first malformed statement.

    An empty body has no samples in either format; any other OpenMetrics body must end with `# EOF`. Exemplars are
    checked and left out. `le` and `quantile` labels of histograms and summaries get their canonical number.
    """
    scanner = Scanner(body, GRAMMARS[exposition_format])
    samples = []
    while not scanner.at_end():
        statement = scanner.next_statement()
        if statement is not None:
            samples.append(ExposedSample(Labels(statement.labels), statement.value, statement.timestamp_ms))
    return Exposition(tuple(samples), scanner.metadata())


class SampleStatement(NamedTuple):
    """A sample and where it stands. Made for every new line of a body: a frozen dataclass costs five times as much.

    The value is on physical line `line` (from 0), `value_column` bytes behind its start; `one_line` tells whether the
    statement starts there too. `type` is that of the last TYPE line before it.
    """

    labels: dict[str, str]
    type: MetricType
    value: float
    timestamp_ms: int | None
    line: int
    value_column: int
    one_line: bool


class Scanner:
    """Walks through a body statement by statement. `line` counts from 0; `samples` are those passed so far."""

    __slots__ = ("_body", "_families", "_grammar", "line", "position", "samples", "type")

    def __init__(self, body: bytes, grammar: Grammar) -> None:
        self._body = body
        self._grammar = grammar
        self._families: dict[str, FamilyMetadata] = {}
        self.position = 0
        self.line = 0
        self.samples = 0
        self.type = MetricType.UNKNOWN

    def at_end(self) -> bool:
        """Whether the body ends here as it should. Its end in the wrong place is for `next_statement` to refuse."""
        return not self._body or self._grammar.end.match(self._body, self.position) is not None

    def next_statement(self) -> SampleStatement | None:
        """Steps over one statement: a sample, or None for metadata, a comment or an empty line.

        Raises ExpositionError.
        """
        body, grammar = self._body, self._grammar
        match = grammar.sample.match(body, self.position)
        if match is not None:
            return self._read_sample(match)
        match = grammar.metadata.match(body, self.position)
        if match is not None:
            self._note_metadata(match)
        elif grammar.metadata_start.match(body, self.position) is None:
            match = grammar.skipped.match(body, self.position)
        if match is None:
            raise self._error(explain_malformed(body, self.position, grammar))
        self._step_to(match.end())
        return None

    def step_over_samples(self, lines: int, length: int) -> None:
        """Steps over lines of together `length` bytes, without newlines, that are known to be a sample each."""
        self.position += length + lines
        self.line += lines
        self.samples += lines

    def metadata(self) -> tuple[FamilyMetadata, ...]:
        """What has been said of families so far, in order of first mention."""
        return tuple(self._families.values())

    def _read_sample(self, match: re.Match[bytes]) -> SampleStatement:
        try:
            value, timestamp_ms = read_suffix(match, self._grammar.format)
            labels = parse_series(match["series"], self.type)
        except ValueError as error:
            raise self._error(str(error)) from None
        start, value_start = self.position, match.start("value")
        breaks = self._body.count(b"\n", start, value_start)
        line_start = self._body.rfind(b"\n", start, value_start) + 1 if breaks else start
        line = self.line + breaks
        self._step_to(match.end())
        self.samples += 1
        return SampleStatement(labels, self.type, value, timestamp_ms, line, value_start - line_start, breaks == 0)

    def _step_to(self, position: int) -> None:
        self.line += self._body.count(b"\n", self.position, position)
        self.position = position

    def _note_metadata(self, match: re.Match[bytes]) -> None:
        keyword = match["keyword"].decode()
        text = match["text"][1:] if match["text"].strip(b" \t") else b""
        try:
            family = match["family"].removeprefix(b'"').removesuffix(b'"').decode()
            known = self._families.get(family) or FamilyMetadata(family)
            self._families[family] = self._with_metadata(known, keyword, text)
        except UnicodeDecodeError as error:
            raise self._error(f"got invalid UTF-8 in {shown(match[0])}, want UTF-8 ({error.reason})") from None
        except ValueError as error:
            raise self._error(f"{keyword} of {family}: {error}") from None

    def _with_metadata(self, known: FamilyMetadata, keyword: str, text: bytes) -> FamilyMetadata:
        if keyword == "TYPE":
            self.type = self._known_type(text)
            return replace(known, type=self.type)
        if keyword == "HELP":
            return replace(known, help=self._grammar.help_escape.sub(unescaped_character, text.decode()))
        unit = text.decode()
        if unit and not known.family.endswith(f"_{unit}"):
            raise ValueError(f"got unit {unit!r}, want one that the family's name ends with")
        return replace(known, unit=unit)

    def _known_type(self, text: bytes) -> MetricType:
        try:
            return self._grammar.type_by_text[text]
        except KeyError:
            wanted = ", ".join(name.decode() for name in self._grammar.type_by_text)
            raise ValueError(f"got type {shown(text)}, want one of {wanted}") from None

    def _error(self, message: str) -> ExpositionError:
        return ExpositionError(self.line + 1, message, self.samples)
