"""The OpenAPI description of our endpoints, for /docs and for generated clients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monitor.api.endpoint import Endpoint, Parameter

Json = dict[str, Any]

DESCRIPTION = (
    "The HTTP API of Prometheus, for Grafana and everything else that speaks it, and what Plimsoll adds."
    " Every error below /api has the shape of `Error`."
)
_ERROR_SCHEMA: Json = {
    "type": "object",
    "required": ["status", "errorType", "error"],
    "properties": {
        "status": {"type": "string", "enum": ["error"]},
        "errorType": {
            "type": "string",
            "enum": ["bad_data", "execution", "timeout", "canceled", "unavailable", "internal", "not_found"],
        },
        "error": {"type": "string"},
    },
}
_SUCCESS_SCHEMA: Json = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"type": "string", "enum": ["success"]},
        "data": {},
        "warnings": {"type": "array", "items": {"type": "string"}},
        "infos": {"type": "array", "items": {"type": "string"}},
    },
}
_SCHEMAS: Json = {"Error": _ERROR_SCHEMA, "Success": _SUCCESS_SCHEMA}
_FORM = "application/x-www-form-urlencoded"


def openapi_document(version: str, endpoints: Iterable[Endpoint]) -> Json:
    """The whole document."""
    paths = {
        endpoint.path: {method.lower(): _operation(endpoint, method) for method in endpoint.methods}
        for endpoint in endpoints
        if endpoint.is_documented
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Plimsoll", "version": version, "description": DESCRIPTION},
        "paths": paths,
        "components": {"schemas": _SCHEMAS},
    }


def _operation(endpoint: Endpoint, method: str) -> Json:
    in_form = method == "POST" and bool(endpoint.parameters)
    shown = [parameter for parameter in endpoint.parameters if parameter.in_path or not in_form]
    operation: Json = {
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": endpoint.description,
        "operationId": f"{method.lower()}_{_identifier(endpoint.path)}",
        "parameters": [_parameter(parameter) for parameter in shown],
        "responses": _responses(endpoint),
    }
    if in_form:
        operation["requestBody"] = {"content": {_FORM: {"schema": _form(endpoint.parameters)}}}
    elif endpoint.body_type:
        schema = {"type": "string", "format": "binary"}
        operation["requestBody"] = {"required": True, "content": {endpoint.body_type: {"schema": schema}}}
    return operation


def _identifier(path: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in path.strip("/"))


def _parameter(parameter: Parameter) -> Json:
    shape: Json = {
        "name": parameter.name,
        "in": "path" if parameter.in_path else "query",
        "description": parameter.description,
        "required": parameter.is_required or parameter.in_path,
        "schema": _schema(parameter),
    }
    return {**shape, "example": parameter.example} if parameter.example else shape


def _schema(parameter: Parameter) -> Json:
    schema: Json = {"type": parameter.schema}
    return {"type": "array", "items": schema} if parameter.is_repeated else schema


def _form(parameters: Iterable[Parameter]) -> Json:
    fields = [parameter for parameter in parameters if not parameter.in_path]
    return {
        "type": "object",
        "required": [parameter.name for parameter in fields if parameter.is_required],
        "properties": {field.name: {**_schema(field), "description": field.description} for field in fields},
    }


def _responses(endpoint: Endpoint) -> Json:
    if endpoint.answer_type == "application/json":
        good: Json = {"schema": {"$ref": "#/components/schemas/Success"}}
    else:
        good = {"schema": {"type": "string"}}
    bad: Json = {"schema": {"$ref": "#/components/schemas/Error"}}
    return {
        "200": {"description": "The answer", "content": {endpoint.answer_type: good}},
        "default": {"description": "An error", "content": {"application/json": bad}},
    }
