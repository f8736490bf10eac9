"""Starting and ending processes so that none outlives its keeper and no other process is ever hit. Linux only.

A child leads its own session and process group, so everything that it starts can be signalled with it. The kernel kills
it when the keeper's main thread ends, however that comes (PR_SET_PDEATHSIG, prctl(2)). A process is known by its id
*and* its start time, since ids are reused; and its descendants by a random mark in their environment.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "PLIMSOLL_FLEET"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """`start_ticks` is field 22 of /proc/pid/stat: clock ticks from boot to the start of the process."""

    pid: int
    start_ticks: int


def spawn(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts `command` with output on one pipe. Raises OSError if it cannot be started.

    To be called in the main thread of a process without other threads: the child runs Python between fork and exec.
    """
    keeper_pid = os.getpid()

    def tie_to_keeper() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper_pid:
            os._exit(1)

    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        start_new_session=True,
        preexec_fn=tie_to_keeper,  # noqa: PLW1509  (the keeper has one thread)
    )


def identify(pid: int) -> ProcessIdentity | None:
    """The process that has this id now; None if there is none, or only a zombie of one."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold spaces and parentheses; the fields after it do not.
    fields = text.rpartition(")")[2].split()
    state, start_ticks = fields[0], int(fields[19])
    return None if state in "ZX" else ProcessIdentity(pid, start_ticks)


def boot_id() -> str:
    """The same from one start of the machine to the next: process identities mean nothing beyond."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def is_alive(process: ProcessIdentity) -> bool:
    return identify(process.pid) == process


def signal_group(leader_pid: int, number: signal.Signals) -> None:
    """Signals the group that a child of ours leads. Its id is ours as long as the child has not been waited for."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader_pid, number)


def signal_process(process: ProcessIdentity, number: signal.Signals) -> bool:
    """Signals exactly this process, never one that got its id later; whether it was there and could be signalled."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        # From here on the id cannot be reused unnoticed: the descriptor stays with the process it was opened for.
        if not is_alive(process):
            return False
        signal.pidfd_send_signal(descriptor, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(descriptor)
    return True


def marked(mark: str) -> Iterator[ProcessIdentity]:
    """All processes of this user that were started with `mark` in their environment, descendants included."""
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            # Gone meanwhile, or another user's.
            continue
        process = identify(int(entry.name)) if wanted in environment.split(b"\0") else None
        if process is not None:
            yield process
