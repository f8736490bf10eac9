"""The root documents tell the truth: their paths, links, commands and examples."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*.md")])
SCREEN_LINES = 60
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
QUOTED_PATH = re.compile(r"`((?:monitor|alerts|exporters|dashboards|deploy|docs|tests|\.ci)/[\w./-]*)`")
PLIMSOLL_COMMAND = re.compile(r"^\s*(?:\$ )?(?:\.venv/bin/)?plimsoll ((?:[a-z][a-z_-]*(?: |$))+)", re.MULTILINE)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text()) if "://" not in link]

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_every_path_that_is_named_exists(name: str) -> None:
    paths = QUOTED_PATH.findall((ROOT / name).read_text())

    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_architecture_names_paths_at_all() -> None:
    assert len(QUOTED_PATH.findall((ROOT / "ARCHITECTURE.md").read_text())) > 20


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md"])
def test_it_fits_two_screens(name: str) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= 2 * SCREEN_LINES


def test_every_page_is_linked_in_the_readme() -> None:
    links = set(LINK.findall((ROOT / "README.md").read_text()))

    assert [relative(page) for page in ROOT.glob("docs/*.md") if relative(page) not in links] == []


def test_every_test_that_proves_a_fault_exists() -> None:
    rows = [line for line in (ROOT / "docs" / "faults.md").read_text().splitlines() if line.startswith("| ")]
    faults = [row for row in rows if not row.startswith("| fault |")]
    named = [re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row) for row in faults]

    assert len(faults) > 15
    assert [row for row, tests in zip(faults, named, strict=True) if not tests] == []
    missing = [
        f"{path}::{name}" for tests in named for path, name in tests if f"def {name}(" not in (ROOT / path).read_text()
    ]
    assert missing == []


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    rules = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert targets == ["run", "test"]
    assert set(targets) <= set(rules)


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_every_command_in_it_is_one_of_ours(document: Path) -> None:
    verbs = {match.strip() for match in PLIMSOLL_COMMAND.findall(document.read_text())}

    assert {verb: exit_code_of_help(verb) for verb in verbs if exit_code_of_help(verb)} == {}


def test_the_documents_hold_commands_of_many_verbs() -> None:
    found = {match.split()[0] for document in DOCUMENTS for match in PLIMSOLL_COMMAND.findall(document.read_text())}

    assert found >= {
        "check",
        "demo",
        "discover",
        "export",
        "exporter",
        "import",
        "loadtest",
        "query",
        "serve",
        "storage",
    }


def exit_code_of_help(verb: str) -> int:
    command = [sys.executable, "-m", "monitor", *verb.split(), "--help"]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode


def test_the_example_configuration_is_valid() -> None:
    command = [sys.executable, "-m", "monitor", "check", "config", "deploy/examples/plimsoll.yml"]

    checked = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60)

    assert (checked.returncode, checked.stderr) == (0, "")
