"""Connections through the balancer, with real sockets, on both event loops."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

import pytest
import uvloop
from balanced_servers import Harbour, http_answer, named
from http_load import get

from alerts.autoscale.processes.connection import Backend

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """Runs a story in an open harbour: `run(story, **settings)`."""

    def run_story(story, **settings):
        async def in_harbour():
            async with asyncio.timeout(10), Harbour(**settings).open() as harbour:
                return await story(harbour)

        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(in_harbour())

    return run_story


def test_a_new_connection_goes_to_the_backend_with_the_fewest(run):
    async def story(harbour):
        for name in (b"a", b"b", b"c"):
            harbour.balancer.add(await harbour.server(named(name)))
        return Counter([await get(*await harbour.connect()) for _ in range(9)])

    assert run(story) == {b"a": 3, b"b": 3, b"c": 3}


def test_an_idle_connection_changes_backends_when_its_own_drains(run):
    async def story(harbour):
        first, second = await harbour.server(named(b"a")), await harbour.server(named(b"b"))
        harbour.balancer.add(first)
        client = await harbour.connect()
        answers = [await get(*client)]
        harbour.balancer.add(second)
        harbour.balancer.drain(first)
        await harbour.settle()
        assert first.connections() == 0
        return [*answers, await get(*client), await get(*client)]

    assert run(story) == [b"a", b"b", b"b"]


def test_a_busy_connection_gets_its_answer_before_it_changes_backends(run):
    async def story(harbour):
        may_answer = asyncio.Event()
        first, second = await harbour.server(named(b"a", may_answer)), await harbour.server(named(b"b"))
        harbour.balancer.add(first)
        client = await harbour.connect()
        answer = asyncio.create_task(get(*client))
        await harbour.settle()
        harbour.balancer.add(second)
        harbour.balancer.drain(first)
        await harbour.settle()
        assert first.connections() == 1
        may_answer.set()
        return await answer, await get(*client), first.connections()

    assert run(story) == (b"a", b"b", 0)


def test_old_connections_spread_over_a_new_backend(run):
    async def story(harbour):
        first, second = await harbour.server(named(b"a")), await harbour.server(named(b"b"))
        harbour.balancer.add(first)
        clients = [await harbour.connect() for _ in range(8)]
        assert {await get(*client) for client in clients} == {b"a"}
        harbour.balancer.add(second)
        return Counter([await get(*client) for client in clients]), harbour.balancer.moves

    assert run(story) == ({b"a": 4, b"b": 4}, 4)


def test_a_connection_that_is_no_longer_http_stays_where_it_is(run):
    async def echo(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    async def story(harbour):
        first = await harbour.server(echo)
        harbour.balancer.add(first)
        reader, writer = await harbour.connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        harbour.balancer.drain(first)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"GET / HTTP/1.1\r\n\r\n"
        writer.close()
        await harbour.settle()
        return first.connections()

    assert run(story) == 0


def test_a_client_does_not_notice_that_its_idle_backend_dies(run):
    async def hangs_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http_answer(b"a"))
        await writer.drain()
        writer.close()

    async def story(harbour):
        first = await harbour.server(hangs_up)
        harbour.balancer.add(first)
        client = await harbour.connect()
        answers = [await get(*client)]
        await harbour.settle()
        harbour.balancer.remove(first)
        harbour.balancer.add(await harbour.server(named(b"b")))
        return [*answers, await get(*client)]

    assert run(story) == [b"a", b"b"]


def test_a_client_in_the_middle_of_an_exchange_sees_its_backend_die(run):
    async def dies(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async def story(harbour):
        harbour.balancer.add(await harbour.server(dies))
        with pytest.raises((EOFError, ConnectionError)):
            await get(*await harbour.connect())

    run(story)


def test_a_server_that_closes_after_its_answer_closes_the_client(run):
    async def closes(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")
        writer.close()

    async def story(harbour):
        harbour.balancer.add(await harbour.server(closes))
        reader, writer = await harbour.connect()
        writer.write(REQUEST)
        return await reader.read()

    assert run(story).endswith(b"until the end")


@pytest.mark.parametrize("is_http", [True, False])
def test_a_half_closed_client_gets_its_answer(run, is_http):
    async def answers_at_the_end(reader, writer):
        data = await reader.read()
        writer.write(http_answer(data))
        writer.close()

    async def story(harbour):
        harbour.balancer.add(await harbour.server(answers_at_the_end))
        reader, writer = await harbour.connect()
        writer.write(REQUEST)
        writer.write_eof()
        return await reader.read()

    assert run(story, is_http=is_http).endswith(REQUEST)


def test_a_half_closed_server_still_hears_the_client(run):
    async def story(harbour):
        heard = asyncio.get_running_loop().create_future()

        async def speaks_first(reader, writer):
            writer.write(b"welcome")
            writer.write_eof()
            heard.set_result(await reader.read())
            writer.close()

        harbour.balancer.add(await harbour.server(speaks_first))
        reader, writer = await harbour.connect()
        greeting = await reader.read()
        writer.write(b"thank you")
        writer.write_eof()
        return greeting, await heard

    assert run(story, is_http=False) == (b"welcome", b"thank you")


def test_a_slow_reader_slows_its_server_down_and_loses_nothing(run):
    chunk, chunks = b"0123456789abcdef" * 4096, 400
    sent = Counter()

    async def sends_much(reader, writer):
        for _ in range(chunks):
            writer.write(chunk)
            await writer.drain()
            sent["chunks"] += 1
        writer.close()

    async def story(harbour):
        harbour.balancer.add(await harbour.server(sends_much))
        reader, _ = await harbour.connect()
        await asyncio.sleep(0.3)
        before_reading = sent["chunks"]
        return before_reading, await reader.read()

    before_reading, data = run(story, is_http=False)
    assert before_reading < chunks
    assert data == chunk * chunks


def test_a_slow_server_slows_its_client_down_and_loses_nothing(run):
    size = 20_000_000

    async def story(harbour):
        may_read = asyncio.Event()

        async def reads_late(reader, writer):
            await may_read.wait()
            received = 0
            while data := await reader.read(65_536):
                received += len(data)
            writer.write(str(received).encode())
            writer.close()

        harbour.balancer.add(await harbour.server(reads_late))
        reader, writer = await harbour.connect()
        writer.write(b"x" * size)
        writer.write_eof()
        await asyncio.sleep(0.2)
        left = writer.transport.get_write_buffer_size()
        may_read.set()
        return left, await reader.read()

    left, answer = run(story, is_http=False)
    assert left > 0
    assert int(answer) == size


def test_a_connection_under_way_when_the_drain_begins_leaves_after_one_exchange(run):
    async def story(harbour):
        first, second = await harbour.server(named(b"a")), await harbour.server(named(b"b"))
        harbour.balancer.add(first)
        client = await harbour.connect()
        answer = asyncio.create_task(get(*client))
        await harbour.when(lambda: first.opening > 0)
        harbour.balancer.add(second)
        harbour.balancer.drain(first)
        return await answer, await get(*client), first.connections()

    assert run(story) == (b"a", b"b", 0)


def test_a_connection_waits_for_the_first_replica(run):
    async def story(harbour):
        reader, writer = await harbour.connect()
        answer = asyncio.create_task(get(reader, writer))
        await harbour.settle()
        assert harbour.balancer.waiting == 1
        harbour.balancer.add(await harbour.server(named(b"a")))
        return await answer, harbour.balancer.waiting

    assert run(story) == (b"a", 0)


def test_what_a_client_sends_while_it_waits_is_limited_and_not_lost(run):
    body = b"x" * 5_000_000

    async def story(harbour):
        received = asyncio.get_running_loop().create_future()

        async def takes_all(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            received.set_result(await reader.readexactly(len(body)))
            writer.write(http_answer(b"a"))
            writer.close()

        _, writer = await harbour.connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await asyncio.sleep(0.05)
        assert writer.transport.get_write_buffer_size() > 0
        harbour.balancer.add(await harbour.server(takes_all))
        return await received

    assert run(story, waiting_bytes_max=1000) == body


def test_a_connection_that_no_replica_takes_is_ended(run):
    async def story(harbour):
        reader, writer = await harbour.connect()
        writer.write(REQUEST)
        with contextlib.suppress(ConnectionError):
            return await reader.read()
        return b""

    assert run(story, wait_for_replica_ms=50) == b""


def test_a_replica_that_refuses_is_passed_over(run):
    async def story(harbour):
        harbour.balancer.add(Backend(port=1))
        harbour.balancer.add(await harbour.server(named(b"b")))
        return [await get(*await harbour.connect()) for _ in range(3)]

    assert run(story) == [b"b", b"b", b"b"]


def test_more_clients_than_allowed_are_turned_away(run):
    async def story(harbour):
        harbour.balancer.add(await harbour.server(named(b"a")))
        clients = [await harbour.connect() for _ in range(2)]
        answers = [await get(*client) for client in clients]
        with pytest.raises((EOFError, ConnectionError)):
            await get(*await harbour.connect())
        return answers, harbour.balancer.rejected

    assert run(story, connections_max=2) == ([b"a", b"a"], 1)


def test_exchanges_are_counted_over_open_and_ended_connections(run):
    async def story(harbour):
        harbour.balancer.add(await harbour.server(named(b"a")))
        first, second = await harbour.connect(), await harbour.connect()
        for client in (first, first, second):
            await get(*client)
        first[1].close()
        await harbour.settle()
        return harbour.balancer.exchanges, harbour.balancer.accepted, len(harbour.balancer.clients)

    assert run(story) == (3, 2, 1)
