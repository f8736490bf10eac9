"""Places in a pool of threads, and those who wait for one."""

from __future__ import annotations

import asyncio
import threading

import pytest

from monitor.api.worker_pool import WorkerPool
from monitor.errors import ClientOverloaded, Overloaded


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


def test_one_client_has_a_limit_of_its_own_and_others_are_not_held_up():
    async def story() -> None:
        pool = WorkerPool("queries", 1, 10, "waiting_queries", client_max=2)
        await pool.enter(client="a")
        waiting = [asyncio.create_task(pool.enter(client=client)) for client in ("a", "b")]
        await asyncio.sleep(0)
        with pytest.raises(ClientOverloaded, match=r"^queries: client a has 2 already, want at most 2"):
            await pool.enter(client="a")
        pool.leave("a")
        await asyncio.wait_for(waiting[0], 1)
        pool.leave("a")
        await asyncio.wait_for(waiting[1], 1)
        pool.leave("b")
        pool.close()

    asyncio.run(story())


def test_a_free_place_goes_to_the_client_that_has_the_fewest():
    async def story() -> list[str]:
        pool, order = WorkerPool("queries", 2, 10, "waiting_queries"), []

        async def wait(client: str) -> None:
            await pool.enter(client=client)
            order.append(client)

        await pool.enter(client="greedy")
        await pool.enter(client="greedy")
        tasks = [asyncio.create_task(wait(client)) for client in ("greedy", "greedy", "modest")]
        await asyncio.sleep(0)
        for _ in range(2):
            pool.leave("greedy")
            await asyncio.sleep(0)
        pool.leave("modest")
        await asyncio.wait_for(asyncio.gather(*tasks), 1)
        pool.close()
        return order

    assert asyncio.run(story()) == ["modest", "greedy", "greedy"]
