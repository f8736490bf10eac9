"""The syntax tree of PromQL. Nodes are frozen; `span` says where in the expression a node stands.

Durations and times are integer milliseconds. Where a duration is itself an expression (Prometheus 3.14 has duration
expressions on by default) it stays an expression until the evaluation knows the query's step and range.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from monitor.errors import Span
from monitor.model.matchers import Matcher

NO_SPAN = Span(0, 0)


class ValueType(enum.Enum):
    SCALAR = "scalar"
    VECTOR = "instant vector"
    MATRIX = "range vector"
    STRING = "string"


class AtPreset(enum.Enum):
    """`@ start()` and `@ end()`: the first and the last step of the query."""

    START = "start"
    END = "end"


class MatchCardinality(enum.Enum):
    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


class RangeModifier(enum.Enum):
    """What a selector sees at the edges of its window (`anchored`, `smoothed`: experimental upstream)."""

    ANCHORED = "anchored"
    SMOOTHED = "smoothed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Equality ignores positions."""

    span: Span = field(default=NO_SPAN, compare=False)


@dataclass(frozen=True, slots=True)
class NumberLiteral(Node):
    value: float
    is_duration: bool = False
    """Written as a duration, such as 5m: then the value is in seconds and it prints as it was written."""


@dataclass(frozen=True, slots=True)
class StringLiteral(Node):
    value: str


@dataclass(frozen=True, slots=True)
class DurationCall(Node):
    """`step()`, `range()`, `min_of(a, b)` or `max_of(a, b)` inside a duration expression."""

    function: str
    arguments: tuple[DurationExpression, ...] = ()
    is_wrapped: bool = False
    """Written in parentheses."""


@dataclass(frozen=True, slots=True)
class DurationBinary(Node):
    operator: str
    left: DurationExpression
    right: DurationExpression
    is_wrapped: bool = False
    """Written in parentheses."""


@dataclass(frozen=True, slots=True)
class DurationUnary(Node):
    """`-x`; and `(5m)`, which is `+5m` with `is_wrapped`, for a number cannot say that it is."""

    operator: str
    operand: DurationExpression
    is_wrapped: bool = False
    """Written in parentheses."""


DurationExpression = NumberLiteral | DurationCall | DurationBinary | DurationUnary
"""Evaluates to seconds. A plain duration such as `5m` is never one of these but an int of milliseconds."""

Duration = int | DurationExpression
"""Milliseconds, or what will give them."""


@dataclass(frozen=True, slots=True)
class VectorSelector(Node):
    """`name{matchers} offset 5m @ 1234`. The metric name, if any, is among `matchers` as well."""

    name: str
    matchers: tuple[Matcher, ...]
    offset: Duration = 0
    at: int | AtPreset | None = None
    """Milliseconds since 1970, or a preset."""
    modifier: RangeModifier | None = None


@dataclass(frozen=True, slots=True)
class MatrixSelector(Node):
    selector: VectorSelector
    range: Duration


@dataclass(frozen=True, slots=True)
class Subquery(Node):
    """`expression[range:step] offset … @ …`; step None is the default resolution."""

    expression: Expression
    range: Duration
    step: Duration | None = None
    offset: Duration = 0
    at: int | AtPreset | None = None


@dataclass(frozen=True, slots=True)
class Call(Node):
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Aggregation(Node):
    """`operator by (grouping) (parameter, expression)`."""

    operator: str
    expression: Expression
    parameter: Expression | None = None
    grouping: tuple[str, ...] = ()
    without: bool = False


@dataclass(frozen=True, slots=True)
class VectorMatching:
    """How the two sides of a vector operation find each other."""

    cardinality: MatchCardinality = MatchCardinality.ONE_TO_ONE
    labels: tuple[str, ...] = ()
    on: bool = False
    """Match on `labels` only; if False, on all but `labels`."""
    include: tuple[str, ...] = ()
    """The labels that group_left or group_right copies from the one side."""
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary(Node):
    operator: str
    left: Expression
    right: Expression
    return_bool: bool = False
    matching: VectorMatching | None = None
    """Set where both sides are vectors."""


@dataclass(frozen=True, slots=True)
class Unary(Node):
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Paren(Node):
    expression: Expression


Expression = (
    NumberLiteral
    | StringLiteral
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Call
    | Aggregation
    | Binary
    | Unary
    | Paren
)


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, left to right."""
    for spec in fields(node):
        value = getattr(node, spec.name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Node))


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it, parents first."""
    yield node
    for child in children(node):
        yield from walk(child)
