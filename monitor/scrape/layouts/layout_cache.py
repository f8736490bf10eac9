"""From body to layout: the same one as last time, one that another target has, or a new one.

Whatever way a body takes, the result is the same; exposition.py is the authority (tests compare them).
"""

from __future__ import annotations

from collections import deque
from functools import partial
from weakref import ReferenceType, ref

from monitor.config.scrape_config import HistogramScraping
from monitor.scrape.exposition.exposition_grammar import GRAMMARS, ExpositionFormat
from monitor.scrape.exposition.metric_families import MetricOutline
from monitor.scrape.layouts.family_layout import FamilyLayout, FamilyLayoutBuilder
from monitor.scrape.layouts.layout import Layout
from monitor.scrape.layouts.layout_builder import LayoutBuilder
from monitor.scrape.layouts.text_layout import TextLayout


class LayoutTable:
    """The layouts in use, so that targets which expose the same text share one.

    The newest layouts, of at most `recent_lines_max` lines together (150 bytes each), are kept although nobody uses
    them, for targets that go to and fro between a few. A body is tried against at most `candidates_max` layouts with
    its number of lines.
    """

    def __init__(self, recent_lines_max: int = 100_000, candidates_max: int = 4) -> None:
        self._recent: deque[Layout] = deque()
        self._recent_lines = 0
        self._recent_lines_max = recent_lines_max
        self._candidates_max = candidates_max
        self._by_size: dict[tuple[ExpositionFormat, int], list[ReferenceType[Layout]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_size.values()))

    def find(
        self, exposition_format: ExpositionFormat, body: bytes, lines: list[bytes]
    ) -> tuple[Layout | None, list[int]]:
        """A layout that has read `body`, and which samples were odd in it (see Layout.read)."""
        references = self._by_size.get((exposition_format, len(lines)), [])
        for reference in references[: -self._candidates_max - 1 : -1]:
            layout = reference()
            odd: list[int] = []
            if isinstance(layout, TextLayout) and layout.read(body, lines, odd):
                return layout, odd
        return None, []

    def find_families(self, outlines: list[MetricOutline]) -> FamilyLayout | None:
        """The layout of bodies with these outlines. May be called in any thread."""
        for reference in tuple(self._by_size.get((ExpositionFormat.PROTOBUF, hash(tuple(outlines))), ())):
            layout = reference()
            if isinstance(layout, FamilyLayout) and layout.outlines == outlines:
                return layout
        return None

    def latest(self, exposition_format: ExpositionFormat) -> Layout | None:
        """The newest layout of that format: what its series texts mean need not be worked out again."""
        return next((layout for layout in reversed(self._recent) if layout.format is exposition_format), None)

    def has(self, layout: Layout) -> bool:
        references = self._by_size.get((layout.format, layout.fits_like), ())
        return any(reference() is layout for reference in references)

    def add(self, layout: Layout) -> None:
        if not layout.is_reusable:
            return
        key = (layout.format, layout.fits_like)
        self._by_size.setdefault(key, []).append(ref(layout, partial(self._forget, key)))
        self._recent.append(layout)
        self._recent_lines += layout.lines
        while self._recent_lines > self._recent_lines_max:
            self._recent_lines -= self._recent.popleft().lines

    def _forget(self, key: tuple[ExpositionFormat, int], reference: ReferenceType[Layout]) -> None:
        references = self._by_size[key]
        references.remove(reference)
        if not references:
            del self._by_size[key]


class ExpositionReader:
    """Reads the bodies of one target. `layout` is that of the last body that was read well."""

    __slots__ = ("_odd", "_table", "layout")

    def __init__(self, table: LayoutTable) -> None:
        self._table = table
        self._odd: list[int] = []
        self.layout: Layout | None = None

    def read(self, body: bytes, exposition_format: ExpositionFormat) -> LayoutBuilder | None:
        """Reads `body` into the values of `layout`, its own or one of another target; None if there is one that fits.

        Otherwise a builder for a new one, which may be built in another thread; then it is to be adopted.
        """
        lines = body.split(b"\n")
        known = self.layout
        if isinstance(known, TextLayout) and known.format is exposition_format and known.read(body, lines, self._odd):
            return None
        found, odd = self._table.find(exposition_format, body, lines)
        if found is None:
            return LayoutBuilder(body, lines, GRAMMARS[exposition_format], known, self._table.latest(exposition_format))
        self.layout, self._odd = found, odd
        return None

    def read_families(self, body: bytes, histograms: HistogramScraping, cells_max: int) -> FamilyLayoutBuilder:
        """What reads a body of metric families; what it builds is to be adopted."""
        return FamilyLayoutBuilder(body, histograms, cells_max, self.layout, self._table.find_families)

    def adopt(self, layout: Layout) -> None:
        """Makes a layout that was built the one of this target, and known to others."""
        if not self._table.has(layout):
            self._table.add(layout)
        self.layout, self._odd = layout, []
