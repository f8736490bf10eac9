"""The report of a fleet of one server, one second a cell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from eventually import eventually
from live_fleet import BUILD_TIMEOUT_SECONDS, ROOT
from load_tested import uncounted
from toolchains import need_program

from alerts.autoscale.processes.spawn import is_alive
from deploy.fleet.state import Files, fleet_of_report, read_running
from deploy.fleet.verdict import differing
from monitor.loadtest.scenario import SCENARIOS
from monitor.loadtest.shown_figures import COLUMNS

COLUMN_NAMES = [name for name, _ in COLUMNS]


def test_all_four_cells_of_a_server_are_filled(tmp_path: Path) -> None:
    for program in ("node", "wrk", "ab"):
        need_program(program)
    copy = tmp_path / "elsewhere" / "fleet.json"
    command = [sys.executable, "-m", "deploy.fleet.report", "--folder", str(tmp_path), "--only", "node-std"]

    done = subprocess.run(
        [*command, "--seconds", "1", "--connections", "8", "--json", str(copy)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_SECONDS,
        check=False,
    )

    report = json.loads(copy.read_text())
    # Latencies may differ on a machine that is busy with something else; then that is what the exit code says.
    assert done.returncode == int(any(map(differing, report["cells"]))), done.stderr
    assert done.stdout.endswith("\n".join(report["verdict"]) + "\n")
    assert report["verdict"][0] == "4 of 4 cells"
    assert [cell["scenario"] for cell in report["cells"]] == [scenario.name for scenario in SCENARIOS]
    for cell in report["cells"]:
        assert uncounted(cell) == {}
        assert cell["bytes"]["agrees"]
        assert not [name for name in COLUMN_NAMES if cell[name]["stored_as_shown"] is False]
        assert cell["requests"]["stored_as_shown"]
        assert cell["gc_pauses"]["plimsoll"] is not None
    assert json.loads((tmp_path / "fleet" / "fleet.json").read_text())["servers"] == []
    assert {path.name for path in tmp_path.iterdir()} >= {"report.html", "report.md", "report.json"}


def test_a_report_that_is_ended_leaves_no_process(tmp_path: Path) -> None:
    for program in ("node", "wrk", "ab"):
        need_program(program)
    files = Files(fleet_of_report(tmp_path), tmp_path)
    command = [sys.executable, "-m", "deploy.fleet.report", "--folder", str(tmp_path), "--only", "node-std"]

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        eventually(lambda: [server.name for server in read_running(files)], ["node-std", "plimsoll"])
        started = read_running(files)
        process.terminate()
        assert process.wait(BUILD_TIMEOUT_SECONDS) != 0

    assert not any(is_alive(server.process) for server in started)
    assert read_running(files) == []
