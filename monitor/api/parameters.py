"""Request parameters: from the URL and from the form in the body, checked, with upstream's messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request

from monitor.api.request_body import read_body
from monitor.api.time_parameters import parse_duration_ns, parse_time_ms
from monitor.config.settings import Limits
from monitor.errors import BadRequest, ParseError
from monitor.model.labels import quote
from monitor.model.matchers import Matcher
from monitor.promql.features import Features
from monitor.promql.syntax.matcher_sets import parse_matcher_sets

_FORM = b"application/x-www-form-urlencoded"
_FIELDS_MAX = 10_000
_DIGITS = "0123456789ABCDEFabcdef"
_BYTES_BY_DIGITS = {(high + low).encode(): bytes.fromhex(high + low) for high in _DIGITS for low in _DIGITS}
_INTEGER_MAX = 2**63 - 1
Default = TypeVar("Default")


class Parameters:
    """The values of each parameter in the order in which they came, those of the body before those of the URL."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def text(self, name: str) -> str:
        """The first value; empty if there is none."""
        values = self._values.get(name)
        return values[0] if values else ""

    def texts(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def time_ms(self, name: str) -> int:
        """A time that must be there. Raises BadRequest."""
        try:
            return parse_time_ms(self.text(name))
        except ValueError as error:
            raise invalid_parameter(name, str(error)) from None

    def time_ms_or(self, name: str, default_ms: int) -> int:
        """A time that may be left out. Raises BadRequest."""
        text = self.text(name)
        if not text:
            return default_ms
        try:
            return parse_time_ms(text)
        except ValueError as error:
            raise invalid_parameter(name, f"invalid time value for '{name}': {error}") from None

    def duration_ns(self, name: str) -> int:
        """A duration that must be there. Raises BadRequest."""
        try:
            return parse_duration_ns(self.text(name))
        except ValueError as error:
            raise invalid_parameter(name, str(error)) from None

    def limit(self) -> int:
        """The parameter `limit`; 0 is none. Raises BadRequest."""
        text = self.text("limit")
        if not text:
            return 0
        try:
            limit = parse_integer(text)
        except ValueError as error:
            raise invalid_parameter("limit", str(error)) from None
        if limit < 0:
            raise invalid_parameter("limit", "limit must be non-negative")
        return limit

    def integer_or(self, name: str, default: Default, largest: int = _INTEGER_MAX) -> int | Default:
        """A number from 1 to `largest` that may be left out. Raises BadRequest."""
        text = self.text(name)
        if not text:
            return default
        try:
            number = parse_integer(text)
        except ValueError as error:
            raise invalid_parameter(name, str(error)) from None
        if not 1 <= number <= largest:
            raise invalid_parameter(name, f"got {number}, want a number from 1 to {largest}")
        return number

    def count_or(self, name: str, default: Default) -> int | Default:
        """A number that may be left out, in the words of the metadata handlers. Raises BadRequest."""
        text = self.text(name)
        if not text:
            return default
        try:
            return parse_integer(text)
        except ValueError:
            raise BadRequest(f"{name} must be a number") from None


def invalid_parameter(name: str, reason: str) -> BadRequest:
    return BadRequest(f"invalid parameter {quote(name)}: {reason}")


def parse_integer(text: str) -> int:
    """As Go's strconv.Atoi, with its messages."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"strconv.Atoi: parsing {quote(text)}: invalid syntax")
    # Python itself refuses to convert texts of thousands of digits.
    if len(digits.lstrip("0")) > 19 or int(digits) > _INTEGER_MAX:
        raise ValueError(f"strconv.Atoi: parsing {quote(text)}: value out of range")
    return int(text)


def url_parameters(request: Request) -> Parameters:
    """Those of the URL alone. Raises BadRequest."""
    return Parameters(_pairs(request.scope["query_string"]))


async def read_parameters(request: Request, limits: Limits) -> Parameters:
    """Those of the URL and, in a POST request, of its form. Raises BadRequest."""
    body = b""
    if request.method == "POST":
        body = await read_body(request, limits.request_body_bytes, "request_body_size", limits.request_body_timeout_ms)
    return parameters_of(request, body)


def parameters_of(request: Request, body: bytes) -> Parameters:
    """As `read_parameters`, of a request whose whole body is `body`; that of a GET request counts for nothing."""
    query: bytes = request.scope["query_string"]
    if not body or request.scope["method"] != "POST":
        return Parameters(_pairs(query))
    content_type = _header(request, b"content-type")
    if content_type.partition(b";")[0].strip().lower() != _FORM:
        raise BadRequest(f"body: got content type {quote(content_type.decode('latin-1'))}, want {_FORM.decode()}")
    return Parameters([*_pairs(body), *_pairs(query)])


def _pairs(encoded: bytes) -> list[tuple[str, str]]:
    if not encoded:
        return []
    if encoded.isascii() and encoded.count(b"&") < _FIELDS_MAX:
        fields = [field.partition(b"=") for field in encoded.replace(b"+", b" ").split(b"&") if field]
        return [(_unquoted(name), _unquoted(value)) for name, _, value in fields]
    try:
        return parse_qsl(encoded.decode("latin-1"), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError as error:
        raise BadRequest(f"error parsing form values: {error}, want at most {_FIELDS_MAX}") from None


def _unquoted(text: bytes) -> str:
    """As urllib.parse.unquote, for ASCII: `parse_qsl` takes a tenth of the time of a small query."""
    first, *rest = text.split(b"%")
    if not rest:
        return first.decode()
    parts = [first]
    for part in rest:
        byte = _BYTES_BY_DIGITS.get(part[:2])
        parts += (b"%", part) if byte is None else (byte, part[2:])
    return b"".join(parts).decode(errors="replace")


def _header(request: Request, name: bytes) -> bytes:
    found: bytes = next((value for key, value in request.scope["headers"] if key == name), b"")
    return found


def named_matcher_sets(name: str, texts: Iterable[str], features: Features) -> tuple[tuple[Matcher, ...], ...]:
    """As `parse_matcher_sets`, with errors that name the parameter."""
    try:
        return parse_matcher_sets(texts, features)
    except (ParseError, BadRequest) as error:
        raise invalid_parameter(name, str(error)) from None
