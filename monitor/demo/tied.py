"""Becomes another program that ends when the one that started it does, however that comes:

    python -m monitor.demo.tied PARENT_PID PROGRAM ARGUMENT...

The kernel sends SIGTERM when the parent is gone (PR_SET_PDEATHSIG, prctl(2)); it remembers that through execve(2). Done
by the child itself and not between fork and exec, where a process that has threads must run no Python. Linux only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent_pid, program, *arguments = int(sys.argv[1]), *sys.argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent_pid:
        os.execv(program, [program, *arguments])


if __name__ == "__main__":
    main()
