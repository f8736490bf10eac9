"""Places in a pool of threads, and those who wait for one."""

from __future__ import annotations

import asyncio
import threading

import pytest

from monitor.api.worker_pool import WorkerPool
from monitor.errors import Overloaded


@pytest.fixture
def pool():
    made = WorkerPool("queries", 2, 2, "waiting_queries")
    yield made
    made.close()


async def _take_turns(pool: WorkerPool) -> None:
    await pool.enter()
    await pool.enter()
    waiting = [asyncio.create_task(pool.enter()) for _ in range(2)]
    await asyncio.sleep(0)
    assert pool.waiting == 2
    with pytest.raises(Overloaded, match=r"^queries: 2 wait already, want at most 2 \(waiting_queries\)$"):
        await pool.enter()
    pool.leave()
    await waiting[0]
    assert (waiting[1].done(), pool.waiting) == (False, 1)
    pool.leave()
    await waiting[1]


def test_who_waits_gets_the_next_place_and_too_many_are_refused(pool):
    asyncio.run(_take_turns(pool))


def test_waiting_ends_in_time_and_leaves_no_trace(pool):
    async def story() -> None:
        await pool.enter()
        await pool.enter()
        with pytest.raises(TimeoutError):
            await pool.enter(0.01)
        assert pool.waiting == 0
        pool.leave()
        await pool.enter(0.01)

    asyncio.run(story())


def test_a_place_given_to_someone_who_gives_up_goes_on(pool):
    async def story() -> None:
        await pool.enter()
        await pool.enter()
        first = asyncio.create_task(pool.enter(60))
        second = asyncio.create_task(pool.enter())
        await asyncio.sleep(0)
        pool.leave()
        first.cancel()
        await asyncio.wait_for(second, 1)
        with pytest.raises(asyncio.CancelledError):
            await first
        pool.leave()
        pool.leave()
        await asyncio.wait_for(asyncio.gather(pool.enter(), pool.enter()), 1)

    asyncio.run(story())


def test_work_is_done_in_threads_of_the_pool(pool):
    async def story() -> str:
        return await pool.start(lambda: threading.current_thread().name)

    assert asyncio.run(story()).startswith("queries")


def test_what_work_raises_arrives(pool):
    async def story() -> None:
        await pool.start(lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(story())
