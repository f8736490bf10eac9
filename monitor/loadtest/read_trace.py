"""When a load generator has read its answers: the kernel's tracepoint tcp_rcv_space_adjust, which fires as a read of a
TCP socket returns with data.

The trace stays in the kernel's memory until the load has ended. It is an instance of its own
(Documentation/trace/ftrace.rst, "Instances"), so whatever else is traced is not touched, and the file system is mounted
for us alone, since not every machine has it at /sys/kernel/tracing.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

_EVENT = "events/tcp/tcp_rcv_space_adjust"
_LINE = re.compile(rb"(\d+)\.(\d{6}): tcp_rcv_space_adjust: .* sport=(\d+) ")
_BUFFER_KILOBYTES = 32 << 10
_BUFFER_KILOBYTES_MIN = 1 << 10

_PREFIX = "plimsoll-"
_numbers = itertools.count()

# The same numbers on every architecture; include/uapi/linux/mount.h.
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_FSCONFIG_CMD_CREATE = 6
_CLOSE_ON_EXEC = 1


@dataclass(frozen=True, slots=True)
class Reads:
    """(N,) by time. `times_us` are since 1970, but of TAI, which is ahead of UTC by whole seconds, or by none."""

    times_us: npt.NDArray[np.int64]
    client_ports: npt.NDArray[np.uint16]


class ReadTrace:
    """Of clients whose packets `packet_filter` lets through for the same `port` and `share`."""

    def __init__(self, port: int, share: int) -> None:
        """Raises OSError where tracing is not allowed (CAP_SYS_ADMIN), AttributeError where there is none."""
        self._folder = mounted_tracefs()
        # By process, so that what a killed one has left is found and removed.
        self._instance = f"instances/{_PREFIX}{os.getpid()}-{next(_numbers)}"
        try:
            _remove_abandoned(self._folder)
            os.mkdir(self._instance, dir_fd=self._folder)
            self._set_up(port, share)
        except BaseException:
            self._remove()
            raise

    def _set_up(self, port: int, share: int) -> None:
        kilobytes = max(_BUFFER_KILOBYTES // (os.cpu_count() or 1), _BUFFER_KILOBYTES_MIN)
        self._write("buffer_size_kb", str(kilobytes))
        self._write("options/overwrite", "0")
        self._write("trace_clock", "tai")
        not_chosen = (share - 1) << 1
        self._write(f"{_EVENT}/filter", f"dport == {port}" + (f" && !(sport & {not_chosen})" if not_chosen else ""))
        self._write(f"{_EVENT}/enable", "1")

    def end(self) -> Reads:
        """To be called once; what did not fit any more is missing at the end. Raises OSError if the trace is gone."""
        try:
            self._write(f"{_EVENT}/enable", "0")
            with os.fdopen(self._open("trace", os.O_RDONLY), "rb") as file:
                return parse_trace(file.read())
        finally:
            self._remove()

    def _write(self, name: str, value: str) -> None:
        with os.fdopen(self._open(name, os.O_WRONLY), "w") as file:
            file.write(value)

    def _open(self, name: str, flags: int) -> int:
        return os.open(f"{self._instance}/{name}", flags | os.O_CLOEXEC, dir_fd=self._folder)

    def _remove(self) -> None:
        try:
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(self._instance, dir_fd=self._folder)
        finally:
            os.close(self._folder)


def parse_trace(text: bytes) -> Reads:
    """Of the text of a trace file, in which lines of several processors are merged by time."""
    found = np.array(_LINE.findall(text), dtype="S20").reshape(-1, 3).astype(np.int64)
    return Reads(found[:, 0] * 1_000_000 + found[:, 1], found[:, 2].astype(np.uint16))


def _remove_abandoned(folder: int) -> None:
    instances = os.open("instances", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        for entry in os.scandir(instances):
            process_id = entry.name.removeprefix(_PREFIX).partition("-")[0]
            if entry.name.startswith(_PREFIX) and not Path("/proc", process_id).exists():
                with contextlib.suppress(OSError):  # another has been quicker, or somebody reads there
                    os.rmdir(entry.name, dir_fd=instances)
    finally:
        os.close(instances)


def mounted_tracefs() -> int:
    """A descriptor of a mount that has no place and ends with the descriptor. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)

    def call(number: int, *arguments: int | bytes | None) -> int:
        result = int(library.syscall(number, *arguments))
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "tracefs")
        return result

    context = call(_FSOPEN, b"tracefs", _CLOSE_ON_EXEC)
    try:
        call(_FSCONFIG, context, _FSCONFIG_CMD_CREATE, None, None, 0)
        return call(_FSMOUNT, context, _CLOSE_ON_EXEC, 0)
    finally:
        os.close(context)
