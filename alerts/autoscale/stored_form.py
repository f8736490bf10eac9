"""Frozen dataclasses as JSON text and back, exactly: how decisions are stored and how the keeper gets its settings.

Floats are written in their shortest exact form, NaN and infinities as the JavaScript words, which Python's json reads
back. Enums are written as their values, tuples as arrays. Reading ignores fields that are no longer known and fills in
defaults for new ones: stored decisions outlive the version that wrote them.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

Stored = TypeVar("Stored")


def to_json(value: Any) -> str:
    """`value`, a dataclass of dataclasses, enums, tuples, mappings and plain values, as one line of JSON."""
    return json.dumps(plain(value), separators=(",", ":"))


def from_json(kind: type[Stored], text: str) -> Stored:
    """The inverse of `to_json`. Raises ValueError where the text does not describe a `kind`."""
    return typing.cast(Stored, _restored(kind, json.loads(text)))


def plain(value: Any) -> Any:
    """`value` with dataclasses as dictionaries, enums as their values and tuples as lists."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def _restored(kind: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _restored(_without_none(arguments), value)
    if origin is tuple:
        return tuple(_restored(arguments[0], item) for item in value)
    if origin is dict:
        return {key: _restored(arguments[1], item) for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        return _restored_dataclass(typing.cast(type, kind), value)
    if isinstance(kind, type) and issubclass(kind, enum.Enum | Path):
        return kind(value)
    return value


def _restored_dataclass(kind: type, value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"got {value!r}, want an object that describes a {kind.__name__}")
    hints = typing.get_type_hints(kind)
    try:
        return kind(**{name: _restored(hints[name], item) for name, item in value.items() if name in hints})
    except TypeError as error:
        raise ValueError(f"got {sorted(value)}, want all fields of {kind.__name__}: {error}") from error


def _without_none(arguments: tuple[Any, ...]) -> Any:
    (kind,) = [argument for argument in arguments if argument is not types.NoneType]
    return kind
