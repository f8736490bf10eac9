"""Starts a keeper from the service. Blocks, so it is called in a worker thread."""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path

import alerts
from alerts.autoscale.processes.settings import FleetSettings
from alerts.autoscale.processes.state_file import StateDirectory
from monitor.errors import DeliveryError

START_TIMEOUT_SECONDS = 20.0

# The keeper is made an orphan at once, so that it is no child of ours to wait for and outlives us if it has to.
_BOOT = """
import os, sys
if os.fork():
    os._exit(0)
sys.path.insert(0, sys.argv[1])
from alerts.autoscale.processes.keeper import main
main(sys.argv[2], int(sys.argv[3]))
"""


def launch_keeper(directory: StateDirectory, settings: FleetSettings) -> None:
    """Returns when the keeper serves. Raises DeliveryError with what it says if it cannot."""
    try:
        directory.make()
        directory.write_settings(settings)
        complaint = _start(directory)
    except OSError as error:
        raise DeliveryError(f"the keeper of {settings.policy} cannot be started: {error}", permanent=False) from error
    if complaint:
        raise DeliveryError(f"the keeper of {settings.policy} did not start: {complaint}", permanent=False)


def _start(directory: StateDirectory) -> str:
    """What the keeper complains about; empty if it serves."""
    read_end, write_end = os.pipe()
    try:
        try:
            os.set_inheritable(write_end, True)
            _spawn(directory, write_end)
        finally:
            os.close(write_end)
        return _read_report(read_end)
    finally:
        os.close(read_end)


def _spawn(directory: StateDirectory, report_descriptor: int) -> None:
    """Its output goes to its log: a traceback before logging begins is found there."""
    root = str(Path(alerts.__file__).parent.parent)
    command = [sys.executable, "-c", _BOOT, root, str(directory.path), str(report_descriptor)]
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(directory.log), log_flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=actions, setsid=True)
    os.waitpid(pid, 0)


def _read_report(descriptor: int) -> str:
    """The error in the keeper's report; empty if it serves."""
    ready, _, _ = select.select([descriptor], [], [], START_TIMEOUT_SECONDS)
    if not ready:
        return f"no word from it within {START_TIMEOUT_SECONDS:g} s"
    text = os.read(descriptor, 65_536)
    if not text:
        return "it ended without a word, see keeper.log in its state directory"
    error: str = json.loads(text)["error"]
    return error
