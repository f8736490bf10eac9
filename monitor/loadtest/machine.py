"""What a report was made on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

_VERSION_SECONDS = 10


def describe_machine(proc: Path = Path("/proc")) -> dict[str, object]:
    """Processor, memory, system; the name of the host is nobody's business."""
    return {
        "processor": _line_value(proc / "cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": _memory_bytes(proc / "meminfo"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": list(os.getloadavg()),
    }


def program_versions(commands: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """The first number with a point in what each command prints, by the command's name; absent if it cannot be run."""
    found = {}
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_VERSION_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            continue
        version = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
        if version is not None:
            found[command[0]] = version[0]
    return found


def _line_value(path: Path, key: str) -> str:
    if not path.exists():
        return ""
    lines = path.read_text(errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _memory_bytes(path: Path) -> int | None:
    words = _line_value(path, "MemTotal").split()
    return int(words[0]) * 1024 if words else None
