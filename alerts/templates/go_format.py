"""Go's fmt: how values print, and printf's verbs for the types that templates have."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.templates.go_time import duration_text, time_text
from alerts.templates.values import (
    AlertData,
    AnyMap,
    Duration,
    NamedInt,
    QueryResult,
    Sample,
    StringMap,
    Time,
    type_name,
)
from monitor.model.labels import quote
from monitor.promql.functions.go_format import format_general

WIDTH_MAX = 100_000
_DIRECTIVE = re.compile(r"%([-+# 0]*)((?:\[\d+\])?\*|\d+)?(?:\.((?:\[\d+\])?\*|\d+)?)?(\[\d+\])?(.?)", re.DOTALL)
_STAR_INDEX = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Directive:
    """One `%…` of a format; `width` and `precision` None if they are not given."""

    flags: str
    width: int | None
    precision: int | None
    verb: str


PLAIN = Directive("", None, None, "v")


def print_text(values: Sequence[object]) -> str:
    """Go's fmt.Sprint: a space between two values when neither is a string."""
    parts: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            parts.append(" ")
        parts.append(value_text(value))
    return "".join(parts)


def value_text(value: object) -> str:
    """`value` under `%v`."""
    return value if isinstance(value, str) else format_value(value, PLAIN)


def shown_text(value: object) -> str:
    """`value` as an action prints it: like `%v`, but a pointer is followed and nil is `<no value>`."""
    if value is None:
        return "<no value>"
    return value_text(value).removeprefix("&") if isinstance(value, Sample) else value_text(value)


def format_value(value: object, directive: Directive) -> str:
    """`value` under any verb; a verb that does not fit gives Go's `%!verb(type=value)`."""
    if directive.verb == "v" and "+" in directive.flags and not isinstance(value, Sample | AlertData):
        directive = replace(directive, flags=directive.flags.replace("+", ""))
    if directive.verb == "T":
        return _padded(type_name(value), directive)
    if value is None:
        return _padded("<nil>", directive) if directive.verb == "v" else f"%!{directive.verb}(<nil>)"
    formatted = _FORMATTERS[_shape(value)](value, directive)
    if formatted is None:
        return f"%!{directive.verb}({type_name(value)}={value_text(value)})"
    return formatted


def _shape(value: object) -> type:
    for shape in _FORMATTERS:
        if isinstance(value, shape):
            return shape
    raise AssertionError(f"BUG: got a {type(value)} to print")


def _padded(text: str, directive: Directive, *, zeros: bool = False) -> str:
    width = directive.width or 0
    if "-" in directive.flags:
        return text.ljust(width)
    if zeros and "0" in directive.flags and len(text) < width:
        sign = text[:1] if text[:1] in ("+", "-", " ") else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def _format_bool(value: object, directive: Directive) -> str | None:
    return _padded("true" if value else "false", directive) if directive.verb in "tv" else None


def _format_string(value: object, directive: Directive) -> str | None:
    assert isinstance(value, str), f"BUG: got {value!r}, want a str"
    text = value if directive.precision is None else value[: directive.precision]
    match directive.verb:
        case "s" | "v":
            shown = quote(text) if "#" in directive.flags and directive.verb == "v" else text
        case "q":
            shown = f"`{text}`" if "#" in directive.flags and "`" not in text else quote(text)
        case "x" | "X":
            shown = text.encode().hex(" ") if " " in directive.flags else text.encode().hex()
            shown = shown.upper() if directive.verb == "X" else shown
        case _:
            return None
    return _padded(shown, directive, zeros=True)


_INTEGER_BASES = {"d": "d", "v": "d", "x": "x", "X": "X", "o": "o", "b": "b", "O": "o"}
_BASE_PREFIXES = {"x": "0x", "X": "0X", "b": "0b", "o": "0"}


def _format_integer(value: object, directive: Directive) -> str | None:
    assert isinstance(value, int), f"BUG: got {value!r}, want an int"
    verb = directive.verb
    if isinstance(value, NamedInt) and verb in "sv":
        return _format_string(value.name, directive)
    if verb in ("c", "q", "U"):
        return _padded(_character(value, verb), directive)
    if verb not in _INTEGER_BASES:
        return None
    digits = format(abs(value), _INTEGER_BASES[verb]).rjust(directive.precision or 0, "0")
    prefix = "0o" if verb == "O" else _BASE_PREFIXES.get(verb, "") if "#" in directive.flags else ""
    text = _signed(prefix + digits, negative=value < 0, flags=directive.flags)
    return _padded(text, directive, zeros=directive.precision is None)


def _character(code: int, verb: str) -> str:
    if verb == "U":
        return f"U+{code:04X}"
    char = chr(code) if 0 <= code <= 0x10FFFF else "\ufffd"
    return char if verb == "c" else f"'{char}'"


def _signed(text: str, *, negative: bool, flags: str) -> str:
    if negative:
        return f"-{text}"
    if "+" in flags:
        return f"+{text}"
    return f" {text}" if " " in flags else text


