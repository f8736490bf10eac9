"""`value.Name`: the fields, map keys and methods that templates can reach."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.templates.go_time import DURATION_METHODS, TIME_METHODS, format_time
from alerts.templates.signatures import CallError, Function, Parameter
from alerts.templates.values import AlertData, AnyMap, Duration, Sample, StringMap, Time, type_name

_FIELDS: Mapping[type, Mapping[str, str]] = {
    AlertData: {
        "Labels": "labels",
        "ExternalLabels": "external_labels",
        "ExternalURL": "external_url",
        "Value": "value",
    },
    Sample: {"Labels": "labels", "Value": "value"},
}


def evaluate_member(receiver: object, name: str, *, has_arguments: bool) -> object:
    """What `receiver.name` is: a value, or a Function if it is a method. Raises CallError as Go words it."""
    if receiver is None:
        raise CallError(f"nil pointer evaluating interface {{}}.{name}")
    if isinstance(receiver, StringMap | AnyMap):
        if has_arguments:
            raise CallError(f"{name} is not a method but has arguments")
        return receiver.get(name, "" if isinstance(receiver, StringMap) else None)
    method = _method(receiver, name)
    if method is not None:
        return method
    attribute = _FIELDS.get(type(receiver), {}).get(name)
    if attribute is None:
        raise CallError(f"can't evaluate field {name} in type {type_name(receiver)}")
    if has_arguments:
        raise CallError(f"{name} has arguments but cannot be invoked as function")
    field: object = getattr(receiver, attribute)
    return field


def _method(receiver: object, name: str) -> Function | None:
    if isinstance(receiver, Time):
        return _time_method(receiver, name)
    if isinstance(receiver, Duration) and name in DURATION_METHODS:
        return Function(lambda: DURATION_METHODS[name](receiver))
    return None


def _time_method(time: Time, name: str) -> Function | None:
    if name == "Format":
        return Function(lambda layout: format_time(time, layout), (Parameter.STRING,))
    if name == "Add":
        return Function(lambda duration: Time(time.unix_nanoseconds + duration.nanoseconds), (Parameter.DURATION,))
    return Function(lambda: TIME_METHODS[name](time)) if name in TIME_METHODS else None
