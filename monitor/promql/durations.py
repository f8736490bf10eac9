"""Duration expressions, such as `[2 * step()]`, once the query's step and range are known."""

from __future__ import annotations

import math

from monitor.errors import EvaluationError
from monitor.promql.syntax.nodes import (
    Duration,
    DurationBinary,
    DurationCall,
    DurationExpression,
    DurationUnary,
    NumberLiteral,
)

_SECONDS_MAX = 2**63 / 1e9
"""What Go's time.Duration can hold."""


def resolve_ms(duration: Duration, step_seconds: float, range_seconds: float, *, may_be_negative: bool) -> int:
    """Milliseconds, cut off towards zero. Raises EvaluationError if there is no answer or not one that is allowed."""
    if isinstance(duration, int):
        return duration
    seconds = _evaluate(duration, step_seconds, range_seconds)
    if seconds <= 0 and not may_be_negative:
        raise EvaluationError("duration must be greater than 0")
    if not abs(seconds) <= _SECONDS_MAX:
        raise EvaluationError("duration is out of range")
    return int(seconds * 1000)


def _evaluate(expression: DurationExpression, step_seconds: float, range_seconds: float) -> float:
    match expression:
        case NumberLiteral():
            return expression.value
        case DurationUnary():
            operand = _evaluate(expression.operand, step_seconds, range_seconds)
            return -operand if expression.operator == "-" else operand
        case DurationBinary():
            left = _evaluate(expression.left, step_seconds, range_seconds)
            right = _evaluate(expression.right, step_seconds, range_seconds)
            return _binary(expression.operator, left, right)
        case DurationCall():
            arguments = [_evaluate(argument, step_seconds, range_seconds) for argument in expression.arguments]
            return _call(expression.function, arguments, step_seconds, range_seconds)


def _call(function: str, arguments: list[float], step_seconds: float, range_seconds: float) -> float:
    match function:
        case "step":
            return step_seconds
        case "range":
            return range_seconds
        case "min_of":
            return min(arguments)
        case "max_of":
            return max(arguments)
    raise AssertionError(f"BUG: got duration function {function!r}, want step, range, min_of or max_of")


def _binary(operator: str, left: float, right: float) -> float:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            if right == 0:
                raise EvaluationError("division by zero")
            return left / right
        case "%":
            if right == 0:
                raise EvaluationError("modulo by zero")
            return math.fmod(left, right)
        case "^":
            return _power(left, right)
    raise AssertionError(f"BUG: got duration operator {operator!r}")


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan
