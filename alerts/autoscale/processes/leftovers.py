"""Ends what a keeper that died has left behind, and nothing else."""

from __future__ import annotations

import logging
import os
import signal

from alerts.autoscale.processes.spawn import ProcessIdentity, boot_id, is_alive, marked, signal_process
from alerts.autoscale.processes.state_file import StateDirectory

logger = logging.getLogger(__name__)


def end_leftovers(directory: StateDirectory) -> int:
    """Kills every process that the last keeper started and that still runs; returns how many.

    The kernel has killed the replicas with their keeper; what is left are processes that they started themselves. To be
    called by the holder of the lock only: then no keeper lives that could still need them.
    """
    state = directory.read_state()
    if state is None or state.boot != boot_id():
        return 0
    leftovers = {record.process for record in state.replicas if is_alive(record.process)}
    leftovers.update(marked(state.mark))
    return end_all(leftovers)


def end_all(processes: set[ProcessIdentity]) -> int:
    """Kills `processes`; returns how many were still there."""
    ended = [p for p in processes if p.pid != os.getpid() and signal_process(p, signal.SIGKILL)]
    if ended:
        logger.warning("ended %d processes that outlived their keeper: %s", len(ended), [p.pid for p in ended])
    return len(ended)
