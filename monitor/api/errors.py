"""Every error as Prometheus answers it: `{"status":"error","errorType":…,"error":…}` and a status code."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp

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


def add_error_handlers(app: FastAPI) -> None:
    """For errors of FastAPI's own routers, of routing itself, and those nobody expected."""
    app.add_exception_handler(PlimsollError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)


# Starlette types handlers as returning a Response; it calls whatever they return as an ASGI application.


async def _on_ours(_request: Request, error: Exception) -> Any:
    assert isinstance(error, PlimsollError), f"BUG: got {type(error).__name__}, want a PlimsollError"
    return answer_for(error)


async def _on_validation(_request: Request, error: Exception) -> Any:
    assert isinstance(error, RequestValidationError), f"BUG: got {type(error).__name__}"
    first = error.errors()[0]
    name = str(first["loc"][-1])
    return answer_for(BadRequest(f'invalid parameter "{name}": {first["msg"]}'))


async def _on_http(request: Request, error: Exception) -> Any:
    assert isinstance(error, HTTPException), f"BUG: got {type(error).__name__}"
    return _http_answer(request, error)


def _http_answer(request: Request, error: HTTPException) -> ASGIApp:
    path, status = request.scope["path"], error.status_code
    headers = tuple((name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items())
    if not path.startswith(API_PREFIX):
        # Clients that probe for what is not there look for these words.
        text = "404 page not found\n" if status == HTTPStatus.NOT_FOUND else f"{error.detail}\n"
        return text_answer(text, status, headers)
    if status == HTTPStatus.NOT_FOUND:
        return error_answer(status, "not_found", f"path {path} not found")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        message = f"method {request.method} not allowed, want one of {', '.join(sorted(allowed.split(', ')))}"
        return error_answer(status, "bad_data", message, headers)
    return error_answer(status, "bad_data" if status < 500 else "internal", error.detail, headers)


async def _on_bug(_request: Request, error: Exception) -> Any:
    # Starlette raises it again after the answer: the server logs it with its traceback.
    return answer_for_bug(error)
