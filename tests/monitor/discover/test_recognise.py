from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from vocabularies import SHIPPED

from monitor.discover.evidence import (
    Address,
    BinaryEvidence,
    Evidence,
    HttpEvidence,
    Page,
    ProcessEvidence,
)
from monitor.discover.recognise import Finding, Kind, recognise_server

RECORDED = Path(__file__).parents[1] / "scrape" / "vocabulary" / "recorded"
ADDRESS = Address("127.0.0.1", 8080)


def finding(
    body: bytes | None = None,
    path: str = "/metrics",
    process: ProcessEvidence | None = None,
    speaks_http: bool = True,
    **headers: str,
) -> Finding:
    pages = () if body is None else (Page(path, "text/plain", body),)
    return recognise_server(Evidence(ADDRESS, HttpEvidence(speaks_http, pages, headers), process), SHIPPED.vocabularies)


def runs(program: str, *arguments: str, **binary: Any) -> ProcessEvidence:
    return ProcessEvidence(7, program, (program, *arguments), BinaryEvidence(**binary))


@pytest.mark.parametrize(
    ("name", "runtime", "framework"),
    [
        ("fleet_go-std", "go", ""),
        ("fleet_rocket", "rust", "rocket"),
        ("fleet_node-std", "node", ""),
        ("py_star", "cpython", "starlette"),
        ("rust_axum", "rust", "axum"),
        ("jvm_spring", "jvm", "spring"),
    ],
)
def test_an_exposition_alone_tells_the_runtime(name: str, runtime: str, framework: str) -> None:
    found = finding((RECORDED / f"{name}.txt").read_bytes())
    assert (found.runtime, found.framework, found.kind) == (runtime, framework, Kind.SERVER)
    assert "http_server_request_duration_seconds" in found.canonical


@pytest.mark.parametrize(
    ("process", "runtime", "framework", "name"),
    [
        (runs("shop", go_version="go1.26", go_modules=("github.com/gin-gonic/gin",)), "go", "gin", "shop"),
        (runs("shop", go_version="go1.26", go_modules=("github.com/labstack/echo/v4",)), "go", "echo", "shop"),
        (runs("shop", go_version="go1.26"), "go", "std", "shop"),
        (runs("shop", is_rust=True, rust_crates=("hyperlane-core", "tokio")), "rust", "hyperlane", "shop"),
        (runs("shop", is_rust=True), "rust", "std", "shop"),
        (runs("node", "/srv/shop/server.js"), "node", "", "shop"),
        (runs("python3.11", "-m", "uvicorn", "shop:app"), "cpython", "", "shop"),
        (runs("python3.11", "/usr/bin/shop", "serve"), "cpython", "", "shop"),
        (runs("java", "-Xmx1g", "-jar", "/srv/till.jar"), "jvm", "", "till"),
        (runs("nginx"), "", "", "nginx"),
    ],
    ids=["gin", "echo", "go", "hyperlane", "rust", "node", "python", "script", "java", "unknown"],
)
def test_a_process_tells_it_without_metrics(process: ProcessEvidence, runtime: str, framework: str, name: str) -> None:
    found = finding(process=process)
    assert (found.runtime, found.framework, found.name, found.metrics_path) == (runtime, framework, name, "")


def test_an_interpreter_with_rust_inside_is_what_it_runs() -> None:
    assert finding(process=runs("node", "a.js", is_rust=True)).runtime == "node"


def test_a_header_is_believed_last() -> None:
    assert finding(server="uvicorn").runtime == "cpython"
    assert finding(**{"x-powered-by": "Express"}).framework == "express"
    assert finding(server="uvicorn", process=runs("shop", go_version="go1.26")).runtime == "go"


@pytest.mark.parametrize("body", [b"ok", b"<html><body>hi 1</body></html>", b"", b'{"a": 1}', b"one\ntwo\nthree 3\n"])
def test_a_page_that_is_no_exposition_is_none(body: bytes) -> None:
    assert finding(body).metrics_path == ""


def test_an_exposition_without_samples_yet_is_one() -> None:
    assert finding(b"# HELP a b\n# TYPE a counter\n").metrics_path == "/metrics"


def test_exporters_and_monitors_are_told_apart_from_servers() -> None:
    assert finding(b'plimsoll_exporter_processes{target="port 1"} 1\n').kind is Kind.EXPORTER
    assert finding(b"plimsoll_scrape_targets 1\n").kind is Kind.MONITOR
    assert finding(speaks_http=False).kind is Kind.OTHER


def test_what_was_asked_over_tls_says_so() -> None:
    found = recognise_server(Evidence(ADDRESS, HttpEvidence(speaks_http=True, is_tls=True)), SHIPPED.vocabularies)
    assert (found.kind, found.scheme) == (Kind.SERVER, "https")
    assert found.reasons == ("over TLS, its certificate not checked",)


def test_the_page_of_expvar_is_known_by_its_memory_statistics() -> None:
    assert finding(b'{"cmdline": [], "memstats": {}}', "/debug/vars").has_variables
    assert not finding(b'{"a": 1}', "/debug/vars").has_variables
    assert not finding(b"<html>", "/debug/vars").has_variables
