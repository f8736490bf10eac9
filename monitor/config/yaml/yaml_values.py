"""One scalar to one typed value.

Each function takes a ScalarNode and returns the value, or raises ValueError with "got …, want …". They follow what
Prometheus's YAML library accepts: any unquoted or quoted scalar is a text; numbers and booleans must be unquoted.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from monitor.config.yaml.yaml_nodes import ListNode, MappingNode, Node, ScalarNode
from monitor.model.matchers import compile_regex

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)

_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?")
_SHOWN_CHARACTERS = 60


def describe(node: Node) -> str:
    """What kind of thing stands there, for a message. A text is not repeated: it may be a secret in a wrong place."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, ListNode):
        return "a list"
    return "nothing" if node.is_null else "a single value"


def shown(text: str) -> str:
    """`text` in quotes, cut where it is long."""
    return repr(text) if len(text) <= _SHOWN_CHARACTERS else repr(text[:_SHOWN_CHARACTERS])[:-1] + "…'"


def to_flag(node: ScalarNode) -> bool:
    if node.plain and node.text in _TRUE:
        return True
    if node.plain and node.text in _FALSE:
        return False
    hint = " without quotes" if node.text in _TRUE | _FALSE else ""
    raise ValueError(f"got {shown(node.text)}, want true or false{hint}")


def to_integer(node: ScalarNode) -> int:
    """A whole number; `1e6` counts, a leading zero does not (YAML 1.1 would read it as octal)."""
    if node.plain and _INTEGER.fullmatch(node.text):
        return int(node.text.replace("_", ""))
    if node.plain and _NUMBER.fullmatch(node.text) and not node.text.startswith("0"):
        number = float(node.text.replace("_", ""))
        if number.is_integer():
            return int(number)
    raise ValueError(f"got {shown(node.text)}, want a whole number{_quote_hint(node, _INTEGER)}")


def to_number(node: ScalarNode) -> float:
    """A finite number."""
    if node.plain and _NUMBER.fullmatch(node.text):
        number = float(node.text.replace("_", ""))
        if abs(number) != float("inf"):
            return number
    raise ValueError(f"got {shown(node.text)}, want a number{_quote_hint(node, _NUMBER)}")


def within(value: float, minimum: float | None, maximum: float | None) -> None:
    """Raises ValueError if `value` is outside the bounds, both inclusive."""
    if minimum is not None and value < minimum:
        raise ValueError(f"got {value}, want at least {minimum}")
    if maximum is not None and value > maximum:
        raise ValueError(f"got {value}, want at most {maximum}")


def to_choice(choices: Mapping[str, T]) -> Callable[[str], T]:
    """A parser that takes exactly the keys of `choices`."""

    def parse(text: str) -> T:
        if text not in choices:
            raise ValueError(f"got {shown(text)}, want {join_choices(list(choices))}")
        return choices[text]

    return parse


def to_member(kind: type[E]) -> Callable[[str], E]:
    """A parser for the values of an enum of texts."""
    return to_choice({str(member.value): member for member in kind})


def to_regex(text: str) -> str:
    """`text`, which compiles as RE2. Raises ValueError with RE2's reason."""
    try:
        compile_regex(text)
    except ValueError as error:
        raise ValueError(f"got {shown(text)}, want a regular expression: {error}") from None
    return text


def join_choices(choices: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`; the empty text is left out."""
    *others, last = [choice for choice in choices if choice]
    return f"{', '.join(others)} or {last}" if others else last


def _quote_hint(node: ScalarNode, pattern: re.Pattern[str]) -> str:
    return " without quotes" if not node.plain and pattern.fullmatch(node.text) else ""
