from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitor.config.scrape_config import FileDiscovery, StaticGroup
from monitor.errors import ConfigError
from monitor.model.labels import Labels
from monitor.scrape.discovery.file_sd import read_errors_counter
from monitor.scrape.discovery.target_files import TargetFiles, read_target_groups

ERRORS_METRIC = "plimsoll_sd_file_read_errors_total"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def watch(pattern: Path, registry: CollectorRegistry, refresh_interval_ms: int = 300_000) -> TargetFiles:
    return TargetFiles(FileDiscovery((str(pattern),), refresh_interval_ms), read_errors_counter(registry))


def write(file: Path, *addresses: str, at_seconds: int = 1) -> None:
    """A file of one group with a modification time of its own."""
    file.write_text(json.dumps([{"targets": addresses}]))
    os.utime(file, (at_seconds, at_seconds))


def addresses(files: TargetFiles) -> list[str]:
    return [address for group in files.groups for address in group.targets]


def test_groups_of_json_and_yaml_are_the_same(tmp_path):
    group = {"targets": ["a:1", "b:1"], "labels": {"zone": "eu"}}
    (tmp_path / "t.json").write_text(json.dumps([group, {"targets": ["c:1"], "comment": "kept"}]))
    (tmp_path / "t.yml").write_text("- targets: [a:1, b:1]\n  labels: {zone: eu}\n- targets: [c:1]")

    for name in ("t.json", "t.yml"):
        path = str(tmp_path / name)
        assert read_target_groups(tmp_path / name) == (
            StaticGroup(("a:1", "b:1"), Labels({"zone": "eu", "__meta_filepath": path}), f"{path}:0"),
            StaticGroup(("c:1",), Labels({"__meta_filepath": path}), f"{path}:1"),
        )


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("t.json", "[{", ":1: not JSON: Expecting property name enclosed in double quotes"),
        ("t.json", "{}", ":1: got something else, want a list of target groups"),
        ("t.json", "[null]", ":1: [0].targets: got something else, want a list of texts"),
        ("t.json", '[{"targets": [1]}]', ":1: [0].targets: got something else, want a list of texts"),
        ("t.json", '[{"labels": {"a": 1}}]', ":1: [0].labels: got something else, want names and texts"),
        ("t.json", "[" * 100_000, ":1: not JSON that can be read: nested too deeply"),
        ("t.yml", "targets: [a]", ":1: got a mapping, want a list of mappings"),
        ("t.yml", "- targets: [a]\n  label: {}", ":2: [0].label: unknown key, did you mean labels?"),
        ("t.yml", "- targets: a", ":1: [0].targets: got a single value, want a list"),
        ("t.yml", "-", ":1: [0]: got nothing, want a mapping"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path, name, text, problem):
    (tmp_path / name).write_text(text)

    with pytest.raises(ConfigError) as caught:
        read_target_groups(tmp_path / name)

    assert str(caught.value) == f"{tmp_path / name}{problem}"


def test_the_first_look_reads_everything(tmp_path, registry):
    write(tmp_path / "b.json", "b")
    write(tmp_path / "a.json", "a")
    files = watch(tmp_path / "*.json", registry)

    assert files.poll(0.0)
    assert addresses(files) == ["a", "b"]


def test_only_a_change_is_news(tmp_path, registry):
    file = tmp_path / "a.json"
    write(file, "a")
    files = watch(file, registry)
    files.poll(0.0)

    assert not files.poll(1.0)
    write(file, "a", "b", at_seconds=2)
    assert files.poll(2.0)
    assert addresses(files) == ["a", "b"]


def test_new_files_are_found_and_removed_ones_forgotten(tmp_path, registry):
    write(tmp_path / "a.json", "a")
    files = watch(tmp_path / "*.json", registry)
    files.poll(0.0)

    write(tmp_path / "b.json", "b")
    (tmp_path / "a.json").unlink()

    assert files.poll(1.0)
    assert addresses(files) == ["b"]


def test_a_broken_file_keeps_its_last_good_groups_and_is_counted_once(tmp_path, registry, caplog):
    file = tmp_path / "a.json"
    write(file, "a")
    files = watch(file, registry)
    files.poll(0.0)
    file.write_text("[")

    with caplog.at_level(logging.ERROR):
        changes = [files.poll(second) for second in (1.0, 2.0, 3.0)]

    assert (changes, addresses(files)) == ([False, False, False], ["a"])
    assert registry.get_sample_value(ERRORS_METRIC) == 1
    assert [str(file) in message for message in caplog.messages] == [True]


def test_a_mended_file_is_read_again(tmp_path, registry):
    file = tmp_path / "a.json"
    file.write_text("[")
    files = watch(file, registry)
    files.poll(0.0)

    write(file, "a", at_seconds=5)

    assert files.poll(1.0)
    assert addresses(files) == ["a"]


def test_a_refresh_reads_a_file_even_if_it_looks_unchanged(tmp_path, registry):
    file = tmp_path / "a.json"
    write(file, "a")
    files = watch(file, registry, refresh_interval_ms=30_000)
    files.poll(0.0)
    write(file, "b")

    assert not files.poll(29.0)
    assert files.poll(30.0)
    assert addresses(files) == ["b"]
