"""The modifiers of aggregations and binary operators: groupings, `bool`, `on`, `group_left`, `fill` and their kin."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.promql.syntax.go_text import quote_text
from monitor.promql.syntax.lexer import FILL_KEYWORDS, LABEL_NAME_KINDS, OPERAND_START_KINDS, STRING
from monitor.promql.syntax.nodes import MatchCardinality, VectorMatching
from monitor.promql.syntax.parse_durations import NUMBER_KINDS, SIGN_KINDS, parse_number, with_sign
from monitor.promql.syntax.string_literals import unquote
from monitor.promql.syntax.token_stream import TokenStream

_GROUPING = "grouping opts"
_CARDINALITIES = {"group_left": MatchCardinality.MANY_TO_ONE, "group_right": MatchCardinality.ONE_TO_MANY}
_OPPOSITE_FILLS = {"fill_left": "fill_right", "fill_right": "fill_left"}
_ONE_TO_ONE = VectorMatching()


@dataclass(frozen=True, slots=True)
class BinaryModifiers:
    """What stands between a binary operator and its right side."""

    return_bool: bool = False
    matching: VectorMatching = _ONE_TO_ONE

    @property
    def has_fill(self) -> bool:
        return self.matching.fill_left is not None or self.matching.fill_right is not None


NO_MODIFIERS = BinaryModifiers()
MODIFIER_KINDS = FILL_KEYWORDS | {"bool", "on", "ignoring"}


def parse_grouping(stream: TokenStream) -> tuple[str, ...]:
    """Label names in parentheses; a comma may stand behind the last one."""
    stream.expect("(", _GROUPING, '"("')
    labels: list[str] = []
    while stream.kind != ")":
        labels.append(_parse_label(stream))
        if stream.kind == ",":
            stream.take()
        elif stream.kind != ")":
            raise stream.unexpected(_GROUPING, '"," or ")"')
    stream.take()
    return tuple(labels)


def _parse_label(stream: TokenStream) -> str:
    if stream.kind not in LABEL_NAME_KINDS and stream.kind != STRING:
        raise stream.unexpected(_GROUPING, "label")
    token = stream.take()
    if token.kind != STRING:
        return token.text
    label = unquote(token.text)
    if not label or any("\ud800" <= char <= "\udfff" for char in label):
        raise stream.error_at(token, f"invalid label name for grouping: {quote_text(label)}")
    return label


def parse_binary_modifiers(stream: TokenStream) -> BinaryModifiers:
    if stream.kind not in MODIFIER_KINDS:
        return NO_MODIFIERS
    return_bool = stream.kind == "bool"
    if return_bool:
        stream.take()
    cardinality = MatchCardinality.ONE_TO_ONE
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    is_on = stream.kind == "on"
    if is_on or stream.kind == "ignoring":
        stream.take()
        labels = parse_grouping(stream)
        cardinality, include = _parse_cardinality(stream)
    fill_left, fill_right = _parse_fills(stream)
    matching = VectorMatching(cardinality, labels, is_on, include, fill_left, fill_right)
    return BinaryModifiers(return_bool, matching)


def _parse_cardinality(stream: TokenStream) -> tuple[MatchCardinality, tuple[str, ...]]:
    cardinality = _CARDINALITIES.get(stream.kind)
    if cardinality is None:
        return MatchCardinality.ONE_TO_ONE, ()
    stream.take()
    has_labels = stream.kind not in OPERAND_START_KINDS or stream.kind == "("
    return cardinality, parse_grouping(stream) if has_labels else ()


def _parse_fills(stream: TokenStream) -> tuple[float | None, float | None]:
    """The values for series missing on the left and on the right."""
    if stream.kind not in FILL_KEYWORDS:
        return None, None
    keyword = stream.take().kind
    fills = {keyword: _parse_fill(stream)}
    if keyword == "fill":
        return fills[keyword], fills[keyword]
    opposite = _OPPOSITE_FILLS[keyword]
    if stream.kind == opposite:
        stream.take()
        fills[opposite] = _parse_fill(stream)
    return fills.get("fill_left"), fills.get("fill_right")


def _parse_fill(stream: TokenStream) -> float:
    stream.expect("(")
    sign = stream.take() if stream.kind in SIGN_KINDS else None
    if stream.kind not in NUMBER_KINDS:
        raise stream.unexpected()
    number = parse_number(stream)
    stream.expect(")")
    return (with_sign(sign, number) if sign else number).value
