"""A measured server as a child process, and `plimsoll loadtest` against it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("measured_server.py")
LIMIT_SECONDS = 90
# What both sides count one by one: nothing of it may be left unexplained, however busy the machine is.
COUNTED_FIGURES = ("requests", "errors", "error_rate", "non_2xx", "connections", "connection_reuse")


@contextmanager
def measured_server() -> Iterator[int]:
    """Its port."""
    with subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def uncounted(cell: dict[str, Any]) -> dict[str, float]:
    """The counted figures of which something is left unexplained, and how much."""
    rests = {name: cell[name]["rest"] for name in COUNTED_FIGURES}
    return {name: rest for name, rest in rests.items() if abs(rest) > 1e-6}


def run_load_test(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitor", "loadtest", "run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
