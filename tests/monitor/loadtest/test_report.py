"""The report of a fleet, as JSON, Markdown and HTML."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from load_test_facts import facts

from monitor.loadtest.cell_json import cell_data
from monitor.loadtest.reconcile import reconcile
from monitor.loadtest.report_html import html_page
from monitor.loadtest.report_markdown import markdown
from monitor.loadtest.run_cell import CellResult
from monitor.loadtest.scenario import SCENARIOS
from monitor.loadtest.service_window import StoredFigures
from monitor.loadtest.shown_figures import COLUMNS, shown, shown_difference


def cell(server: str, scenario: str, in_flight: int = 0) -> dict[str, Any]:
    known = facts(scenario, in_flight)
    return cell_data(server, CellResult(known, reconcile(known), StoredFigures(1020.0, 102_000.0, 31.0, 5e6, 3)))


def report(servers: tuple[str, ...] = ("tokio", "<gin>")) -> dict[str, Any]:
    return {
        "started": "2026-01-01 00:00 UTC",
        "seconds": 1,
        "connections": 10,
        "machine": {"processor": "A & B", "cores": 2, "memory_bytes": 8e9, "system": "Linux 6"},
        "versions": {"wrk": "4.1.0"},
        "left_out": ["rocket: no cargo"],
        "cells": [cell(server, scenario.name) for server in servers for scenario in SCENARIOS],
    }


def test_the_json_has_both_sides_of_every_figure() -> None:
    data = json.loads(json.dumps(cell("tokio", "flash-sale", 4)))

    assert (data["server"], data["scenario"]) == ("tokio", "flash-sale")
    assert (data["qps"]["generator"], data["qps"]["plimsoll"], data["qps"]["difference"]) == (1000.0, 1004.0, 4.0)
    assert data["qps"]["explained"] == [{"part": "in flight when the generator stopped", "value": -4.0}]
    assert all({"generator", "plimsoll", "difference", "rest", "agrees"} <= data[name].keys() for name, _ in COLUMNS)


def test_the_service_has_stored_what_the_server_has_shown() -> None:
    assert cell("tokio", "flash-sale")["service"]["requests_equal"] is True
    assert cell("tokio", "flash-sale", 1)["service"]["requests_equal"] is False


def test_markdown_has_four_tables_whose_cells_have_three_parts() -> None:
    text = markdown(report())

    assert re.findall(r"^## (.*)$", text, re.M)[:4] == [each.title for each in SCENARIOS]
    assert text.count("| QPS | 1\u202f000 \\| 1\u202f000 \\| 0 |") == 4
    assert "- rocket: no cargo" in text


class Page(HTMLParser):
    """Notes what a page would load, and which tags are left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.cells += tag == "td"
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    page = Page()
    text = html_page(report())

    page.feed(text)

    assert (page.open, page.loaded) == ([], [])
    assert "url(" not in text
    assert "@import" not in text
    assert page.cells >= len(SCENARIOS) * 2 * len(COLUMNS)
    assert "&lt;gin&gt;" in text
    assert "<gin>" not in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "seconds", "–"),
        (0.000123456, "seconds", "123 µs"),
        (0.0123, "seconds", "12.3 ms"),
        (1.5, "seconds", "1.5 s"),
        (12_345.6, "per second", "12\u202f346"),
        (1.25e7, "bytes", "12.5 MB"),
        (0.0, "share", "0 %"),
    ],
)
def test_numbers_are_shown_with_their_unit(value: float | None, unit: str, text: str) -> None:
    assert shown(value, unit) == text


def test_a_difference_has_a_sign_and_its_share() -> None:
    figure = {"difference": -5.0, "generator": 1000.0, "unit": "count"}

    assert shown_difference(figure) == "−5 (−0.50%)"
