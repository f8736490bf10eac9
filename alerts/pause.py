"""Waiting that can be cut short."""

from __future__ import annotations

import asyncio

from monitor.clock import Clock


async def sleep_unless(clock: Clock, seconds: float, event: asyncio.Event) -> None:
    """Returns when `seconds` have passed or `event` is set, whichever is first."""
    if event.is_set():
        return
    waits = [asyncio.create_task(clock.sleep(seconds)), asyncio.create_task(event.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
