"""The functions that Prometheus adds for rule templates."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlsplit

from alerts.templates.humanize import (
    humanize,
    humanize_1024,
    humanize_duration,
    humanize_percentage,
    humanize_timestamp,
    to_duration,
    to_time,
)
from alerts.templates.signatures import CallError, Context, Function, Parameter
from alerts.templates.values import AnyMap, QueryResult, Sample
from monitor.errors import QueryError
from monitor.model.durations import parse_duration_ms
from monitor.model.matchers import compile_regex

# Words as Unicode's annex 29 divides them: some punctuation joins letters, some joins digits.
_WORD = re.compile(r"\w+(?:(?:(?<=[^\W\d_])[.':\u2019\u00b7](?=[^\W\d_])|(?<=\d)[.,;'\u2019](?=\d))\w+)*")
_LETTER = re.compile(r"[^\W\d_]")
_EXPAND = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


def graph_link(expression: str) -> str:
    """The path of Prometheus's graph page for an expression."""
    return f"/graph?g0.expr={quote_plus(expression)}&g0.tab=0"


def table_link(expression: str) -> str:
    """The path of Prometheus's table page for an expression."""
    return f"/graph?g0.expr={quote_plus(expression)}&g0.tab=1"


def _query(context: Context, expression: str) -> QueryResult:
    try:
        return QueryResult(context.querier.samples(expression, context.now_ms))
    except QueryError as error:
        raise CallError(str(error)) from error


def _not_nil(sample: Sample | None) -> Sample:
    if sample is None:
        raise CallError("runtime error: invalid memory address or nil pointer dereference")
    return sample


def _first(samples: QueryResult | None) -> Sample:
    if not samples:
        raise CallError("first() called on vector with no elements")
    return samples[0]


def _sort_by_label(label: str, samples: QueryResult | None) -> QueryResult:
    return QueryResult(sorted(samples or (), key=lambda sample: sample.labels.get(label, "").encode()))


def _arguments(*values: object) -> AnyMap:
    return AnyMap({f"arg{index}": value for index, value in enumerate(values)})


def _compiled(pattern: str) -> Any:
    try:
        return compile_regex(pattern)
    except ValueError as error:
        raise CallError(str(error)) from error


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text) is not None


def _replace_all(pattern: str, replacement: str, text: str) -> str:
    try:
        compiled = _compiled(pattern)
    except CallError as error:
        raise CallError(f"regexp: Compile(`{pattern}`): {error}") from error
    parts: list[str] = []
    end = 0
    for match in compiled.finditer(text):
        # Go ignores an empty match right behind another match.
        if match.start() == match.end() == end and parts:
            continue
        parts += [text[end : match.start()], _expanded(replacement, match)]
        end = match.end()
    return "".join(parts) + text[end:]


def _expanded(replacement: str, match: Any) -> str:
    names = match.re.groupindex

    def group(reference: re.Match[str]) -> str:
        dollar, bare, braced = reference.groups()
        if dollar:
            return "$"
        name = bare or braced
        if name.isdigit():
            return (match.group(int(name)) or "") if int(name) <= match.re.groups else ""
        return (match.group(names[name]) or "") if name in names else ""

    return _EXPAND.sub(group, replacement)


def _title(text: str) -> str:
    """`text` with the first letter of each word in title case and the rest left alone."""
    return _WORD.sub(lambda word: _LETTER.sub(lambda first: first.group().title(), word.group(), count=1), text)


def _to_upper(text: str) -> str:
    return "".join(_one_for_one(char, char.upper()) for char in text)


def _to_lower(text: str) -> str:
    return "".join(_one_for_one(char, char.lower()) for char in text)


def _one_for_one(char: str, changed: str) -> str:
    """Go maps each character to one character, where Python may give several."""
    return changed if len(changed) == 1 else char


def _split_host_port(text: str) -> tuple[str, str] | None:
    """The two halves of `host:port` or `[host]:port`, as Go's net.SplitHostPort takes them."""
    if text.startswith("["):
        host, separator, rest = text[1:].partition("]")
        if not separator or not rest.startswith(":") or ":" in rest[1:]:
            return None
        port = rest[1:]
    else:
        host, separator, port = text.rpartition(":")
        if not separator or ":" in host:
            return None
    return None if any(mark in host + port for mark in "[]") else (host, port)


def _strip_port(text: str) -> str:
    parts = _split_host_port(text)
    return parts[0] if parts else text


def _strip_domain(text: str) -> str:
    host, port = _split_host_port(text) or (text, "")
    if _is_ip_address(host):
        return text
    name = host.split(".")[0]
    if not port:
        return name
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _parse_duration(text: str) -> float:
    try:
        return parse_duration_ms(text) / 1000
    except ValueError:
        reason = "empty duration string" if not text else f'not a valid duration string: "{text}"'
        raise CallError(reason) from None


def _path_prefix(context: Context) -> str:
    return urlsplit(context.external_url).path


_STRING = (Parameter.STRING,)
_ANY = (Parameter.ANY,)

FUNCTIONS: Mapping[str, Function] = {
    "query": Function(_query, _STRING, needs_context=True),
    "first": Function(_first, (Parameter.QUERY_RESULT,)),
    "label": Function(
        lambda label, sample: _not_nil(sample).labels.get(label, ""), (Parameter.STRING, Parameter.SAMPLE)
    ),
    "value": Function(lambda sample: _not_nil(sample).value, (Parameter.SAMPLE,)),
    "strvalue": Function(lambda sample: _not_nil(sample).labels.get("__value__", ""), (Parameter.SAMPLE,)),
    "sortByLabel": Function(_sort_by_label, (Parameter.STRING, Parameter.QUERY_RESULT)),
    "args": Function(_arguments, _ANY, is_variadic=True),
    "reReplaceAll": Function(_replace_all, (Parameter.STRING, Parameter.STRING, Parameter.STRING)),
    "match": Function(_matches, (Parameter.STRING, Parameter.STRING)),
    "title": Function(_title, _STRING),
    "toUpper": Function(_to_upper, _STRING),
    "toLower": Function(_to_lower, _STRING),
    "graphLink": Function(graph_link, _STRING),
    "tableLink": Function(table_link, _STRING),
    "stripPort": Function(_strip_port, _STRING),
    "stripDomain": Function(_strip_domain, _STRING),
    "urlQueryEscape": Function(quote_plus, _STRING),
    "safeHtml": Function(lambda text: text, _STRING),
    "humanize": Function(humanize, _ANY),
    "humanize1024": Function(humanize_1024, _ANY),
    "humanizeDuration": Function(humanize_duration, _ANY),
    "humanizePercentage": Function(humanize_percentage, _ANY),
    "humanizeTimestamp": Function(humanize_timestamp, _ANY),
    "toTime": Function(to_time, _ANY),
    "toDuration": Function(to_duration, _ANY),
    "now": Function(lambda context: context.now_ms / 1000, needs_context=True),
    "parseDuration": Function(_parse_duration, _STRING),
    "pathPrefix": Function(_path_prefix, needs_context=True),
    "externalURL": Function(lambda context: context.external_url, needs_context=True),
}
