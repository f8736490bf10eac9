"""The report of a fleet, as JSON, Markdown and HTML."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from load_test_facts import OWN, facts, totals, window

from monitor.loadtest.cell_json import cell_data
from monitor.loadtest.reconcile import reconcile_stored
from monitor.loadtest.report_html import html_page
from monitor.loadtest.report_markdown import markdown
from monitor.loadtest.run_cell import CellResult
from monitor.loadtest.scenario import SCENARIOS
from monitor.loadtest.shown_figures import COLUMNS, shown, shown_difference
from monitor.loadtest.window import Windows


def cell(server: str, scenario: str, in_flight: int = 0) -> dict[str, Any]:
    """What the service has stored is what the server has shown."""
    known = facts(scenario, in_flight)
    windows = Windows(known.window, known.window, known.window)
    return cell_data(server, CellResult(known, reconcile_stored(known, windows), (1_000, 3_001)))


def report(servers: tuple[str, ...] = ("tokio", "<gin>")) -> dict[str, Any]:
    return {
        "started": "2026-01-01 00:00 UTC",
        "seconds": 1,
        "connections": 10,
        "machine": {"processor": "A & B", "cores": 2, "memory_bytes": 8e9, "system": "Linux 6"},
        "versions": {"wrk": "4.1.0"},
        "verdict": ["8 of 12 cells", "figures that differ: 0", "figures not judged: 0"],
        "left_out": ["rocket: no cargo"],
        "cells": [cell(server, scenario.name) for server in servers for scenario in SCENARIOS],
    }


def test_the_json_has_both_sides_of_every_figure() -> None:
    data = json.loads(json.dumps(cell("tokio", "flash-sale", 4)))

    assert (data["server"], data["scenario"]) == ("tokio", "flash-sale")
    assert (data["qps"]["generator"], data["qps"]["plimsoll"], data["qps"]["difference"]) == (1000.0, 1004.0, 4.0)
    assert data["qps"]["explained"] == [
        {"part": "in flight when the generator stopped", "value": -4.0, "derived": True}
    ]
    assert (data["in_flight_at_the_end"], data["in_flight_at_most"]) == (4, 10)
    assert data["requests"]["agrees_by_derived_part"]
    assert not data["qps"]["agrees_by_derived_part"]
    assert all({"generator", "plimsoll", "difference", "rest", "agrees"} <= data[name].keys() for name, _ in COLUMNS)


def test_the_json_has_what_the_server_has_shown() -> None:
    data = cell("tokio", "flash-sale")

    assert data["service"] == {"first_scrape": 1.0, "last_scrape": 3.001}
    assert data["requests"]["shown"] == {"least": 1000, "most": 1000}
    assert data["requests"]["stored_as_shown"] is True
    assert data["connection_setup"]["stored_as_shown"] is None


def test_what_is_stored_otherwise_than_shown_is_in_every_report() -> None:
    data = report(("tokio",))
    known = facts("flash-sale")
    shown_window = window(1000 + OWN, cpu_seconds=0.7, gc_pauses=totals(3, 0.1))
    figures = reconcile_stored(known, Windows(known.window, shown_window, shown_window))
    data["cells"][0] = cell_data("tokio", CellResult(known, figures, (1_000, 3_001)))

    for text in (markdown(data), html_page(data)):
        assert "0.50 stored, 0.70 shown by the server" in text
        assert "– stored, 3 shown by the server" in text
    assert "| CPU | 4 | 3 |" in markdown(data)
    assert "| GC pauses | 1 | 0 | 0 | 100.00% |" in markdown(data)


def test_markdown_has_four_tables_whose_cells_have_three_parts() -> None:
    text = markdown(report())

    assert re.findall(r"^## (.*)$", text, re.M)[:4] == [each.title for each in SCENARIOS]
    assert text.count("| QPS | 1\u202f000 \\| 1\u202f000 \\| 0 |") == 4
    assert "- rocket: no cargo" in text
    assert "- 8 of 12 cells\n- figures that differ: 0\n" in text


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
    assert "<p>8 of 12 cells</p>" in text


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
    figure = {"difference": -5.0, "plimsoll": 995.0, "unit": "count"}

    assert shown_difference(figure) == "−5 (−0.50%)"
