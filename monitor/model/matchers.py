"""Label matchers: `=`, `!=`, `=~`, `!~`, with RE2 syntax, anchored at both ends, a dot matching any character."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import re2

from monitor.model.label_frame import LabelColumn, LabelFrame
from monitor.model.labels import quote
from monitor.model.samples import Mask

_ALTERNATIVES = re.compile(r"[\w\-/:@ ]*(?:\|[\w\-/:@ ]*)*")
REGEX_CACHE_SIZE = 1024


class MatchOp(enum.Enum):
    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


@lru_cache(maxsize=REGEX_CACHE_SIZE)
def compile_regex(pattern: str) -> Any:
    """An RE2 program for `pattern`. RE2 takes linear time on any pattern. Raises ValueError with RE2's reason."""
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"error parsing regexp: {text}") from None


def literal_alternatives(pattern: str) -> frozenset[str] | None:
    """The texts that `pattern` matches if it is only literals with `|` between them, else None."""
    return frozenset(pattern.split("|")) if _ALTERNATIVES.fullmatch(pattern) else None


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label. A label that a series does not have counts as empty."""

    name: str
    op: MatchOp
    value: str
    literals: frozenset[str] | None = field(init=False, repr=False, compare=False)
    """The only texts that the positive form matches, where that is known without a regex."""
    _hash: int = field(init=False, repr=False, compare=False)
    """Selectors are looked up a dozen times in a query."""

    def __post_init__(self) -> None:
        if self.op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL):
            literals: frozenset[str] | None = frozenset({self.value})
        else:
            compile_regex(self.value)
            literals = literal_alternatives(self.value)
        object.__setattr__(self, "literals", literals)
        object.__setattr__(self, "_hash", hash((self.name, self.op, self.value)))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return f"{self.name}{self.op.value}{quote(self.value)}"

    @property
    def is_negative(self) -> bool:
        return self.op in (MatchOp.NOT_EQUAL, MatchOp.NOT_REGEX)

    @property
    def matches_empty(self) -> bool:
        """Whether series without the label match."""
        return self.matches("")

    def matches(self, text: str) -> bool:
        if self.literals is not None:
            found = text in self.literals
        else:
            found = compile_regex(self.value).fullmatch(text) is not None
        return found != self.is_negative

    def mask(self, column: LabelColumn) -> Mask:
        """Which sets of a column match, (S,)."""
        used = column.used()
        verdicts = np.array([self.matches(column.values[code]) for code in used.tolist()], np.bool_)
        return verdicts[np.searchsorted(used, column.codes)]


def match_rows(frame: LabelFrame, matchers: tuple[Matcher, ...]) -> Mask:
    """Which sets of `frame` match all of `matchers`, (S,)."""
    mask = np.ones(frame.size, np.bool_)
    for matcher in matchers:
        mask &= matcher.mask(frame.column(matcher.name))
    return mask
