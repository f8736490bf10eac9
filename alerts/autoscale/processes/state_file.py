"""What is on disk about a fleet, so that whoever comes after a crash finds what was left.

<state directory>/
    keeper.lock     held (flock) by the keeper as long as it lives
    keeper.sock     where it listens for its owner
    keeper.log      its own log, bounded
    settings.json   FleetSettings that it was started with
    fleet.json      FleetState, replaced atomically at each change
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from alerts.autoscale.processes.settings import FleetSettings
from alerts.autoscale.processes.spawn import ProcessIdentity
from alerts.autoscale.stored_form import from_json, to_json


@dataclass(frozen=True, slots=True)
class ReplicaRecord:
    """`number` counts from 1; the lowest free one is used again."""

    number: int
    port: int
    process: ProcessIdentity


@dataclass(frozen=True, slots=True)
class FleetState:
    """`mark` is in the environment of everything that the keeper started; `boot` is the boot_id of that time."""

    keeper: ProcessIdentity
    boot: str
    mark: str
    replicas: tuple[ReplicaRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """The files of one fleet."""

    path: Path

    @property
    def socket(self) -> Path:
        return self.path / "keeper.sock"

    @property
    def log(self) -> Path:
        return self.path / "keeper.log"

    def make(self) -> None:
        """Makes the directory, readable for its owner only: settings may hold secrets."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def read_settings(self) -> FleetSettings:
        return from_json(FleetSettings, (self.path / "settings.json").read_text())

    def write_settings(self, settings: FleetSettings) -> None:
        write_atomically(self.path / "settings.json", to_json(settings))

    def read_state(self) -> FleetState | None:
        """None if there is none, or none that can be read."""
        try:
            return from_json(FleetState, (self.path / "fleet.json").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def write_state(self, state: FleetState) -> None:
        write_atomically(self.path / "fleet.json", to_json(state))

    def remove_socket(self) -> None:
        self.socket.unlink(missing_ok=True)

    def lock(self) -> IO[str] | None:
        """The lock of the keeper, to be kept open; None if a keeper lives."""
        file = (self.path / "keeper.lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file


def write_atomically(path: Path, text: str) -> None:
    """Readers see the old text or the new one. Not synced: after a crash of the machine nothing of it is true."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(path)
