"""Names that fit what somebody typed, best first."""

from __future__ import annotations

import enum
import heapq
import re
from collections.abc import Iterable, Iterator

_WORD_ENDS = re.compile(r"[_:.\-/\s]+")


class Fit(enum.IntEnum):
    """How a name fits; the lower, the better."""

    EXACT = 0
    PREFIX = 1
    WORD = 2
    """Begins a word of the name."""
    INSIDE = 3
    INITIALS = 4
    """The first letters of words, as in `hrt` for http_requests_total."""
    SCATTERED = 5
    """All letters, in order, with others between them."""


Rank = tuple[int, int, int, int, str]
"""Sums over the words of fit, letters from the first to the last that fit, and place; length, name: lowest is best."""


def rank_names(names: Iterable[str], typed: str, limit: int) -> list[str]:
    """The `limit` names that fit `typed` best; in the order of the alphabet if nothing is typed.

    Case does not count. Words that are typed with blanks between them must fit each.
    """
    words = typed.lower().split()
    if not words:
        return heapq.nsmallest(limit, names)
    matchers = [_WordMatcher(word) for word in words]
    return [rank[-1] for rank in heapq.nsmallest(limit, _ranks(names, matchers))]


def _ranks(names: Iterable[str], matchers: list[_WordMatcher]) -> Iterator[Rank]:
    for name in names:
        lowered = name.lower()
        fits = [matcher.fit(lowered) for matcher in matchers]
        if None not in fits:
            known = [fit for fit in fits if fit is not None]
            fit, span, place = (sum(numbers) for numbers in zip(*known, strict=True))
            yield fit, span, place, len(name), name


class _WordMatcher:
    def __init__(self, word: str) -> None:
        self._word = word
        letters = [re.escape(letter) for letter in word]
        between = [f"[^{letter}]*{letter}" for letter in letters[1:]]
        # Looking ahead finds overlapping ones: the most compact is not always the first.
        self._scattered = re.compile(f"(?=({letters[0]}{''.join(between)}))", re.DOTALL)

    def fit(self, name: str) -> tuple[int, int, int] | None:
        """The Fit, how many letters it spreads over, and where it begins; None if the name does not fit."""
        word = self._word
        place = name.find(word)
        if place >= 0:
            return self._inside(name, place), len(word), place
        spans = [(match.end(1) - match.start(1), match.start(1)) for match in self._scattered.finditer(name)]
        if not spans:
            return None
        span, place = min(spans)
        if len(word) > 1 and "".join(part[0] for part in _WORD_ENDS.split(name) if part).startswith(word):
            return Fit.INITIALS, span, place
        return Fit.SCATTERED, span, place

    def _inside(self, name: str, place: int) -> Fit:
        if place == 0:
            return Fit.EXACT if len(name) == len(self._word) else Fit.PREFIX
        begins_word = re.search(rf"[_:.\-/\s]{re.escape(self._word)}", name)
        return Fit.WORD if begins_word else Fit.INSIDE
