from __future__ import annotations

from pathlib import Path

from monitor.config.file_globs import expand_globs, is_glob


def test_globs_give_existing_files_in_order_and_none_twice(tmp_path: Path):
    for name in ("b.yml", "a.yml", ".hidden.yml", "c.txt"):
        (tmp_path / name).touch()

    found = expand_globs((f"{tmp_path}/c.txt", f"{tmp_path}/*.yml", f"{tmp_path}/a.yml", f"{tmp_path}/none.yml"))

    assert [Path(name).name for name in found] == ["c.txt", ".hidden.yml", "a.yml", "b.yml"]


def test_only_names_with_special_characters_are_globs():
    assert [is_glob(name) for name in ("a.yml", "*.yml", "a?.yml", "a[b].yml")] == [False, True, True, True]
