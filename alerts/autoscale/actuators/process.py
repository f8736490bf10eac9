"""Keeps N copies of a command running on this machine, behind one public port (alerts/autoscale/processes/)."""

from __future__ import annotations

import asyncio
import logging

from alerts.autoscale.actuators.actuator import Order, Receipt, ReplicaCount
from alerts.autoscale.processes.fleet import FleetStatus
from alerts.autoscale.processes.launch import launch_keeper
from alerts.autoscale.processes.link import KeeperLink
from alerts.autoscale.processes.settings import FleetSettings
from alerts.autoscale.processes.state_file import StateDirectory
from alerts.autoscale.stored_form import plain
from monitor.clock import Clock
from monitor.errors import DeliveryError

logger = logging.getLogger(__name__)

_REVIVE_WAIT_MAX_SECONDS = 30.0


class ProcessFleet:
    """The actuator: the owner of a keeper, which it starts when there is something to run, or finds still running.

    A keeper that dies is started again at once with the last count that was ordered. With `may_start` False it only
    looks after a keeper that runs already, as a dry run does: it starts nothing, changes nothing and ends nothing.
    """

    def __init__(
        self, settings: FleetSettings, directory: StateDirectory, clock: Clock, *, may_start: bool = True
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._clock = clock
        self._may_start = may_start
        self._link: KeeperLink | None = None
        self._desired: int | None = None
        self._watch: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()

    async def observe(self) -> ReplicaCount | None:
        """What the keeper works towards and how much of it serves. Without a keeper, none; in a dry run, unknown."""
        link = await self._found()
        if link is None:
            return ReplicaCount(0, 0) if self._may_start else None
        status = await link.ask("status")
        return ReplicaCount(status.desired, status.ready)

    async def apply(self, order: Order) -> Receipt:
        assert self._may_start, "BUG: got an order in a dry run"
        link = await self._found(start=True)
        assert link is not None, "BUG: got no keeper, want one or an error"
        status = await link.ask("scale", desired=order.desired)
        self._desired = order.desired
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._keep_alive())
        return Receipt(True, status.desired, f"{status.ready} ready at this moment")

    async def status(self) -> FleetStatus | None:
        """Everything about the fleet; None if it does not run."""
        link = await self._found()
        return await link.ask("status") if link else None

    async def log(self, replica: int) -> str:
        """The last output of one replica. Raises DeliveryError if there is none of this number."""
        link = await self._found()
        if link is None:
            raise DeliveryError("nothing runs", permanent=False)
        return await link.log(replica)

    async def close(self) -> None:
        """Gives up ownership: the keeper waits for the next owner for its grace, then ends everything."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._let_go()

    async def end(self) -> None:
        """Drains and ends everything now, for a policy that is gone for good; returns when told, not when ended."""
        link = await self._found()
        if link is not None:
            self._desired = None
            await link.ask("end")
        await self.close()

    async def _found(self, *, start: bool = False) -> KeeperLink | None:
        """A connection to the keeper, as its owner; None if none runs and none is to be started."""
        async with self._connecting:
            if self._link is not None and not self._link.is_broken:
                return self._link
            await self._let_go()
            try:
                self._link = await self._connected(start)
                if self._link is not None:
                    await self._own(self._link)
            except BaseException:
                # Cancelled or refused: nobody must take this for a connection that owns.
                await self._let_go()
                raise
            return self._link

    async def _connected(self, start: bool) -> KeeperLink | None:
        link = await KeeperLink.open(self._directory.socket)
        if link is not None or not start:
            return link
        await asyncio.to_thread(launch_keeper, self._directory, self._settings)
        link = await KeeperLink.open(self._directory.socket)
        if link is None:
            raise DeliveryError("the keeper ended right after its start, see keeper.log", permanent=False)
        return link

    async def _own(self, link: KeeperLink) -> None:
        """A keeper that cannot take our settings, for it has another public address, makes room for one that can."""
        try:
            await link.ask("own", settings=plain(self._settings) if self._may_start else None)
        except DeliveryError:
            if self._may_start and not link.is_broken:
                await link.ask("end")
            raise

    async def _let_go(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _keep_alive(self) -> None:
        """Notices at once when the keeper dies, and replaces it."""
        wait_seconds = 1.0
        while self._desired is not None:
            link = self._link
            if link is not None and not link.is_broken:
                await link.wait_broken()
                logger.warning("policy %s: the keeper has gone, starting another", self._settings.policy)
            try:
                link = await self._found(start=True)
                assert link is not None, "BUG: got no keeper, want one or an error"
                await link.ask("scale", desired=self._desired)
                wait_seconds = 1.0
            except DeliveryError as error:
                logger.warning("policy %s: %s; again in %g s", self._settings.policy, error, wait_seconds)
                await self._clock.sleep(wait_seconds)
                wait_seconds = min(2 * wait_seconds, _REVIVE_WAIT_MAX_SECONDS)
