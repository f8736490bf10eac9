"""The functions that Go's text/template defines itself."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus

from alerts.templates.go_format import print_text, printf_text, shown_text
from alerts.templates.signatures import CallError, Function, Parameter
from alerts.templates.values import AnyMap, Kind, QueryResult, Sample, StringMap, is_nilable, is_true, kind, type_name

_HTML = str.maketrans({"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_JS = {
    "\\": "\\\\", "'": "\\'", '"': '\\"',
    "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D",
}  # fmt: skip


def _first_text(values: tuple[object, ...]) -> str:
    return print_text([shown_text(value) if value is None or isinstance(value, Sample) else value for value in values])


def _html(*values: object) -> str:
    return _first_text(values).translate(_HTML)


def _javascript(*values: object) -> str:
    return "".join(map(_javascript_char, _first_text(values)))


def _javascript_char(char: str) -> str:
    if char in _JS:
        return _JS[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04X}"


def _url_query(*values: object) -> str:
    return quote_plus(_first_text(values))


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, StringMap | AnyMap | QueryResult):
        return len(value)
    if value is None:
        raise CallError("reflect: call of reflect.Value.Type on zero Value")
    raise CallError(f"len of type {type_name(value)}")


def _index(value: object, *indexes: object) -> object:
    if value is None:
        raise CallError("index of untyped nil")
    for index in indexes:
        value = _element(value, index)
    return value


def _element(value: object, index: object) -> object:
    if isinstance(value, StringMap | AnyMap):
        if not isinstance(index, str):
            raise CallError(f"value has type {type_name(index)}; should be string")
        return value.get(index, "" if isinstance(value, StringMap) else None)
    if isinstance(value, QueryResult):
        return value[_checked_index(index, len(value))]
    if isinstance(value, str):
        content = value.encode()
        return content[_checked_index(index, len(content))]
    if value is None:
        raise CallError("index of nil pointer")
    raise CallError(f"can't index item of type {type_name(value)}")


def _checked_index(index: object, length: int, *, inclusive: bool = False) -> int:
    if index is None:
        raise CallError("cannot index slice/array with nil")
    if not isinstance(index, int) or isinstance(index, bool):
        raise CallError(f"cannot index slice/array with type {type_name(index)}")
    if index < 0 or index > length or (index == length and not inclusive):
        raise CallError(f"index out of range: {index}")
    return index


def _slice(value: object, *indexes: object) -> object:
    if not isinstance(value, str | QueryResult):
        raise CallError(f"can't slice item of type {type_name(value)}")
    if len(indexes) > 3:
        raise CallError(f"too many slice indexes: {len(indexes)}")
    if len(indexes) == 3 and isinstance(value, str):
        raise CallError("cannot 3-index slice a string")
    content = value.encode() if isinstance(value, str) else value
    bounds = [_checked_index(index, len(content), inclusive=True) for index in indexes]
    start = bounds[0] if bounds else 0
    end = bounds[1] if len(bounds) > 1 else len(content)
    if start > end:
        raise CallError(f"invalid slice index: {start} > {end}")
    part = content[start:end]
    return part.decode(errors="replace") if isinstance(part, bytes) else QueryResult(part)


def _call(function: object = None, *_: object) -> object:
    raise CallError(
        "call of nil" if function is None else f"non-function {print_text([function])} of type {type_name(function)}"
    )


def _equal(first: object, *others: object) -> bool:
    if not others:
        raise CallError("missing argument for comparison")
    return any(_equal_pair(first, other) for other in others)


def _equal_pair(left: object, right: object) -> bool:
    left_kind, right_kind = kind(left), kind(right)
    if left is None or right is None:
        return left is None and right is None
    if Kind.OTHER in (left_kind, right_kind) or left_kind is not right_kind:
        return _equal_other(left, right)
    return left == right


def _equal_other(left: object, right: object) -> bool:
    if kind(left) is not kind(right):
        raise CallError(f"incompatible types for comparison: {type_name(left)} and {type_name(right)}")
    if is_nilable(left) and is_nilable(right) and isinstance(left, StringMap | AnyMap | QueryResult):
        raise CallError(f"non-comparable type {print_text([left])}: {type_name(left)}")
    return left is right


def _not_equal(left: object, right: object) -> bool:
    return not _equal(left, right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[object, object], bool]:
    def compared(left: object, right: object) -> bool:
        left_kind, right_kind = kind(left), kind(right)
        if Kind.OTHER in (left_kind, right_kind):
            raise CallError("invalid type for comparison")
        if left_kind is not right_kind:
            raise CallError(f"incompatible types for comparison: {type_name(left)} and {type_name(right)}")
        if left_kind is Kind.BOOL:
            raise CallError("invalid type for comparison")
        return compare(_sortable(left), _sortable(right))

    return compared


def _sortable(value: object) -> object:
    return value.encode() if isinstance(value, str) else value


_ANY = (Parameter.ANY,)
_VALUE = (Parameter.VALUE,)
_PAIR = (Parameter.VALUE, Parameter.VALUE)

BUILTINS: Mapping[str, Function] = {
    "and": Function(lambda *values: values[-1], _PAIR, is_variadic=True, stops_at=False),
    "or": Function(lambda *values: values[-1], _PAIR, is_variadic=True, stops_at=True),
    "not": Function(lambda value: not is_true(value), _VALUE),
    "len": Function(_length, _VALUE),
    "index": Function(_index, _PAIR, is_variadic=True),
    "slice": Function(_slice, _PAIR, is_variadic=True),
    "call": Function(_call, _PAIR, is_variadic=True),
    "html": Function(_html, _ANY, is_variadic=True),
    "js": Function(_javascript, _ANY, is_variadic=True),
    "urlquery": Function(_url_query, _ANY, is_variadic=True),
    "print": Function(lambda *values: print_text(values), _ANY, is_variadic=True),
    "println": Function(lambda *values: " ".join(print_text([v]) for v in values) + "\n", _ANY, is_variadic=True),
    "printf": Function(
        lambda template, *values: printf_text(template, values), (Parameter.STRING, Parameter.ANY), is_variadic=True
    ),
    "eq": Function(_equal, _PAIR, is_variadic=True),
    "ne": Function(_not_equal, _PAIR),
    "lt": Function(_ordered(operator.lt), _PAIR),
    "le": Function(_ordered(operator.le), _PAIR),
    "gt": Function(_ordered(operator.gt), _PAIR),
    "ge": Function(_ordered(operator.ge), _PAIR),
}