def _format_float(value: object, directive: Directive) -> str | None:
    assert isinstance(value, float), f"BUG: got {value!r}, want a float"
    verb = "g" if directive.verb == "v" else "f" if directive.verb == "F" else directive.verb
    if verb not in "eEfgG":
        return None
    flags = directive.flags
    if math.isnan(value) or math.isinf(value):
        name = "NaN" if math.isnan(value) else "Inf"
        shown_flags = "+" if math.isinf(value) and " " not in flags else flags
        text = _signed(name, negative=value < 0, flags=shown_flags)
        return _padded(text, directive)
    text = _signed(
        float_digits(abs(value), verb, directive.precision), negative=math.copysign(1, value) < 0, flags=flags
    )
    return _padded(text, directive, zeros=True)


def float_digits(value: float, verb: str, precision: int | None) -> str:
    """A finite `value` >= 0 as Go's strconv prints it; `precision` None is the shortest for g, else 6."""
    if verb in "gG" and precision is None:
        text = format_general(value)
        return text.upper() if verb == "G" else text
    return f"{value:.{6 if precision is None else precision}{verb}}"


def _format_map(value: object, directive: Directive) -> str | None:
    assert isinstance(value, dict), f"BUG: got {value!r}, want a map"
    pairs = (f"{format_value(key, directive)}:{format_value(value[key], directive)}" for key in sorted(value))
    return f"map[{' '.join(pairs)}]"


def _format_sample(value: object, directive: Directive) -> str | None:
    assert isinstance(value, Sample), f"BUG: got {value!r}, want a sample"
    return "&" + _format_struct((("Labels", value.labels), ("Value", value.value)), directive)


def _format_alert_data(value: object, directive: Directive) -> str | None:
    assert isinstance(value, AlertData), f"BUG: got {value!r}, want alert data"
    fields = (
        ("Labels", value.labels),
        ("ExternalLabels", value.external_labels),
        ("ExternalURL", value.external_url),
        ("Value", value.value),
    )
    return _format_struct(fields, directive)


def _format_struct(fields: Sequence[tuple[str, object]], directive: Directive) -> str:
    named = "+" in directive.flags and directive.verb == "v"
    parts = (f"{name}:" * named + format_value(value, directive) for name, value in fields)
    return "{" + " ".join(parts) + "}"


def _format_query_result(value: object, directive: Directive) -> str | None:
    assert isinstance(value, QueryResult), f"BUG: got {value!r}, want a query result"
    return f"[{' '.join(format_value(sample, directive) for sample in value)}]"


def _format_time(value: object, directive: Directive) -> str | None:
    assert isinstance(value, Time), f"BUG: got {value!r}, want a time"
    return _format_string(time_text(value), directive)


def _format_duration(value: object, directive: Directive) -> str | None:
    assert isinstance(value, Duration), f"BUG: got {value!r}, want a duration"
    if directive.verb == "d":
        return _format_integer(value.nanoseconds, directive)
    return _format_string(duration_text(value), directive)


_FORMATTERS: Mapping[type, Callable[[object, Directive], str | None]] = {
    str: _format_string,
    bool: _format_bool,
    int: _format_integer,
    float: _format_float,
    StringMap: _format_map,
    AnyMap: _format_map,
    Sample: _format_sample,
    QueryResult: _format_query_result,
    Time: _format_time,
    Duration: _format_duration,
    AlertData: _format_alert_data,
}


class _Printer:
    """One call of printf: which argument comes next, and the text so far."""

    def __init__(self, arguments: Sequence[object]) -> None:
        self.arguments = arguments
        self.next = 0
        self.reordered = False

    def text(self, template: str) -> str:
        text = _DIRECTIVE.sub(self._replaced, template)
        if self.reordered or self.next >= len(self.arguments):
            return text
        extra = ", ".join(
            "<nil>" if value is None else f"{type_name(value)}={value_text(value)}"
            for value in self.arguments[self.next :]
        )
        return f"{text}%!(EXTRA {extra})"

    def _replaced(self, match: re.Match[str]) -> str:
        flags, width, precision, index, verb = match.groups()
        if not verb:
            return "%!(NOVERB)"
        if verb == "%":
            return "%"
        width_value = self._count(width)
        if width_value is not None and width_value < 0:
            flags, width_value = flags + "-", -width_value
        has_precision = "." in match.group()[1 + len(flags) :]
        precision_value = (self._count(precision) or 0) if has_precision else None
        if index:
            self._jump(int(index[1:-1]))
        if self.next >= len(self.arguments) or self.next < 0:
            return f"%!{verb}(BADINDEX)" if self.reordered else f"%!{verb}(MISSING)"
        value = self.arguments[self.next]
        self.next += 1
        return format_value(value, Directive(flags, width_value, precision_value, verb))

    def _count(self, text: str | None) -> int | None:
        if not text:
            return None
        if text[-1] != "*":
            return min(int(text), WIDTH_MAX)
        star = _STAR_INDEX.match(text)
        if star:
            self._jump(int(star.group(1)))
        value = self.arguments[self.next] if 0 <= self.next < len(self.arguments) else None
        self.next += 1
        return max(-WIDTH_MAX, min(value, WIDTH_MAX)) if isinstance(value, int) else None

    def _jump(self, index: int) -> None:
        self.reordered = True
        self.next = index - 1 if 1 <= index <= len(self.arguments) else -1


def printf_text(template: str, arguments: Sequence[object]) -> str:
    """Go's fmt.Sprintf."""
    return _Printer(arguments).text(template)
