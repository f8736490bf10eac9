"""`plimsoll demo` as anyone runs it: the loop closes, and nothing is left behind however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from service_process import console_script, wait_until

from monitor.demo.settings import ALERT_LINE_SECONDS, REPLICAS_MAX
from monitor.demo.story import SECONDS_MIN, Story

MARK = "PLIMSOLL_DEMO_TEST"
LEFT_BEHIND_SECONDS = 45
"""A fleet waits 15 s for another owner, then drains."""


class Demo:
    """The program, its output, and all processes that come from it: these inherit a mark in their environment."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._output = directory / "output"
        self._mark = f"{MARK}={uuid.uuid4()}".encode()
        name, value = self._mark.decode().split("=")
        command = [console_script(), "demo", "--listen", "127.0.0.1:0", *arguments]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, name: value}
            )

    def output(self) -> str:
        return self._output.read_text()

    def processes(self) -> set[int]:
        return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and self._is_ours(entry)}

    def _is_ours(self, entry: Path) -> bool:
        try:
            return self._mark in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            return False

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.output(), seconds=60)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


@contextmanager
def running_demo(directory: Path, *arguments: str) -> Iterator[Demo]:
    demo = Demo(directory, *arguments)
    try:
        yield demo
    finally:
        demo.end()


def test_the_loop_closes_in_the_shortest_story(tmp_path):
    file = tmp_path / "demo.json"
    with running_demo(tmp_path, "--seconds", f"{SECONDS_MIN:g}", "--json", str(file)) as demo:
        exit_code = demo.process.wait(SECONDS_MIN + 120)

        assert (exit_code, demo.processes()) == (0, set()), demo.output()
    report = json.loads(file.read_text())
    story = Story.lasting(SECONDS_MIN)
    sale_seconds = story.spike_to_seconds - story.spike_from_seconds
    assert 2 < report["alert_fired_after_s"] <= report["notified_after_s"] < sale_seconds
    assert 1 < report["replicas_max"] <= REPLICAS_MAX
    assert 1 <= report["replicas_end"] < report["replicas_max"]
    assert report["resolved"] is True
    assert 0.1 < report["p99_before_s"] < ALERT_LINE_SECONDS < report["p99_peak_s"] < 10
    assert 0.1 < report["p99_after_s"] < ALERT_LINE_SECONDS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_all_its_processes_at_once(tmp_path, number):
    with running_demo(tmp_path, "--data", str(tmp_path / "data"), "--seconds", "600") as demo:
        demo.wait_for("processes answer")
        assert len(demo.processes()) >= 5, "want the demo, the service, the buyers, a keeper and a shop"

        demo.process.send_signal(number)

        assert demo.process.wait(60) == 130
        assert demo.processes() == set()


def test_nothing_outlives_a_demo_that_is_killed(tmp_path):
    with running_demo(tmp_path, "--data", str(tmp_path / "data")) as demo:
        demo.wait_for("processes answer")

        demo.process.kill()
        demo.process.wait(10)

        wait_until(lambda: not demo.processes(), seconds=LEFT_BEHIND_SECONDS)
