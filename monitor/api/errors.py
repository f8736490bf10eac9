"""Every error as Prometheus answers it: `{"status":"error","errorType":…,"error":…}` and a status code."""

from __future__ import annotations

import logging
from collections.abc import Collection
from http import HTTPStatus

import orjson

from monitor.api.answers import Answer, Headers, text_answer
from monitor.errors import (
    BadRequest,
    BodyTimeout,
    BodyTooLarge,
    ClientOverloaded,
    ConfigError,
    NotFound,
    NotInstalled,
    Overloaded,
    ParseError,
    PlimsollError,
    QueryCanceled,
    QueryError,
    QueryTimeout,
    StorageFull,
    UnsupportedMediaType,
)
from monitor.promql.syntax.go_text import with_replacement

logger = logging.getLogger(__name__)

API_PREFIX = "/api/"
CLIENT_CLOSED_REQUEST = 499
"""nginx's code for a client that went away; upstream uses it too."""
RETRY_AFTER: Headers = ((b"retry-after", b"5"),)

_KINDS: tuple[tuple[type[PlimsollError], int, str], ...] = (
    (UnsupportedMediaType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "bad_data"),
    (BodyTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "bad_data"),
    (BodyTimeout, HTTPStatus.REQUEST_TIMEOUT, "timeout"),
    (BadRequest, HTTPStatus.BAD_REQUEST, "bad_data"),
    (ParseError, HTTPStatus.BAD_REQUEST, "bad_data"),
    (ConfigError, HTTPStatus.BAD_REQUEST, "bad_data"),
    (NotFound, HTTPStatus.NOT_FOUND, "not_found"),
    (NotInstalled, HTTPStatus.NOT_IMPLEMENTED, "unavailable"),
    (QueryCanceled, CLIENT_CLOSED_REQUEST, "canceled"),
    (QueryTimeout, HTTPStatus.SERVICE_UNAVAILABLE, "timeout"),
    (QueryError, HTTPStatus.UNPROCESSABLE_ENTITY, "execution"),
    (ClientOverloaded, HTTPStatus.TOO_MANY_REQUESTS, "unavailable"),
    (Overloaded, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    (StorageFull, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    (PlimsollError, HTTPStatus.INTERNAL_SERVER_ERROR, "internal"),
)
"""The first line whose class fits counts."""


def error_answer(status: int, error_type: str, message: str, headers: Headers = ()) -> Answer:
    body = {"status": "error", "errorType": error_type, "error": with_replacement(message)}
    return Answer((orjson.dumps(body),), status, headers=headers)


def answer_for(error: PlimsollError) -> Answer:
    """The answer to one of our errors; `Retry-After` goes with those that time may mend."""
    status, error_type = next((status, name) for kind, status, name in _KINDS if isinstance(error, kind))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("a request failed: %s", error)
    is_passing = isinstance(error, Overloaded | StorageFull)
    return error_answer(status, error_type, str(error), RETRY_AFTER if is_passing else ())


def answer_for_bug(error: Exception) -> Answer:
    """The answer to an error that nobody expected: its text may hold anything, so it is for the log only."""
    message = f"{type(error).__name__}: the server's log has more"
    return error_answer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", message)


def path_not_found(path: str) -> Answer:
    if not path.startswith(API_PREFIX):
        # Clients that probe for what is not there look for these words.
        return text_answer("404 page not found\n", HTTPStatus.NOT_FOUND)
    return error_answer(HTTPStatus.NOT_FOUND, "not_found", f"path {path} not found")


def method_not_allowed(path: str, method: str, allowed: Collection[str]) -> Answer:
    """The answer to a method that is none of those `allowed` for a path."""
    wanted = ", ".join(sorted(allowed))
    headers = ((b"allow", wanted.encode()),)
    if not path.startswith(API_PREFIX):
        return text_answer(f"{HTTPStatus.METHOD_NOT_ALLOWED.phrase}\n", HTTPStatus.METHOD_NOT_ALLOWED, headers)
    message = f"method {method} not allowed, want one of {wanted}"
    return error_answer(HTTPStatus.METHOD_NOT_ALLOWED, "bad_data", message, headers)
