"""The network namespace to look into: that of the exporter, or that of another process (a container's, for one)."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from exporters.errors import NoSuchTarget
from exporters.procfs.processes import ProcessIdentity, Procfs

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000


@dataclass(slots=True)
class _Outcome(Generic[T]):
    value: T | None = None
    error: Exception | None = None


class NetworkNamespace:
    """That of the process `pid`, or of this process. Means the process that has `pid` now, never a later owner of it.

    Raises NoSuchTarget if there is no such process.
    """

    def __init__(self, procfs: Procfs, pid: int | None = None) -> None:
        self._procfs = procfs
        self._pid = pid
        self._identity = self._identity_now()
        if pid is not None and self._identity is None:
            raise NoSuchTarget(f"no process found for pid={pid}")

    @property
    def net_path(self) -> Path:
        """The folder of the namespace's tables and counters."""
        return self._procfs.path / ("self" if self._pid is None else str(self._pid)) / "net"

    def is_there(self) -> bool:
        """Whether the process still runs."""
        return self._pid is None or self._identity_now() == self._identity

    def run_inside(self, function: Callable[[], T]) -> T:
        """Calls `function` in the namespace. Raises OSError if it may not be entered (that takes CAP_SYS_ADMIN)."""
        if not self._is_foreign():
            return function()
        outcome: _Outcome[T] = _Outcome()
        # A thread of its own, because a thread that has entered a namespace stays there.
        thread = threading.Thread(target=self._enter_and_run, args=(function, outcome), name="network-namespace")
        thread.start()
        thread.join()
        if outcome.error is not None:
            raise outcome.error
        return outcome.value  # type: ignore[return-value]

    def _enter_and_run(self, function: Callable[[], T], outcome: _Outcome[T]) -> None:
        try:
            _enter(self._procfs.path / str(self._pid) / "ns" / "net")
            outcome.value = function()
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits for the outcome
            outcome.error = error

    def _is_foreign(self) -> bool:
        links = (self._procfs.path / "self" / "ns" / "net", self._procfs.path / str(self._pid) / "ns" / "net")
        return self._pid is not None and len({link.readlink() for link in links}) == 2

    def _identity_now(self) -> ProcessIdentity | None:
        stat = None if self._pid is None else self._procfs.stat(self._pid)
        return stat.identity if stat else None


def _enter(link: Path) -> None:
    """os.setns came with Python 3.12."""
    handle = os.open(link, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(link))
    finally:
        os.close(handle)
