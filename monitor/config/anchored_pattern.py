"""A regular expression of relabelling: RE2, anchored at both ends, with fast ways for the frequent forms."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from monitor.model.matchers import compile_regex, literal_alternatives

_ANY_TEXT = ".*"
_ANY_TEXT_AS_GROUP = "(.*)"
VERDICT_CACHE_SIZE = 1024


class AnchoredPattern:
    """Matches whole texts only. A dot matches any character, as upstream compiles `^(?s:…)$`.

    RE2 called from Python costs about 1 us to refuse a text and 3 us to give groups. Literal alternatives are a set
    lookup instead (0.1 us), and other verdicts are remembered, since most rules look at few different texts.
    Raises ValueError with RE2's reason if `regex` does not compile.
    """

    __slots__ = ("_groups_of", "_literals", "_program", "group_by_name", "regex")

    def __init__(self, regex: str) -> None:
        self.regex = regex
        self._program: Any = compile_regex(regex)
        self.group_by_name: dict[str, int] = dict(self._program.groupindex)
        self._literals = literal_alternatives(regex)
        self._groups_of = lru_cache(maxsize=VERDICT_CACHE_SIZE)(self._search)

    def groups(self, text: str) -> tuple[str, ...] | None:
        """The whole match and then each group, "" where a group took no part; None if `text` does not match."""
        if self.regex == _ANY_TEXT_AS_GROUP:
            return (text, text)
        if self.regex == _ANY_TEXT:
            return (text,)
        if self._literals is not None:
            return (text,) if text in self._literals else None
        return self._groups_of(text)

    def matches(self, text: str) -> bool:
        return self.groups(text) is not None

    def _search(self, text: str) -> tuple[str, ...] | None:
        # Bytes spare RE2's wrapper the conversion of offsets, which costs more than the match: 3 us instead of 15 us.
        match = self._program.fullmatch(text.encode())
        if match is None:
            return None
        return (text, *(group.decode() for group in match.groups(default=b"")))
