"""What a report says of the machine."""

from __future__ import annotations

import sys
from pathlib import Path

from monitor.loadtest.machine import describe_machine, program_versions


def test_the_processor_and_the_memory_are_the_kernels(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast One\n")
    (tmp_path / "meminfo").write_text("MemTotal:       1000 kB\nMemFree: 1 kB\n")

    machine = describe_machine(tmp_path)

    assert (machine["processor"], machine["memory_bytes"]) == ("Fast One", 1_024_000)


def test_a_program_that_is_not_there_has_no_version() -> None:
    found = program_versions(((sys.executable, "--version"), ("no-such-program", "-v")))

    assert found == {sys.executable: ".".join(map(str, sys.version_info[:3]))}
