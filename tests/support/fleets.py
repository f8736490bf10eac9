"""Real keepers with real replicas of small_http_server.py, and nothing left of them after the test."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

from alerts.autoscale.actuators.actuator import Order
from alerts.autoscale.actuators.process import ProcessFleet
from alerts.autoscale.decide import decide
from alerts.autoscale.decision import Observation, Reading, State
from alerts.autoscale.policy import Policy
from alerts.autoscale.processes.fleet import FleetStatus
from alerts.autoscale.processes.settings import FleetSettings
from alerts.autoscale.processes.spawn import identify, marked, signal_process
from alerts.autoscale.processes.state_file import StateDirectory
from monitor.clock import SystemClock
from monitor.errors import DeliveryError

SERVER = Path(__file__).parent / "small_http_server.py"
ROOT = Path(__file__).parents[2]

# What a service does that owns a fleet: orders so many replicas, says so, and goes on living.
_OWNER = """
import asyncio, sys
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from fleets import fleet_of, order
async def main():
    fleet = fleet_of(Path(sys.argv[3]))
    await fleet.apply(order(int(sys.argv[4])))
    print("ordered", flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""


def free_ports(count: int) -> tuple[int, ...]:
    """Loopback ports that nobody has at this moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return tuple(sorted(one.getsockname()[1] for one in sockets))


def fleet_settings(path: Path, **changes: object) -> FleetSettings:
    """Quick settings on free ports; the public port is one of them."""
    public, *ports = free_ports(7)
    settings = FleetSettings(
        policy="web",
        command=(sys.executable, "-S", "-E", str(SERVER), "{port}"),
        listen_host="127.0.0.1",
        listen_port=public,
        ports=tuple(ports),
        graceful_stop_ms=3_000,
        end_timeout_ms=1_000,
        ready_poll_ms=10,
        restart_wait_min_ms=50,
        owner_grace_ms=300,
        file_sd=path / "targets.json",
    )
    return replace(settings, **changes)  # type: ignore[arg-type]


def order(desired: int) -> Order:
    """An order as a policy's loop gives it."""
    policy = Policy(name="web", expression="load", target=1, max_replicas=100, dry_run=False)
    return Order("id", 1, desired, decide(policy, State(), Observation(Reading()), 0), 0)


def fleet_of(path: Path, **options: bool) -> ProcessFleet:
    """The actuator for the settings that are stored in `path`."""
    directory = StateDirectory(path / "fleet")
    return ProcessFleet(directory.read_settings(), directory, SystemClock(), **options)


@contextlib.asynccontextmanager
async def fleet_in(path: Path, **changes: object) -> AsyncIterator[ProcessFleet]:
    """A fleet with nothing running yet; whatever came to run is ended with the block."""
    directory = StateDirectory(path / "fleet")
    directory.make()
    directory.write_settings(fleet_settings(path, **changes))
    fleet = fleet_of(path)
    try:
        yield fleet
    finally:
        await fleet.close()
        end_everything(directory)


def end_everything(directory: StateDirectory) -> None:
    state = directory.read_state()
    if state is not None:
        signal_process(state.keeper, signal.SIGKILL)
        for process in marked(state.mark):
            signal_process(process, signal.SIGKILL)


@contextlib.contextmanager
def owner_of(path: Path, desired: int) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns the fleet in `path` and has ordered `desired` replicas."""
    command = [sys.executable, "-c", _OWNER, str(ROOT), str(Path(__file__).parent), str(path), str(desired)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        try:
            assert owner.stdout.readline() == "ordered\n"
            yield owner
        finally:
            owner.kill()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Returns when `condition` is true; fails if that takes too long."""
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


async def status_when(
    fleet: ProcessFleet, condition: Callable[[FleetStatus], bool], seconds: float = 10.0
) -> FleetStatus:
    """The first status of a running fleet for which `condition` is true; fails if that takes too long."""
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(DeliveryError):
                status = await fleet.status()
                if status is not None and condition(status):
                    return status
            await asyncio.sleep(0.02)


async def ready(fleet: ProcessFleet, count: int) -> FleetStatus:
    """The status once exactly `count` replicas exist and all are ready."""
    return await status_when(fleet, lambda status: status.ready == count == len(status.replicas))


def is_gone(pid: int) -> bool:
    return identify(pid) is None


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
