"""The values that templates work on, and how Go sees them: type names, truth, kinds.

A Go string is a str, a float64 a float, an int an int, a bool a bool; nil and "no value" are None.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.model.labels import Labels


class StringMap(dict[str, str]):
    """Go's map[string]string: a key that is not there reads as the empty string."""


class AnyMap(dict[str, object]):
    """Go's map[string]interface{}: a key that is not there reads as nil."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One element of a query result."""

    labels: StringMap
    value: float


class QueryResult(list[Sample]):
    """What `query` returns."""


@dataclass(frozen=True, slots=True)
class AlertData:
    """What a template sees as `.` at its top."""

    labels: StringMap
    external_labels: StringMap
    external_url: str
    value: float

    @classmethod
    def of(cls, labels: Labels, value: float, external_labels: Mapping[str, str], external_url: str) -> AlertData:
        return cls(StringMap(labels), StringMap(external_labels), external_url, value)


class NamedInt(int):
    """An integer that prints as a name, such as a month."""

    go_type: str
    name: str

    @classmethod
    def of(cls, number: int, name: str, go_type: str) -> NamedInt:
        named = cls(number)
        named.name = name
        named.go_type = go_type
        return named


@dataclass(frozen=True, slots=True)
class Duration:
    """Go's time.Duration."""

    nanoseconds: int


@dataclass(frozen=True, slots=True)
class Time:
    """Go's time.Time in UTC."""

    unix_nanoseconds: int


class Kind(enum.Enum):
    """Go's kinds, as far as the comparison functions tell them apart."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"
    OTHER = "other"


ALERT_DATA_TYPE = (
    "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
)
_TYPE_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float64"),
    (str, "string"),
    (StringMap, "map[string]string"),
    (AnyMap, "map[string]interface {}"),
    (Sample, "*template.sample"),
    (QueryResult, "template.queryResult"),
    (Time, "*time.Time"),
    (Duration, "*time.Duration"),
    (AlertData, ALERT_DATA_TYPE),
)


def type_name(value: object) -> str:
    """The Go type, as error messages name it."""
    if value is None:
        return "<nil>"
    if isinstance(value, NamedInt):
        return value.go_type
    for python_type, name in _TYPE_NAMES:
        if isinstance(value, python_type):
            return name
    raise AssertionError(f"BUG: got a {type(value)} in a template, want one of the types of this module")


def kind(value: object) -> Kind:
    if isinstance(value, bool):
        return Kind.BOOL
    if isinstance(value, int | Duration):
        return Kind.INT
    if isinstance(value, float):
        return Kind.FLOAT
    return Kind.STRING if isinstance(value, str) else Kind.OTHER


def is_true(value: object) -> bool:
    """Truth as `if` and `with` see it: zero, the empty string, nil and what is empty are false."""
    if isinstance(value, Sample | AlertData | Time | Duration):
        return True
    return bool(value)


def is_nilable(value: object) -> bool:
    return value is None or isinstance(value, StringMap | AnyMap | Sample | QueryResult | Time | Duration)
