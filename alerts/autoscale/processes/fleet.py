"""Keeps as many replicas as desired: carries out plan.py whenever something has changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from alerts.autoscale.processes.balancer import Balancer
from alerts.autoscale.processes.plan import COMING_OR_SERVING, Phase, plan
from alerts.autoscale.processes.replica import Replica, Surroundings
from alerts.autoscale.processes.settings import FleetSettings
from alerts.autoscale.processes.state_file import ReplicaRecord
from alerts.autoscale.processes.targets_file import write_targets
from monitor.clock import Clock

logger = logging.getLogger(__name__)

_STEP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """One replica for people: `log` is not part of it, it is asked for by number."""

    number: int
    port: int
    phase: Phase
    pid: int | None
    connections: int
    failures: int
    last_exit: str


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """A fleet at one moment. `digest` is that of its settings; totals count from the start of the keeper."""

    policy: str
    digest: str
    keeper_pid: int
    listen_port: int
    desired: int
    ready: int
    replicas: tuple[ReplicaStatus, ...]
    connections_open: int
    connections_waiting: int
    connections_total: int
    connections_rejected_total: int
    exchanges_total: int
    moves_total: int


class Fleet:
    """`keep_record` is called with what runs whenever that has changed."""

    def __init__(
        self,
        settings: FleetSettings,
        balancer: Balancer,
        clock: Clock,
        environment: Mapping[str, str],
        keep_record: Callable[[tuple[ReplicaRecord, ...]], None],
    ) -> None:
        self.settings = settings
        self.balancer = balancer
        self.desired = 0
        self._generation = 0
        self._replicas: dict[int, Replica] = {}
        self._surroundings = Surroundings(balancer, clock, environment, self._wake)
        self._keep_record = keep_record
        self._recorded: tuple[ReplicaRecord, ...] = ()
        self._listed: list[tuple[int, int]] | None = None
        self._foreign_ports: set[int] = set()
        self._changed = asyncio.Event()
        self._emptied = asyncio.Event()

    def scale(self, desired: int) -> None:
        """Works towards `desired` replicas. Raises ValueError for more than there are ports."""
        if not 0 <= desired <= len(self.settings.ports):
            raise ValueError(f"got {desired} replicas, want 0 to {len(self.settings.ports)}, the number of ports")
        self.desired = desired
        self._wake()

    def configure(self, settings: FleetSettings) -> None:
        """Replaces the replicas bit by bit where other settings need it. Raises ValueError for another address."""
        if settings == self.settings:
            return
        present = (self.settings.listen_host, self.settings.listen_port)
        if (settings.listen_host, settings.listen_port) != present:
            raise ValueError(f"got the address {settings.listen_host}:{settings.listen_port}, want {present}")
        if settings.command != self.settings.command or settings.ports != self.settings.ports:
            self._generation += 1
        self.settings = settings
        self.balancer.settings = settings
        self._listed = None
        self._wake()

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            self._changed.clear()
            try:
                self._step()
            except Exception:
                logger.exception("a step towards %d replicas failed", self.desired)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STEP_SECONDS):
                    await self._changed.wait()

    async def drain_all(self) -> None:
        """Scales to nothing and returns when nothing runs any more. `run` must be running."""
        self.scale(0)
        await self._emptied.wait()

    def log(self, number: int) -> str:
        """The last output of a replica. Raises ValueError if there is none of this number."""
        replica = self._replicas.get(number)
        if replica is None:
            raise ValueError(f"got replica {number}, want one of {sorted(self._replicas)}")
        return replica.log.text()

    def status(self, keeper_pid: int) -> FleetStatus:
        replicas = [self._replicas[number] for number in sorted(self._replicas)]
        balancer = self.balancer
        return FleetStatus(
            policy=self.settings.policy,
            digest=self.settings.digest(),
            keeper_pid=keeper_pid,
            listen_port=balancer.port,
            desired=self.desired,
            ready=sum(replica.phase is Phase.READY for replica in replicas),
            replicas=tuple(_status(replica) for replica in replicas),
            connections_open=len(balancer.clients),
            connections_waiting=balancer.waiting,
            connections_total=balancer.accepted,
            connections_rejected_total=balancer.rejected,
            exchanges_total=balancer.exchanges,
            moves_total=balancer.moves,
        )

    def _wake(self) -> None:
        self._changed.set()

    def _step(self) -> None:
        self._replicas = {n: replica for n, replica in self._replicas.items() if replica.phase is not Phase.ENDED}
        views = [replica.view() for replica in self._replicas.values()]
        active = sum(v.generation == self._generation and v.phase in COMING_OR_SERVING for v in views)
        free = self._free_ports(self.desired - active)
        if self._replicas or self.desired:
            self._emptied.clear()
        else:
            self._emptied.set()
        step = plan(self.desired, self._generation, views, len(free))
        for number in step.revive:
            self._replicas[number].revive()
        for number in step.drain:
            self._replicas[number].drain()
        for port in free[: step.start]:
            self._start(port)
        self._write_down()

    def _start(self, port: int) -> None:
        number = next(n for n in range(1, len(self._replicas) + 2) if n not in self._replicas)
        replica = Replica(number, port, self._generation, self.settings, self._surroundings)
        self._replicas[number] = replica
        replica.start()

    def _free_ports(self, count: int) -> list[int]:
        """Up to `count` ports of ours that no replica has and no other program listens on."""
        used = {replica.port for replica in self._replicas.values()}
        free: list[int] = []
        for port in self.settings.ports:
            if len(free) >= count:
                break
            if port not in used and self._is_free(port):
                free.append(port)
        return free

    def _is_free(self, port: int) -> bool:
        is_free = _can_listen(port)
        if not is_free and port not in self._foreign_ports:
            logger.warning("port %d is taken by another program", port)
            self._foreign_ports.add(port)
        if is_free:
            self._foreign_ports.discard(port)
        return is_free

    def _write_down(self) -> None:
        replicas = self._replicas.values()
        records = tuple(ReplicaRecord(r.number, r.port, r.process) for r in replicas if r.process is not None)
        if records != self._recorded:
            self._recorded = records
            self._keep_record(records)
        listed = [(r.number, r.port) for r in replicas if r.phase in (Phase.READY, Phase.DRAINING)]
        if self.settings.file_sd is not None and listed != self._listed:
            self._listed = listed
            write_targets(self.settings.file_sd, self.settings.policy, listed)


def _can_listen(port: int) -> bool:
    """Whether a program could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


def _status(replica: Replica) -> ReplicaStatus:
    return ReplicaStatus(
        number=replica.number,
        port=replica.port,
        phase=replica.phase,
        pid=replica.process.pid if replica.process else None,
        connections=replica.view().connections,
        failures=replica.failures,
        last_exit=replica.last_exit,
    )
