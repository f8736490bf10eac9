"""Plays the story on a real service: starts everything, watches, reports, ends everything."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import aiohttp

from monitor.clock import Clock
from monitor.demo.buyers import Buyers
from monitor.demo.children import Child, end_fleet
from monitor.demo.configuration import write_configuration
from monitor.demo.events import delivery_text, events_between
from monitor.demo.ports import free_ports
from monitor.demo.receiver import Receiver
from monitor.demo.report import Course, Report, report_of
from monitor.demo.service_client import ServiceClient
from monitor.demo.settings import REPLICAS_MAX, Addresses, DemoSettings, Places
from monitor.demo.snapshot import Delivery, Moment, Snapshot
from monitor.demo.story import Phase, Story, rate_of
from monitor.demo.view import Screen, View
from monitor.errors import DemoError

_SERVE = ("-m", "monitor", "serve")
_POLL_SECONDS = 0.2
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """With `goes_on` the demo stays live after its story, until it is cancelled."""

    story: Story
    directory: Path
    listen_host: str
    listen_port: int
    goes_on: bool
    settings: DemoSettings = field(default_factory=DemoSettings)


async def run_demo(options: DemoOptions, screen: Screen, clock: Clock, reported: Callable[[Report], None]) -> None:
    """Calls `reported` when the story is over. Raises DemoError. Nothing that it started is left when it returns."""
    async with contextlib.AsyncExitStack() as stack:
        stage = await _set_up(options, clock, stack)
        demo = _Demo(options, stage, screen, clock)
        await demo.wait_for_shop()
        reported(await demo.play())
        if options.goes_on:
            await demo.watch(until_seconds=None)


@dataclass(slots=True)
class _Stage:
    """What has been started."""

    service: Child
    client: ServiceClient
    buyers: Buyers
    deliveries: list[Delivery]
    url: str


async def _set_up(options: DemoOptions, clock: Clock, stack: contextlib.AsyncExitStack) -> _Stage:
    """Starts everything but the story. What `stack` unwinds ends it, the newest first."""
    places, end_seconds = Places(options.directory), options.settings.end_timeout_seconds
    shop_port, receiver_port, *replica_ports = free_ports(2 + REPLICAS_MAX, random.Random())
    addresses = Addresses(options.listen_host, options.listen_port, shop_port, tuple(replica_ports), receiver_port)
    signing_secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    write_configuration(places, addresses, signing_secret)
    deliveries: list[Delivery] = []
    receiver = Receiver(signing_secret, clock, deliveries.append)
    stack.push_async_callback(receiver.close)
    await receiver.start(receiver_port)
    stack.push_async_callback(end_fleet, places.fleet, end_seconds)
    arguments = ["--config", str(places.config), "--data", str(places.data), "--listen", addresses.listen]
    service = await Child.start("the service", [*_SERVE, *arguments], places.service_log)
    stack.push_async_callback(service.end, end_seconds)
    buyers = await Buyers.start(f"http://127.0.0.1:{shop_port}/buy", places.load_log)
    stack.push_async_callback(buyers.end, end_seconds)
    session = await stack.enter_async_context(aiohttp.ClientSession())
    url = f"http://{addresses.service}"
    client = ServiceClient(session, url, options.settings.answer_timeout_seconds)
    return _Stage(service, client, buyers, deliveries, url)


class _Demo:
    def __init__(self, options: DemoOptions, stage: _Stage, screen: Screen, clock: Clock) -> None:
        self._story = options.story
        self._settings = options.settings
        self._stage = stage
        self._screen = screen
        self._clock = clock
        self._started_seconds = clock.monotonic_seconds()
        self._answered_seconds = self._started_seconds
        self._snapshot = Snapshot()
        self._moments: list[Moment] = []
        self._deliveries_told = 0

    async def wait_for_shop(self) -> None:
        """Until the service has scraped a process of the shop."""
        self._tell(f"starting the service; its page will be at {self._stage.url}")
        deadline_seconds = self._clock.monotonic_seconds() + self._settings.start_timeout_seconds
        while not await self._stage.client.is_ready():
            await self._wait_a_little(deadline_seconds, "the service is not ready")
        self._tell("the service is ready; the policy starts the first process of the shop")
        while (await self._patiently(self._stage.client.snapshot)).replicas == 0:
            await self._wait_a_little(deadline_seconds, "no process of the shop answers")

    async def play(self) -> Report:
        """The story from its first request to its end."""
        self._started_seconds = self._answered_seconds = self._clock.monotonic_seconds()
        started_at_ms = self._clock.now_ms()
        coming = asyncio.create_task(self._send_buyers())
        try:
            await self.watch(until_seconds=self._story.seconds)
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        since_spike_seconds = self._at_seconds() - self._story.spike_from_seconds
        fired_at_ms = await self._patiently(lambda: self._stage.client.fired_at_ms(since_spike_seconds))
        return report_of(Course(self._story, started_at_ms, self._moments, self._stage.deliveries, fired_at_ms))

    async def watch(self, until_seconds: float | None) -> None:
        """Looks and shows, each interval. Without an end what was seen is not kept."""
        while until_seconds is None or self._at_seconds() < until_seconds:
            next_seconds = self._clock.monotonic_seconds() + self._settings.interval_seconds
            await self._look(is_kept=until_seconds is not None)
            await self._clock.sleep(max(0.0, next_seconds - self._clock.monotonic_seconds()))

    async def _look(self, *, is_kept: bool) -> None:
        at_seconds, before = self._at_seconds(), self._snapshot
        self._stage.service.check()
        self._stage.buyers.check()
        try:
            self._snapshot = await self._stage.client.snapshot()
        except DemoError:
            # A busy machine answers late now and then; that is no end of the demo yet.
            if self._clock.monotonic_seconds() - self._answered_seconds > self._settings.unanswered_max_seconds:
                raise
            return
        self._answered_seconds = self._clock.monotonic_seconds()
        if is_kept:
            self._moments.append(Moment(at_seconds, self._snapshot))
        phase, buyers = self._story.phase(at_seconds), self._stage.buyers.report
        told, self._deliveries_told = self._deliveries_told, len(self._stage.deliveries)
        for event in (*events_between(before, self._snapshot), *map(delivery_text, self._stage.deliveries[told:])):
            self._tell(event)
        self._screen.show(View(self._stage.url, self._story, phase, at_seconds, self._snapshot, buyers))

    async def _patiently(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Asks until there is an answer, but not for ever."""
        deadline_seconds = self._clock.monotonic_seconds() + self._settings.unanswered_max_seconds
        while True:
            self._stage.service.check()
            try:
                return await ask()
            except DemoError:
                if self._clock.monotonic_seconds() > deadline_seconds:
                    raise
            await self._clock.sleep(_POLL_SECONDS)

    async def _send_buyers(self) -> None:
        moments = {
            Phase.QUIET: 0.0,
            Phase.SPIKE: self._story.spike_from_seconds,
            Phase.TAIL: self._story.spike_to_seconds,
        }
        for phase, at_seconds in moments.items():
            await self._clock.sleep(max(0.0, at_seconds - self._at_seconds()))
            self._stage.buyers.set_rate(rate_of(phase))
            self._tell(f"{phase.value}: {rate_of(phase):.0f} requests a second")

    async def _wait_a_little(self, deadline_seconds: float, complaint: str) -> None:
        self._stage.service.check()
        if self._clock.monotonic_seconds() > deadline_seconds:
            seconds = self._settings.start_timeout_seconds
            raise DemoError(f"{complaint} after {seconds:g} s, see {self._stage.service.log}")
        await self._clock.sleep(_POLL_SECONDS)

    def _tell(self, event: str) -> None:
        self._screen.tell(self._at_seconds(), event)

    def _at_seconds(self) -> float:
        return self._clock.monotonic_seconds() - self._started_seconds
