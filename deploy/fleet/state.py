"""The file that remembers which processes are the fleet's."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from alerts.autoscale.processes.spawn import ProcessIdentity, boot_id, is_alive
from deploy.fleet.errors import FleetError
from deploy.fleet.servers import Place

DEFAULT_FOLDER = Path("build/fleet")
REPORT_DEFAULT_FOLDER = Path("build/fleet-report")


def fleet_of_report(folder: Path) -> Path:
    """Where the fleet that a report in `folder` has for itself writes."""
    return folder / "fleet"


@dataclass(frozen=True, slots=True)
class RunningServer:
    """One process that the fleet has started: a server, or the Plimsoll that a report has watch the servers."""

    name: str
    process: ProcessIdentity
    place: Place


@dataclass(frozen=True, slots=True)
class Files:
    """Everything that the fleet writes, in `folder`; what it builds, in `cache`."""

    folder: Path
    cache: Path

    @property
    def state(self) -> Path:
        return self.folder / "fleet.json"

    @property
    def targets(self) -> Path:
        return self.folder / "targets.json"

    @property
    def config(self) -> Path:
        return self.folder / "plimsoll.yml"

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


@contextlib.contextmanager
def locked(files: Files) -> Iterator[None]:
    """One command at a time: two starts at once would take each other's ports.

    Raises FleetError at once if there is another one: a report is at work for minutes.
    """
    files.folder.mkdir(parents=True, exist_ok=True)
    with (files.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FleetError(f"{files.folder}: another command is at work there, wait for its end") from None
        yield


def read_running(files: Files) -> list[RunningServer]:
    """Those of the state file that still run: same process id, same start time, same boot of the machine."""
    if not files.state.exists():
        return []
    try:
        state = json.loads(files.state.read_text())
        servers = [
            RunningServer(entry["name"], ProcessIdentity(**entry["process"]), Place(**entry["place"]))
            for entry in state["servers"]
        ]
        boot = state["boot"]
    except (ValueError, KeyError, TypeError) as error:
        raise FleetError(f"{files.state}: not a state file of the fleet ({error!r}): remove it") from error
    return [server for server in servers if is_alive(server.process)] if boot == boot_id() else []


def write_running(files: Files, servers: list[RunningServer]) -> None:
    """Replaces the state file in one step."""
    state = {"boot": boot_id(), "servers": [asdict(server) for server in servers]}
    temporary = files.state.with_suffix(".new")
    temporary.write_text(json.dumps(state, indent=1))
    temporary.replace(files.state)
