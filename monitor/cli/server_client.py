"""A server of ours, asked by HTTP from the command line."""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import SplitResult, urlencode, urlsplit

import orjson

from monitor.errors import BadRequest, PlimsollError

TIMEOUT_SECONDS = 600
_ERROR_BODY_BYTES = 65_536


class ServerRefused(PlimsollError):
    """A server cannot be reached, or answers with an error."""


class ServerUnreachable(ServerRefused):
    """No answer at all, or not the whole of one."""


class ServerClient:
    """One connection for each request. `url` is that of a server, such as http://127.0.0.1:9090."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._parts: SplitResult = urlsplit(self._url)
        if self._parts.scheme not in ("http", "https") or not self._parts.hostname:
            raise BadRequest(f"got {url!r}, want a URL such as http://127.0.0.1:9090")

    @contextmanager
    def ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str | list[str]] | None = None,
        body: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer, to be read inside of the block. Raises ServerRefused unless its status is 2xx."""
        target = f"{self._parts.path}{path}"
        query = urlencode({name: value for name, value in (parameters or {}).items() if value}, doseq=True)
        connection = self._connection()
        try:
            connection.request(
                method,
                f"{target}?{query}" if query else target,
                body,
                dict(headers or {}),
                encode_chunked=body is not None,
            )
            response = connection.getresponse()
            if not 200 <= response.status < 300:
                raise ServerRefused(f"{self._url}{path}: {response.status} {_reason(response)}")
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise ServerUnreachable(f"{self._url}{path}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        assert self._parts.hostname is not None, "BUG: got a URL without a host"
        return kind(self._parts.hostname, self._parts.port, timeout=TIMEOUT_SECONDS)


def _reason(response: http.client.HTTPResponse) -> str:
    text = response.read(_ERROR_BODY_BYTES)
    try:
        return str(orjson.loads(text)["error"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return text.decode(errors="replace").strip() or response.reason
