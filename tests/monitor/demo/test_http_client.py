from __future__ import annotations

import asyncio

from little_server import little_server, response

from monitor.demo.http_client import NO_ANSWER, ConnectionPool

REQUEST = b"GET /buy HTTP/1.1\r\nHost: shop\r\n\r\n"


async def ask(pool: ConnectionPool) -> int:
    """The status of the answer to one request."""
    answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    pool.send(REQUEST, answered.set_result)
    return await asyncio.wait_for(answered, 10)


class Hanging:
    """A handler that does not answer, and returns when the client goes."""

    def __init__(self) -> None:
        self.has_arrived = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        self.has_arrived.set()
        await reader.read()


def test_an_answer_brings_its_status():
    async def story() -> None:
        async with little_server(buy=response(b"{}")) as server:
            pool = ConnectionPool("127.0.0.1", server.port, 1)
            assert await ask(pool) == 200
            await pool.close()

    asyncio.run(story())


def test_nobody_there_is_no_answer():
    async def story() -> None:
        async with little_server() as server:
            port = server.port
        assert await ask(ConnectionPool("127.0.0.1", port, 1)) == NO_ANSWER

    asyncio.run(story())


def test_beyond_the_limit_nothing_waits():
    async def story() -> None:
        hanging = Hanging()
        async with little_server(buy=hanging) as server:
            pool = ConnectionPool("127.0.0.1", server.port, 1)
            first: list[int] = []
            pool.send(REQUEST, first.append)
            await hanging.has_arrived.wait()
            assert await ask(pool) == NO_ANSWER
            assert first == []
            await pool.close()

    asyncio.run(story())


def test_an_answer_that_takes_too_long_is_given_up():
    async def story() -> None:
        hanging = Hanging()
        async with little_server(buy=hanging) as server:
            pool = ConnectionPool("127.0.0.1", server.port, 1)
            asking = asyncio.create_task(ask(pool))
            await hanging.has_arrived.wait()
            pool.give_up(-1)
            assert await asking == NO_ANSWER

    asyncio.run(story())
