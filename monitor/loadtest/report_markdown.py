"""A report as Markdown: the four tables of the comparison, and how well the figures agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitor.loadtest.scenario import SCENARIOS
from monitor.loadtest.shown_figures import COLUMNS, shown, shown_difference, shown_ours, shown_reference
from monitor.loadtest.summary import agreements

HEADINGS = {
    **dict(COLUMNS),
    "requests": "Requests",
    "errors": "Errors",
    "bytes": "Bytes",
}


def markdown(report: dict[str, Any]) -> str:
    """`report` as `fleet-report` writes it to JSON."""
    lines = [
        "# The fleet under load",
        "",
        f"{machine_line(report)}",
        "",
        "Each cell: generator | Plimsoll | difference. Plimsoll's figures are what the service has stored between the "
        "two scrapes around the run; a figure differs, too, if that is not what the server itself has shown.",
        "",
    ]
    for scenario in SCENARIOS:
        cells = [cell for cell in report["cells"] if cell["scenario"] == scenario.name]
        if cells:
            lines += [f"## {scenario.title}", "", *_table(cells), ""]
    verdict = (f"- {text}" for text in report["verdict"])
    lines += ["## How well they agree", "", *verdict, "", *_agreement_table(report["cells"]), ""]
    if report["left_out"]:
        lines += ["## Left out", "", *(f"- {problem}" for problem in report["left_out"]), ""]
    return "\n".join(lines)


def machine_line(report: dict[str, Any]) -> str:
    machine = report["machine"]
    memory = shown(machine["memory_bytes"], "bytes")
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {memory}, {machine['system']}; {versions}. "
        f"{report['seconds']} s a cell, {report['connections']} connections, {report['started']}."
    )


def cell_text(figure: dict[str, Any]) -> str:
    return f"{shown_reference(figure)} | {shown_ours(figure)} | {shown_difference(figure)}"


def _table(cells: Sequence[dict[str, Any]]) -> list[str]:
    """Figures down, servers across; the bars of a cell are escaped, so that they stay inside of it."""
    head = "| | " + " | ".join(cell["server"] for cell in cells) + " |"
    rows = [head, "|---" * (len(cells) + 1) + "|"]
    for name, heading in COLUMNS:
        texts = [cell_text(cell[name]).replace("|", "\\|") for cell in cells]
        rows.append(f"| {heading} | " + " | ".join(texts) + " |")
    return rows


def _agreement_table(cells: Sequence[dict[str, Any]]) -> list[str]:
    rows = [
        "| figure | cells compared | agree | of these by what was in flight | largest unexplained rest |",
        "|---|---|---|---|---|",
    ]
    for each in agreements(cells):
        rest = f"{each.largest_rest_ratio:.2%}"
        rows.append(f"| {HEADINGS[each.name]} | {each.compared} | {each.agreeing} | {each.by_derived_part} | {rest} |")
    return rows
