"""How tightly operators bind, and the reduction of operands and operators to a tree.

Expressions and durations are parsed with two stacks instead of recursion, so that neither `1+1+1+…` nor `2^2^2^…`
nor `-----1` costs stack frames.
"""

from __future__ import annotations

POWER = 6
UNARY = 5
"""As tight as `*`: `-a^b` is `-(a^b)`, `-a*b` is `(-a)*b`."""
PRECEDENCES = {
    "or": 1,
    "and": 2, "unless": 2,
    "==": 3, "!=": 3, "<=": 3, "<": 3, ">=": 3, ">": 3, "</": 3, ">/": 3,
    "+": 4, "-": 4,
    "*": 5, "/": 5, "%": 5, "atan2": 5,
    "^": POWER,
}  # fmt: skip
DURATION_PRECEDENCES = {sign: PRECEDENCES[sign] for sign in "+-*/%^"}
LOWEST = 0


def binds_first(left: int, right: int) -> bool:
    """Whether, of two neighbouring operators, the left one takes the operand between them; only `^` leans right."""
    return left > right or (left == right and left != POWER)
