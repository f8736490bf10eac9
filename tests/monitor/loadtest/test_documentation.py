"""The example of docs/loadtest.md is run, and what it prints has the documented shape."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from load_tested import measured_server, run_load_test
from toolchains import need_program

from monitor.loadtest.scenario import SCENARIOS
from monitor.loadtest.shown_figures import COLUMNS

DOCUMENT = (Path(__file__).parents[3] / "docs" / "loadtest.md").read_text()


def first_cells(text: str) -> list[str]:
    return [cells[1].strip() for line in text.splitlines() if (cells := line.split("│"))[1:]]


def test_the_example_prints_what_is_documented() -> None:
    need_program("wrk")
    found = re.search(r"```console\n\$ plimsoll loadtest run (.*)\n([^`]*)```", DOCUMENT)
    assert found is not None
    with measured_server() as port:
        arguments = shlex.split(found[1].replace(":8101", f":{port}").replace("--seconds 4", "--seconds 2"))

        done = run_load_test(*arguments)

    assert done.stdout.splitlines()[0].strip().startswith("Flash sale: kept connections, wrk: http://127.0.0.1:")
    assert first_cells(done.stdout) == first_cells(found[2])
    assert first_cells(found[2]) == [heading for _, heading in COLUMNS]
    assert "Average latency: ours" in done.stdout
    assert "not explained" in done.stdout


def test_every_scenario_is_documented_as_it_is() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| `(\w+) (\S+)`, ([a-z ]+) \| (\w+) \|$", DOCUMENT, re.MULTILINE)

    kept = {True: "kept connections", False: "a connection for each request"}
    assert rows == [(each.name, each.method, each.path, kept[each.keep_alive], each.tool.value) for each in SCENARIOS]
