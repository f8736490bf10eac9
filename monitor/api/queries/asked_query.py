"""One query as it was asked, and by whom."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

UNKNOWN_CLIENT = "unknown"
_CLIENT_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """An instant query has `step_ms` 0. `client` is an address, or what the header for it says."""

    expression: str
    start_ms: int
    end_ms: int
    step_ms: int
    client: str
    method: str
    path: str


def client_of(request: Request, header: str) -> str:
    """Who asks: the value of `header` if there is such a name and such a header, else the remote address."""
    named = request.headers.get(header, "") if header else ""
    if named:
        return named[:_CLIENT_CHARACTERS_MAX]
    address = request.scope.get("client")
    return str(address[0]) if address else UNKNOWN_CLIENT
