"""The page at `/`: the files of dashboards/web, served as they are."""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request

from monitor.api.answers import Answer
from monitor.api.endpoint import Endpoint, Handler

_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
}


def web_page_endpoints() -> tuple[Endpoint, ...]:
    """The page and its parts. They are read once: the page changes only with the program."""
    endpoints = []
    for file in files("dashboards.web").iterdir():
        suffix = file.name[file.name.rfind(".") :]
        if suffix in _TYPES:
            path = "/" if file.name == "index.html" else f"/web/{file.name}"
            handler = _serving(file.read_bytes(), _TYPES[suffix])
            endpoints.append(Endpoint(path, handler, "The page", tag="page", is_documented=False))
    return tuple(endpoints)


def _serving(content: bytes, content_type: bytes) -> Handler:
    answer = Answer((content,), content_type=content_type, headers=((b"cache-control", b"no-cache"),))

    async def serve(_request: Request) -> Answer:
        return answer

    return serve
