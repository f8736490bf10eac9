"""What a template can call, and the types its parameters have."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from alerts.templates.values import Duration, QueryResult, Sample

# The function that runs a template whose name is computed; the executor provides it.
TEMPLATE_CALL = "tmpl"


class CallError(Exception):
    """A function cannot do what it was called for; the message is Go's."""


class Parameter(enum.Enum):
    """A parameter's type; the value is Go's name of it. VALUE takes what ANY takes, and a missing value too."""

    STRING = "string"
    ANY = "interface {}"
    VALUE = "reflect.Value"
    SAMPLE = "*template.sample"
    QUERY_RESULT = "template.queryResult"
    DURATION = "time.Duration"

    def accepts(self, value: object) -> bool:
        if self in (Parameter.ANY, Parameter.VALUE):
            return True
        return isinstance(value, _PYTHON_TYPES[self])


_PYTHON_TYPES: dict[Parameter, type] = {
    Parameter.STRING: str,
    Parameter.SAMPLE: Sample,
    Parameter.QUERY_RESULT: QueryResult,
    Parameter.DURATION: Duration,
}


class TemplateQuerier(Protocol):
    """What the `query` function asks."""

    def samples(self, expression: str, at_ms: int) -> Sequence[Sample]:
        """The elements of the expression's instant vector. Raises QueryError."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What the functions of one expansion may see."""

    now_ms: int
    querier: TemplateQuerier
    external_url: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """`call` gets the arguments, after the context if it `needs_context`. With `is_variadic` the last repeats.

    A function with `stops_at` gives its first argument of that truth, or the last; the rest are not evaluated.
    """

    call: Callable[..., object]
    parameters: tuple[Parameter, ...] = ()
    is_variadic: bool = False
    needs_context: bool = False
    stops_at: bool | None = None

    def parameter(self, index: int) -> Parameter:
        return self.parameters[min(index, len(self.parameters) - 1)]

    def wrong_count(self, got: int) -> str | None:
        """Go's complaint about the number of arguments, if there is one."""
        wanted = len(self.parameters)
        if self.is_variadic:
            return None if got >= wanted - 1 else f"want at least {wanted - 1} got {got}"
        return None if got == wanted else f"want {wanted} got {got}"
