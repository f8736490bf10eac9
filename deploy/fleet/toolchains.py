"""The toolchains that build the fleet: which are here, and what they build."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.fleet.errors import FleetError

BUILD_TIMEOUT_SECONDS = 1800
VERSION_TIMEOUT_SECONDS = 300  # go may fetch the release that go.mod asks for
OUTPUT_LINES_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Toolchain:
    """`version_command` prints a version with at least two numbers; `minimum` is the first that will do."""

    name: str
    version_command: tuple[str, ...]
    minimum: tuple[int, int]
    how_to_get: str


CARGO = Toolchain("Rust", ("cargo", "--version"), (1, 89), "https://rustup.rs, or: rustup update stable")
GO = Toolchain("Go", ("go", "version"), (1, 26), "https://go.dev/dl")
NODE = Toolchain("Node", ("node", "--version"), (18, 0), "https://nodejs.org/en/download")
TOOLCHAINS = (CARGO, GO, NODE)

RunVersion = Callable[[Sequence[str]], str]


def why_unusable(toolchain: Toolchain, run_version: RunVersion) -> str:
    """What is wrong with the toolchain here and how to get it; empty if it will do.

    `run_version` gives what a command prints and raises FleetError if it cannot be run.
    """
    minimum = ".".join(map(str, toolchain.minimum))
    wanted = f"want {toolchain.name} >= {minimum}: {toolchain.how_to_get}"
    try:
        printed = run_version(toolchain.version_command).strip()
    except FleetError as error:
        return f"{error}; {wanted}"
    numbers = re.search(r"(\d+)\.(\d+)", printed)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < toolchain.minimum:
        return f"got {printed}; {wanted}"
    return ""


def build(toolchain: Toolchain, fleet_folder: Path, cache: Path, names: Sequence[str]) -> None:
    """Builds the servers `names` of one toolchain into `cache`. Raises FleetError with the end of the output."""
    for folder, command in build_commands(toolchain, cache, names):
        run(command, fleet_folder / folder, BUILD_TIMEOUT_SECONDS)


def build_commands(toolchain: Toolchain, cache: Path, names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """(folder under the fleet's, command) in order; none for Node, whose server has nothing to install."""
    if toolchain is CARGO:
        packages = [f"--package=fleet-{name}" for name in names]
        # Not more than two at a time: the machine is shared with what watches the servers.
        return [(".", ["cargo", "build", "--release", "--locked", "--jobs=2", f"--target-dir={cache}/rust", *packages])]
    if toolchain is GO:
        return [(name, ["go", "build", "-trimpath", "-o", f"{cache}/bin/{name}", "."]) for name in names]
    return []


def run(command: Sequence[str], folder: Path, timeout_seconds: float) -> str:
    """What `command` writes to stdout. Raises FleetError if it cannot be run, fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
            check=False,
        )
    except FileNotFoundError:
        raise FleetError(f"{command[0]} is not on the PATH") from None
    except subprocess.TimeoutExpired:
        raise FleetError(f"{' '.join(command)}: not done after {timeout_seconds:g} s") from None
    if done.returncode != 0:
        shown = "\n".join((done.stdout + done.stderr).splitlines()[-OUTPUT_LINES_SHOWN:])
        raise FleetError(f"{' '.join(command)}: exit code {done.returncode}\n{shown}")
    return done.stdout


def print_version(fleet_folder: Path, command: Sequence[str]) -> str:
    """The real `RunVersion`. In the folder of a module, because go.mod there may ask for a newer release of go."""
    return run(command, fleet_folder / "gin", VERSION_TIMEOUT_SECONDS)
