"""rule_files.txt holds rule files, separated by lines of `=====`: `promtool check rules` and we take the same ones.

On purpose we are stricter in two cases that help nobody: a group that is `null`, and a limit that is a fraction.
"""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from peers import find_peer

from alerts.load_rules import read_rules

FILES = (Path(__file__).parent / "rule_files.txt").read_text().split("\n=====\n")


def promtool_takes(file: Path) -> bool:
    command = [find_peer("PROMTOOL"), "check", "rules", "--lint=none", str(file)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_promtool_takes_and_refuses_the_same_files(tmp_path):
    paths = []
    for number, text in enumerate(FILES):
        paths.append(tmp_path / f"rules{number}.yml")
        paths[-1].write_text(text)

    with ThreadPoolExecutor(4) as pool:
        theirs = dict(zip(FILES, pool.map(promtool_takes, paths), strict=True))

    ours = {text: not read_rules(path).problems for text, path in zip(FILES, paths, strict=True)}
    assert {text: taken for text, taken in ours.items() if taken != theirs[text]} == {}
    assert set(theirs.values()) == {True, False}
