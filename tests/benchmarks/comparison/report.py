"""The figures as a table on the terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comparison.figures import Against, Better, Detail, Figure, Measured, Verdict
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Report:
    """`systems` are titles by name, ours first, `versions` by the same names."""

    mode: str
    begun: str
    seconds: float
    machine: Mapping[str, str | int]
    systems: Mapping[str, str]
    versions: Mapping[str, str]
    notes: Sequence[str]
    measured: Sequence[Measured]

    @property
    def figures(self) -> list[Figure]:
        return [figure for each in self.measured for figure in each.figures]

    @property
    def details(self) -> list[Detail]:
        return [detail for each in self.measured for detail in each.details]

    @property
    def is_good(self) -> bool:
        return all(figure.verdict is not Verdict.MISS for figure in self.figures)


def heads(report: Report) -> list[str]:
    return ["workload", "figure", *report.systems.values(), "got", "must", ""]


def cells(report: Report, figure: Figure) -> list[str]:
    values = [number_text(figure.values.get(name)) for name in report.systems]
    name = f"{figure.name} ({figure.unit})" if figure.unit else figure.name
    return [figure.workload, name, *values, got_text(figure), must_text(figure), figure.verdict.value]


def got_text(figure: Figure) -> str:
    if figure.ratio is None:
        return "-"
    if figure.against is Against.NOTHING:
        return number_text(figure.ratio)
    return f"{figure.ratio:.2f} x {figure.against.value}"


def must_text(figure: Figure) -> str:
    if figure.must is None:
        return ""
    sign = "<=" if figure.better is Better.LOWER else ">="
    what = "" if figure.against is Against.NOTHING else f" x {figure.against.value}"
    return f"{sign} {figure.must.limit:g}{what}"


def number_text(value: float | None) -> str:
    """Three digits that count, whole numbers with a comma at each thousand."""
    if value is None:
        return "-"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def as_table(report: Report) -> Table:
    table = Table(*heads(report), title=f"Plimsoll and its peers ({report.mode})")
    for figure in report.figures:
        style = {Verdict.PASS: "green", Verdict.MISS: "red"}.get(figure.verdict)
        *row, verdict = cells(report, figure)
        table.add_row(*row, f"[{style}]{verdict}[/]" if style else verdict)
    return table


def as_markdown(report: Report) -> str:
    versions = ", ".join(f"{title} {report.versions[name]}" for name, title in report.systems.items())
    machine = report.machine
    lines = [
        f"# Plimsoll and its peers ({report.mode})",
        "",
        f"{report.begun}, {report.seconds:.0f} s, {machine['cores']} cores of {machine['processor']}, "
        f"{machine['memory_mib']} MiB. {versions}.",
        "",
        *(f"- {note}" for note in report.notes),
        *([""] if report.notes else []),
        *markdown_table(heads(report), [cells(report, figure) for figure in report.figures]),
    ]
    for detail in report.details:
        lines += ["", f"## {detail.title}", "", *markdown_table(detail.head, detail.rows)]
    return "\n".join([*lines, ""])


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    texts = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in texts]


def as_json(report: Report) -> dict[str, Any]:
    return {
        "mode": report.mode,
        "begun": report.begun,
        "seconds": round(report.seconds, 1),
        "machine": dict(report.machine),
        "versions": dict(report.versions),
        "notes": list(report.notes),
        "is_good": report.is_good,
        "figures": [_figure_json(figure) for figure in report.figures],
        "details": [
            {"title": detail.title, "rows": [dict(zip(detail.head, row, strict=True)) for row in detail.rows]}
            for detail in report.details
        ],
    }


def _figure_json(figure: Figure) -> dict[str, Any]:
    must = figure.must and {"limit": figure.must.limit, "against": figure.must.against.value}
    return {
        "workload": figure.workload,
        "name": figure.name,
        "unit": figure.unit,
        "better": figure.better.value,
        "values": dict(figure.values),
        "ratio": figure.ratio,
        "against": figure.against.value,
        "must": must,
        "verdict": figure.verdict.value,
    }
