"""`plimsoll export`, `import`, `snapshot`, `restore` and `storage …`, against servers and directories."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from history_server import HistoryServer, history_server
from stored_samples import append_rows, open_store, seal_all, stored_samples
from typer.testing import CliRunner, Result

from monitor.cli.main import build_app
from monitor.cli.server_client import ServerRefused
from monitor.errors import BadRequest, NotFound

SERIES = [{"__name__": "up", "job": job} for job in ("a", "b")]


def plimsoll(*arguments: str | Path) -> Result:
    return CliRunner().invoke(build_app(), [str(argument) for argument in arguments])


@pytest.fixture
def server(tmp_path):
    with history_server(tmp_path / "one") as running:
        append_rows(running.store, "target", SERIES, 0, 100)
        yield running


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A directory whose server is stopped."""
    store = open_store(tmp_path / "data")
    append_rows(store, "target", SERIES, 0, 100)
    seal_all(store)
    append_rows(store, "target", SERIES, 100, 110)
    store.close()
    return tmp_path / "data"


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_an_export_of_one_server_is_imported_to_another(server: HistoryServer, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"history.{suffix}"
    exported = plimsoll("export", "--server", server.api.url, "--match", "up", "--format", suffix, "--output", file)
    assert exported.exit_code == 0, exported.output
    with history_server(tmp_path / "two") as other:
        imported = plimsoll("import", "--server", other.api.url, file)
        assert imported.exit_code == 0, imported.output
        assert stored_samples(other.store) == stored_samples(server.store)
    assert imported.stdout == f"{file}: 200 samples taken, 0 lines refused\n"


def test_directories_are_exported_and_imported_without_a_server(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    assert plimsoll("export", "--data", data, "--match", "up", "--output", file).exit_code == 0
    open_store(tmp_path / "new").close()
    assert plimsoll("import", "--data", tmp_path / "new", file).exit_code == 0
    store, other = open_store(data), open_store(tmp_path / "new")
    assert stored_samples(store) == stored_samples(other)
    store.close()
    other.close()


def test_refused_lines_are_named_with_their_file(server: HistoryServer, tmp_path: Path) -> None:
    file = tmp_path / "bad.prom"
    file.write_text("a 1 1000\nb 1\n")
    result = plimsoll("import", "--server", server.api.url, file)
    assert result.exit_code == 1
    assert f"{file}:2: got no timestamp, want one behind the value" in result.stderr
    assert f"{file}: 1 samples taken, 1 lines refused" in result.stdout


def test_a_file_that_is_not_whole_is_not_kept(tmp_path: Path) -> None:
    result = plimsoll("export", "--server", "http://127.0.0.1:1", "--match", "up", "--output", tmp_path / "file")
    assert isinstance(result.exception, ServerRefused)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix_asks_for_a_format(tmp_path: Path) -> None:
    file = tmp_path / "history.xml"
    file.touch()
    result = plimsoll("import", file)
    assert isinstance(result.exception, BadRequest)
    assert "got the suffix .xml" in str(result.exception)


def test_a_snapshot_is_taken_and_restored(server: HistoryServer, tmp_path: Path) -> None:
    taken = plimsoll("snapshot", server.api.url)
    assert taken.exit_code == 0, taken.output
    folder = server.store.directory.snapshots / taken.stdout.strip()
    restored = plimsoll("restore", folder, tmp_path / "new")
    assert restored.exit_code == 0, restored.output
    assert "restored and verified 0 blocks" in restored.stdout
    other = open_store(tmp_path / "new")
    assert stored_samples(other) == stored_samples(server.store)
    other.close()


def test_blocks_are_listed(data: Path) -> None:
    (block,) = json.loads(plimsoll("storage", "list", data, "--json").stdout)["blocks"]
    assert (block["series"], block["samples"], block["min_ms"], block["max_ms"]) == (2, 200, 0, 99_000)
    assert block["bytes_per_sample"] == block["bytes"] / 200
    assert block["block_id"] in plimsoll("storage", "list", data).stdout


def test_costs_are_told_by_metric_and_label(data: Path) -> None:
    found = json.loads(plimsoll("storage", "analyze", data, "--json").stdout)
    assert (found["series"], found["samples"]) == (2, 200)
    (metric,) = found["metrics"]
    assert (metric["metric"], metric["series"], metric["samples"]) == ("up", 2, 200)
    assert found["labels"] == [
        {"name": "job", "values": 2, "series": 2},
        {"name": "__name__", "values": 1, "series": 2},
    ]
    assert "up" in plimsoll("storage", "analyze", data).stdout


def test_damage_is_named_and_repaired(data: Path) -> None:
    assert plimsoll("storage", "verify", data).exit_code == 0
    (path,) = (data / "blocks").iterdir()
    database = sqlite3.connect(path)
    database.execute("UPDATE slabs SET data = x'00' WHERE slab_id = 1")
    database.commit()
    database.close()
    verified = plimsoll("storage", "verify", data, "--json")
    assert verified.exit_code == 1
    (fault,) = json.loads(verified.stdout)["faults"]
    assert (fault["kind"], fault["number"]) == ("slab", 1)
    repaired = plimsoll("storage", "repair", data)
    assert f"{path.name} was moved to {data / 'quarantine' / path.name}" in repaired.stdout
    assert plimsoll("storage", "verify", data).exit_code == 0


@pytest.mark.parametrize("verb", ["list", "analyze", "verify", "repair"])
def test_something_else_than_a_data_directory_is_refused(tmp_path: Path, verb: str) -> None:
    result = plimsoll("storage", verb, tmp_path)
    assert isinstance(result.exception, NotFound)
