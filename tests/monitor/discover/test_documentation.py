"""The examples of docs/vocabulary.md and docs/discover.md."""

from __future__ import annotations

import contextlib
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_process import console_script, run_plimsoll, wait_until
from vocabularies import SHIPPED, canonical

from monitor.config.load import load_config
from monitor.discover.probing import PATHS

DOCS = Path(__file__).parents[3] / "docs"
VOCABULARY = (DOCS / "vocabulary.md").read_text()
DISCOVER = (DOCS / "discover.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_configurations_and_the_words_load(tmp_path: Path) -> None:
    simple, extended, words = blocks(VOCABULARY, "yaml")
    (tmp_path / "shop_words.yml").write_text(words)
    (tmp_path / "plimsoll.yml").write_text(extended)
    (job,) = load_config(tmp_path / "plimsoll.yml").scrape_configs
    found = canonical(b'shop_latency_ms_count{endpoint="unmatched",verb="get"} 2\n', *job.vocabulary.vocabularies)
    assert list(found) == [
        'http_server_request_duration_seconds_count{http_request_method="GET", quality="summary", runtime="other", '
        'team="checkout"}'
    ]
    assert load_config(simple).scrape_configs[0].vocabulary == SHIPPED


def test_every_canonical_name_and_vocabulary_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)(?:\{[a-z]+\})?`", VOCABULARY))
    names = {renaming.canonical for vocabulary in SHIPPED.vocabularies for renaming in vocabulary.renamings}
    assert names | set(SHIPPED.names) <= documented


def test_every_path_that_is_asked_for_is_documented() -> None:
    assert [path for path in PATHS if f"`{path}`" not in DISCOVER] == []


@contextlib.contextmanager
def running(*command: str) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc: run it on Linux")
def test_the_example_of_discover_does_what_it_shows(tmp_path: Path) -> None:
    server, exporter, file = free_port(), free_port(), tmp_path / "found.yml"
    text = blocks(DISCOVER, "console")[0].replace("8000", str(server)).replace("9256", str(exporter))
    lines = text.replace("found.yml", str(file)).splitlines()
    start, watch, discover, shown, check, _ = [line.removeprefix("$ ").removesuffix(" &") for line in lines]
    with running(sys.executable, *shlex.split(start)[1:]):
        wait_until(lambda: listens(server))
        with running(console_script(), *shlex.split(watch)[1:]):
            wait_until(lambda: listens(exporter))
            result = run_plimsoll(*shlex.split(discover)[1:])
    assert result.returncode == 0, result.stderr
    assert re.sub(r"3.\d+", "3.x", result.stdout.splitlines()[0]) == re.sub(r"3.\d+", "3.x", shown)
    assert result.stdout.splitlines()[1].startswith(f"127.0.0.1:{exporter}  exporter plimsoll: ")
    assert run_plimsoll(*shlex.split(check)[1:]).returncode == 0
    (job,) = load_config(file).scrape_configs
    assert job.static_configs[0].targets == (f"127.0.0.1:{exporter}",)
