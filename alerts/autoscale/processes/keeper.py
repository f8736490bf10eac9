"""The keeper: a process of its own that owns a public port and the replicas behind it.

It is not a part of the service's process so that a long query there delays no request here, a crash there ends no
server, and a restart there goes unnoticed: the new service finds the keeper by its state directory and owns it again.
Without an owner it keeps serving for a grace, then drains and ends: nothing is ever left without someone in charge.
When the keeper itself is killed the kernel kills the replicas (spawn.py), and the next keeper ends what they left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import secrets
import signal
import socket
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

import uvloop

from alerts.autoscale.processes.balancer import Balancer
from alerts.autoscale.processes.control import ControlServer
from alerts.autoscale.processes.fleet import Fleet
from alerts.autoscale.processes.leftovers import end_all, end_leftovers
from alerts.autoscale.processes.settings import FleetSettings
from alerts.autoscale.processes.spawn import MARK, boot_id, identify, marked
from alerts.autoscale.processes.state_file import FleetState, ReplicaRecord, StateDirectory
from monitor.clock import SystemClock

logger = logging.getLogger(__name__)

_OTHER_DESCRIPTORS = 1_000
"""For replicas, logs, the control socket; at most a quarter where there are few."""


def main(state_directory: str, report_descriptor: int) -> None:
    """Runs a keeper until it ends. What came of the start goes to `report_descriptor` as one JSON object."""
    directory = StateDirectory(Path(state_directory))
    lock = directory.lock()
    if lock is None:
        _report(report_descriptor, "another keeper lives in this state directory")
        return
    with lock:
        settings = directory.read_settings()
        _log_to(directory.log, settings.keeper_log_bytes)
        connections_possible = allow_connections(settings.connections_max)
        try:
            listener = open_listener(settings)
        except OSError as error:
            _report(report_descriptor, f"cannot listen on {settings.listen_host}:{settings.listen_port}: {error}")
            return
        end_leftovers(directory)
        directory.remove_socket()
        balancer = Balancer(settings, connections_possible)
        uvloop.run(Keeper(directory, settings, balancer).run(listener, report_descriptor))


class Keeper:
    """One fleet from its start to its end."""

    def __init__(self, directory: StateDirectory, settings: FleetSettings, balancer: Balancer) -> None:
        self._directory = directory
        self._settings = settings
        self._balancer = balancer
        self._mark = secrets.token_hex(16)
        self._is_ending = asyncio.Event()

    async def run(self, listener: socket.socket, report_descriptor: int) -> None:
        """Serves until told to end, by the owner, by a signal, or by having no owner for too long."""
        identity = identify(os.getpid())
        assert identity is not None, "BUG: got no identity of the own process"

        boot = boot_id()

        def keep_record(replicas: tuple[ReplicaRecord, ...]) -> None:
            self._directory.write_state(FleetState(identity, boot, self._mark, replicas))

        keep_record(())
        await self._balancer.open(listener)
        environment = {**os.environ, MARK: self._mark}
        fleet = Fleet(self._settings, self._balancer, SystemClock(), environment, keep_record)
        control = ControlServer(fleet, identity.pid, self._is_ending)
        await control.open(self._directory.socket)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._is_ending.set)
        work = asyncio.create_task(fleet.run())
        watch = asyncio.create_task(self._watch_owner(control, fleet))
        _report(report_descriptor, "")
        await self._is_ending.wait()
        logger.info("ending: draining all replicas")
        watch.cancel()
        self._balancer.stop_accepting()
        await fleet.drain_all()
        control.close()
        self._balancer.close()
        work.cancel()
        end_all(set(marked(self._mark)))
        self._directory.remove_socket()

    async def _watch_owner(self, control: ControlServer, fleet: Fleet) -> None:
        """Ends the keeper when nobody has owned it for the grace."""
        while True:
            control.owners_changed.clear()
            if control.has_owner:
                await control.owners_changed.wait()
                continue
            grace_ms = fleet.settings.owner_grace_ms
            logger.info("no owner: ending in %d ms unless one comes", grace_ms)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_ms / 1000):
                    await control.owners_changed.wait()
            if not control.has_owner:
                self._is_ending.set()
                return


def open_listener(settings: FleetSettings) -> socket.socket:
    """The public socket; an empty host is all interfaces, with IPv6 where there is any."""
    host, port = settings.listen_host, settings.listen_port
    dual = host == "" and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual or ":" in host else socket.AF_INET
    listener = socket.create_server(
        (host, port), family=family, backlog=settings.backlog, dualstack_ipv6=dual, reuse_port=False
    )
    # Accepted connections inherit it: a client that vanished does not hold a place for ever.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return listener


def _report(descriptor: int, error: str) -> None:
    """Tells the starter: an empty error is success."""
    with contextlib.suppress(BrokenPipeError):
        os.write(descriptor, json.dumps({"error": error}).encode())
    os.close(descriptor)


def _log_to(path: Path, size_bytes: int) -> None:
    """A file of our own: whoever started us may be gone tomorrow, and its standard error with it."""
    handler = RotatingFileHandler(path, maxBytes=size_bytes, backupCount=1)
    logging.basicConfig(
        level=logging.INFO, handlers=[handler], format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


def allow_connections(connections_max: int) -> int:
    """Raises the limit on open files for so many connections, as far as the system lets us; for how many it is enough.

    Each connection takes two descriptors, and some are needed for replicas. These inherit the limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(soft, 2 * connections_max + _OTHER_DESCRIPTORS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return max(1, (limit - min(_OTHER_DESCRIPTORS, limit // 4)) // 2)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
