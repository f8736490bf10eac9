"""pyarrow is an optional dependency: without it two formats say what is missing, and everything else works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from monitor.api.errors import answer_for
from monitor.errors import NotInstalled

PROGRAM = """
import sys
sys.modules["pyarrow"] = None  # as if it were not installed
from monitor.errors import NotInstalled
from monitor.history.exports.formats import ExportFormat, encoder_of
for each in ExportFormat:
    try:
        encoder_of(each, [])
        print(each.value, "works")
    except NotInstalled as error:
        print(each.value, error)
"""


def test_formats_that_need_it_name_what_to_install() -> None:
    root = Path(__file__).parents[3]
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    needs = "formats parquet and arrow need the library pyarrow: pip install 'plimsoll-monitor[parquet]'"
    assert output.splitlines() == ["jsonl works", "csv works", f"parquet {needs}", f"arrow {needs}"]


def test_the_answer_is_501() -> None:
    assert answer_for(NotInstalled("no")).status == 501
