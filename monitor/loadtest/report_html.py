"""A report as one HTML page that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from monitor.loadtest.report_charts import (
    GENERATOR_COLOR,
    HANDLER_COLOR,
    OURS_COLOR,
    PART_COLORS,
    REST_COLOR,
    latency_chart,
    rate_chart,
)
from monitor.loadtest.report_markdown import HEADINGS, machine_line
from monitor.loadtest.scenario import SCENARIOS
from monitor.loadtest.shown_figures import COLUMNS, shown, shown_difference, shown_ours, shown_reference
from monitor.loadtest.summary import agreements

_STYLE = """
:root { color-scheme: light; --line: #e4e7ec; --soft: #667085; --ours: #0b6bcb; --bad: #b42318; --good: #067647; }
* { box-sizing: border-box; }
body { font: 14px/1.45 system-ui, sans-serif; color: #1d2939; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 44px 0 10px; }
p { margin: 4px 0; max-width: 92ch; } .soft { color: var(--soft); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { background: #f9fafb; font-weight: 600; } tbody tr:last-child > * { border-bottom: 0; }
tbody th { font-weight: 500; white-space: nowrap; background: #fcfcfd; position: sticky; left: 0; }
td { white-space: nowrap; } td i { color: #d0d5dd; font-style: normal; padding: 0 3px; }
td b { font-weight: 600; color: var(--ours); } td small { color: var(--soft); display: block; font-size: 12px; }
td.differs { background: #fef3f2; } td.differs small { color: var(--bad); } .good { color: var(--good); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 12px 32px; margin: 12px 0; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: 6px; }
svg { width: 100%; max-width: 760px; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: #475467; }
.key { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 12px; color: var(--soft); margin: 8px 0; }
.key span::before { content: ""; display: inline-block; width: 10px; height: 10px; margin-right: 5px; }
.key span::before { background: var(--c); }
details summary { cursor: pointer; color: var(--ours); margin: 8px 0; }
"""


def html_page(report: dict[str, Any]) -> str:
    """`report` as `fleet-report` writes it to JSON."""
    sections = []
    for scenario in SCENARIOS:
        cells = [cell for cell in report["cells"] if cell["scenario"] == scenario.name]
        if cells:
            sections.append(_scenario(scenario.title, cells))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>The fleet under load</title>'
        f"<style>{_STYLE}</style></head><body>{_head(report)}{''.join(sections)}{_left_out(report)}</body></html>\n"
    )


def _head(report: dict[str, Any]) -> str:
    servers = len({cell["server"] for cell in report["cells"]})
    return (
        f"<h1>The fleet under load</h1><p class=soft>{escape(machine_line(report))}</p>"
        f"<p>{servers} servers, {len(report['cells'])} cells. In each cell: what the load generator says, "
        "<b style='color:var(--ours)'>what Plimsoll has stored</b> of the same requests, and the difference; below it "
        "what of the difference is left when its causes are counted. The generator does not see the server's memory "
        "and CPU time: there the first figure is the kernel's, and of pauses that of the server's own /metrics. A "
        "figure differs, too, if what is stored is not what the server itself has shown. A dash is a figure that "
        "cannot be had; none is estimated.</p>"
        f"{_agreement(report)}"
    )


def _agreement(report: dict[str, Any]) -> str:
    verdict = "".join(f"<p>{escape(text)}</p>" for text in report["verdict"])
    rows = "".join(
        f"<tr><th>{escape(HEADINGS[each.name])}</th><td>{each.compared}</td>"
        f"<td class='{'good' if each.agreeing == each.compared else 'differs'}'>{each.agreeing}</td>"
        f"<td>{each.by_derived_part}</td>"
        f"<td>{each.largest_rest_ratio:.2%}</td></tr>"
        for each in agreements(report["cells"])
    )
    return (
        f"<h2>How well they agree</h2>{verdict}"
        "<div class=scroll style='max-width:640px'><table><thead><tr><th>figure</th>"
        "<th>cells compared</th><th>agree</th><th>of these by what was in flight</th>"
        "<th>largest unexplained rest</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _scenario(title: str, cells: Sequence[dict[str, Any]]) -> str:
    heads = "".join(f"<th>{escape(cell['server'])}</th>" for cell in cells)
    rows = "".join(
        f"<tr><th>{escape(heading)}</th>{''.join(_cell(cell[name]) for cell in cells)}</tr>"
        for name, heading in COLUMNS
    )
    return (
        f"<h2>{escape(title)}</h2>{_charts(cells)}<div class=scroll><table><thead><tr>"
        f"<th>{escape(cells[0]['tool'])} | Plimsoll | difference</th>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
        f"{_explanations(cells)}"
    )


def _cell(figure: dict[str, Any]) -> str:
    unit = figure["unit"]
    title = f' title="{escape(figure["reason"])}"' if figure.get("reason") else ""
    note = ""
    if figure["explained"] and figure["difference"]:
        note = f"<small>rest {shown(figure['rest'], unit)}</small>"
    differs = " class=differs" if figure["agrees"] is False else ""
    return (
        f"<td{differs}{title}>{escape(shown_reference(figure))}<i>|</i><b>{escape(shown_ours(figure))}</b>"
        f"<i>|</i>{escape(shown_difference(figure))}{note}</td>"
    )


def _charts(cells: Sequence[dict[str, Any]]) -> str:
    rates = {"generator": GENERATOR_COLOR, "Plimsoll": OURS_COLOR}
    present = {part["part"] for cell in cells for part in cell["latency_average"]["explained"] if part["value"] > 0}
    parts = {name: color for name, color in PART_COLORS.items() if name in present}
    where = {
        "generator's figure": GENERATOR_COLOR,
        "in the handler": HANDLER_COLOR,
        **parts,
        "not explained": REST_COLOR,
    }
    return (
        "<div class=charts><figure><figcaption>Requests per second</figcaption>"
        f"{rate_chart(cells)}{_key(rates)}</figure>"
        "<figure><figcaption>Average latency, and where it was spent</figcaption>"
        f"{latency_chart(cells)}{_key(where)}</figure></div>"
    )


def _key(colors: dict[str, str]) -> str:
    spans = "".join(f'<span style="--c:{color}">{escape(name)}</span>' for name, color in colors.items())
    return f"<div class=key>{spans}</div>"


def _explanations(cells: Sequence[dict[str, Any]]) -> str:
    blocks = "".join(
        _explanation(cell["server"], HEADINGS[name], cell[name])
        for cell in cells
        for name in ("latency_average", "latency_p50", "latency_p99")
    )
    return (
        "<details><summary>From our latency to the generator's, part by part</summary><div class=scroll><table><thead>"
        "<tr><th>server</th><th>figure</th><th>Plimsoll</th><th>parts</th><th>not explained</th><th>allowed</th>"
        f"<th>generator</th></tr></thead><tbody>{blocks}</tbody></table></div></details>"
    )


def _explanation(server: str, heading: str, figure: dict[str, Any]) -> str:
    parts = "<br>".join(
        f"{escape(shown(part['value'], 'seconds'))} {escape(part['part'])}"
        for part in figure["explained"]
        if part["value"]
    )
    values = [shown(figure[key], "seconds") for key in ("plimsoll", "rest", "rest_allowed", "generator")]
    ours, rest, allowed, theirs = map(escape, values)
    return (
        f"<tr><th>{escape(server)}</th><td>{escape(heading)}</td><td>{ours}</td>"
        f"<td>{parts or escape(figure.get('reason', ''))}</td><td>{rest}</td><td>{allowed}</td><td>{theirs}</td></tr>"
    )


def _left_out(report: dict[str, Any]) -> str:
    if not report["left_out"]:
        return ""
    items = "".join(f"<li>{escape(problem)}</li>" for problem in report["left_out"])
    return f"<h2>Left out</h2><ul>{items}</ul>"
