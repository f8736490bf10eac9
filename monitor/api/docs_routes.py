"""The API described by itself: as an OpenAPI document, and as a page to try it from."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

import orjson
from starlette.requests import Request

from monitor.api.answers import Answer
from monitor.api.endpoint import Endpoint, Parameter
from monitor.api.openapi import DESCRIPTION, openapi_document

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
:root { color-scheme: light dark; }
h2 { margin-top: 2.5rem; text-transform: capitalize; }
summary { cursor: pointer; padding: .3rem 0; }
code { font-size: .9rem; }
form { margin: .5rem 0 1rem 1.2rem; }
label { display: grid; grid-template-columns: 12rem 1fr; gap: 0 1rem; align-items: baseline; margin: .3rem 0; }
label small { grid-column: 2; opacity: .7; }
"""


class DocsRoutes:
    """`/docs` needs no script and nothing from elsewhere: each GET endpoint is a form that opens its answer."""

    def __init__(self, version: str, endpoints: Sequence[Endpoint]) -> None:
        self._version = version
        self._endpoints = [endpoint for endpoint in endpoints if endpoint.is_documented]

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint("/docs", self.page, "The page", is_documented=False),
            Endpoint("/openapi.json", self.document, "The OpenAPI document", is_documented=False),
        )

    async def page(self, _request: Request) -> Answer:
        return Answer((docs_page(self._version, self._endpoints).encode(),), content_type=b"text/html; charset=utf-8")

    async def document(self, _request: Request) -> Answer:
        return Answer((orjson.dumps(openapi_document(self._version, self._endpoints)),))


def docs_page(version: str, endpoints: Sequence[Endpoint]) -> str:
    """The page at /docs; its addresses are relative, as those of the page at `/`."""
    sections = [
        f"<h2>{escape(tag)}</h2>" + "".join(map(_endpoint_section, of_tag))
        for tag, of_tag in groupby(sorted(endpoints, key=lambda each: each.tag), key=lambda each: each.tag)
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Plimsoll: API</title><style>{_STYLE}</style>"
        f"<h1>The API of Plimsoll {escape(version)}</h1><p>{escape(DESCRIPTION)}"
        ' For programs: <a href="openapi.json">openapi.json</a>.</p>' + "".join(sections)
    )


def _endpoint_section(endpoint: Endpoint) -> str:
    methods = " ".join(endpoint.methods)
    head = f"<summary><code>{methods} {escape(endpoint.path)}</code> {escape(endpoint.summary)}</summary>"
    return f"<details>{head}<p>{escape(endpoint.description)}</p>{_form(endpoint)}</details>"


def _form(endpoint: Endpoint) -> str:
    fields = "".join(map(_field, endpoint.parameters))
    is_tried_here = "GET" in endpoint.methods and "{" not in endpoint.path
    if not is_tried_here:
        return f"<form>{fields}</form>"
    return f'<form action="{escape(endpoint.path[1:])}" target="_blank">{fields}<button>Ask</button></form>'


def _field(parameter: Parameter) -> str:
    name = escape(parameter.name)
    required = " required" if parameter.is_required else ""
    example = f' placeholder="{escape(parameter.example)}"' if parameter.example else ""
    return (
        f"<label><code>{name}</code>"
        f'<input name="{name}"{example}{required}><small>{escape(parameter.description)}</small></label>'
    )
