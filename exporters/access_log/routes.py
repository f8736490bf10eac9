"""From the target of a request to its route: few names for many paths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

OTHER = "_OTHER"

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
# Numbers, UUIDs, hashes and other long words with a digit in them.
_IDENTIFIER = re.compile(rf"/(?:\d+|{_UUID}|[0-9a-fA-F]{{16,}}|(?=[^/]*\d)[^/]{{24,}}|[^/]{{65,}})(?=/|$)", re.ASCII)


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """`routes_max`: routes that are told apart, further ones are `_OTHER`."""

    routes_max: int = 200
    route_length_max: int = 200
    templates: tuple[str, ...] = ()


class Routes:
    """Names routes, and keeps their number within the limit.

    With templates (`/product/{id}`, a `{name}` stands for one segment) a path is the first that fits, else "".
    Without, identifiers in the path become `{id}`, and a route is known from the first answer that is no client error:
    the paths that scanners try are all "".
    """

    def __init__(self, settings: RouteSettings = RouteSettings()) -> None:
        self._settings = settings
        self._templates = [(template, _template_regex(template)) for template in settings.templates]
        self._known: set[str] = set()

    def route_of(self, target: str, status: str) -> str:
        path = _path_of(target)
        if not path:
            return ""
        if self._templates:
            return next((template for template, regex in self._templates if regex.fullmatch(path)), "")
        return self._admit(_IDENTIFIER.sub("/{id}", path), status)

    def _admit(self, route: str, status: str) -> str:
        if route in self._known:
            return route
        if status.startswith("4") or not status:
            return ""
        if len(self._known) >= self._settings.routes_max or len(route) > self._settings.route_length_max:
            return OTHER
        self._known.add(route)
        return route


def _path_of(target: str) -> str:
    """Without the query; "" for `*`, for what CONNECT asks for, and for garbage."""
    if not target.startswith("/"):
        target = _ABSOLUTE.sub("", target, count=1) if "://" in target else ""
    return target.partition("?")[0].partition("#")[0]


def _template_regex(template: str) -> re.Pattern[str]:
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in _parts(template)))


def _parts(template: str) -> Sequence[str]:
    return re.split(r"(\{[^{}/]*\})", template)
