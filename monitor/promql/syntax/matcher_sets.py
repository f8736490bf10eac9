"""The selectors of the request parameter `match[]`."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.errors import BadRequest
from monitor.model.matchers import Matcher
from monitor.promql.features import Features
from monitor.promql.syntax.parse import DEFAULT_FEATURES, parse_series_selector


def parse_matcher_sets(texts: Iterable[str], features: Features = DEFAULT_FEATURES) -> tuple[tuple[Matcher, ...], ...]:
    """The matchers of each text. Raises ParseError, and BadRequest for one that would match every series."""
    matcher_sets = tuple(parse_series_selector(text, features) for text in texts)
    if any(all(matcher.matches_empty for matcher in matchers) for matchers in matcher_sets):
        raise BadRequest("match[] must contain at least one non-empty matcher")
    return matcher_sets
