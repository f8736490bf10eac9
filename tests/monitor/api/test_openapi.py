"""The description at /docs is complete."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def document(api):
    return api.request("GET", "/openapi.json").json


def operations(document):
    return [(path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def test_the_page_is_there(api):
    reply = api.request("GET", "/docs")
    assert reply.status == 200
    assert b"openapi.json" in reply.body


def test_every_operation_says_what_it_does(document):
    assert all(operation["summary"] and operation["tags"] for _, _, operation in operations(document))
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)


def test_every_parameter_is_described(document):
    for path, method, operation in operations(document):
        for parameter in operation["parameters"]:
            assert parameter["description"], (path, method, parameter)


def test_paths_and_methods_are_those_that_are_answered(document, api):
    for path, method, _ in operations(document):
        if method == "get":
            assert api.request("GET", path.replace("{name}", "job")).status not in (404, 405), path


@pytest.mark.parametrize(
    "path", ["/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/label/{name}/values"]
)
def test_parameters_of_get_and_post_are_the_same(document, path):
    item = document["paths"][path]
    of_get = {parameter["name"] for parameter in item["get"]["parameters"]}
    assert "limit" in of_get
    if "post" in item:
        form = item["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
        assert set(form["properties"]) == of_get


def test_repeated_parameters_are_arrays(document):
    (match,) = (each for each in document["paths"]["/api/v1/series"]["get"]["parameters"] if each["name"] == "match[]")
    assert (match["required"], match["schema"]) == (True, {"type": "array", "items": {"type": "string"}})


def test_references_lead_somewhere(document, api):
    text = api.request("GET", "/openapi.json").body.decode()
    schemas = document["components"]["schemas"]
    assert {"Error", "Success"} <= set(schemas)
    assert text.count('"$ref":"#/components/schemas/') == sum(
        text.count(f'"$ref":"#/components/schemas/{name}"') for name in schemas
    )
