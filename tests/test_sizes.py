"""Functions and files stay small enough to be read at once; numbers are those of CONTRIBUTING.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("monitor", "alerts", "exporters", "dashboards", "deploy", "tests")
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (
                f"{path.relative_to(ROOT)}:{node.lineno} {node.name}",
                (node.end_lineno or node.lineno) - node.lineno + 1,
            )


def test_no_file_is_longer_than_the_limit() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in sources()}

    assert len(lines) > 100
    assert {name: count for name, count in lines.items() if count > FILE_LINES_MAX} == {}


def test_no_function_is_longer_than_the_limit() -> None:
    lengths = dict(row for path in sources() for row in functions(path))

    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES_MAX} == {}


def test_package_files_are_empty_but_for_the_version() -> None:
    filled = [path for path in sources() if path.name == "__init__.py" and path.read_text().strip()]

    assert [str(path.relative_to(ROOT)) for path in filled] == ["monitor/__init__.py"]
