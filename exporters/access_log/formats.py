"""From what the user gives as format to what reads the lines."""

from __future__ import annotations

from exporters.access_log.apache_format import apache_tokens
from exporters.access_log.json_lines import JsonLines
from exporters.access_log.line_format import LineFormat
from exporters.access_log.nginx_format import nginx_tokens
from exporters.access_log.text_format import Field, TextFormat, Token
from exporters.errors import InvalidLogFormat

_COMMON = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
_COMBINED = _COMMON + ' "$http_referer" "$http_user_agent"'
# What people append first: $request_time, and the upstream's times after it.
_REQUEST_TIME = r"(?: (\d{1,9}\.\d{3})(?: (?:\d{1,9}\.\d{3}|-))*)?"
# Envoy's default, https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
_ENVOY = (
    '[$start_time] "$request" $status $flags $received $body_bytes_sent $duration $upstream_time '
    '"$forwarded_for" "$user_agent" "$request_id" "$authority" "$upstream_host"'
)
_NEEDED = frozenset((Field.STATUS,))


def line_format(text: str) -> LineFormat:
    """`combined`, `common`, `envoy`, `json`; nginx's log_format (has a `$`) or Apache's LogFormat (has a `%`).

    Raises InvalidLogFormat.
    """
    if text == "json":
        return JsonLines()
    if text in ("combined", "common"):
        return TextFormat(nginx_tokens(_COMBINED if text == "combined" else _COMMON), _REQUEST_TIME)
    if text == "envoy":
        return TextFormat([_envoy_token(token) for token in nginx_tokens(_ENVOY)])
    if "$" in text:
        return _checked(text, nginx_tokens(text))
    if "%" in text:
        return _checked(text, apache_tokens(text))
    raise InvalidLogFormat(text, 0, "combined, common, envoy, json, or a format with $variables or %directives")


def _envoy_token(token: Token) -> Token:
    return Token(token.text, Field.MILLISECONDS) if token.text == "$duration" else token


def _checked(text: str, tokens: list[Token]) -> TextFormat:
    missing = _NEEDED - {token.field for token in tokens}
    if missing:
        raise InvalidLogFormat(text, len(text), "a format that has the status of the answer")
    return TextFormat(tokens)
