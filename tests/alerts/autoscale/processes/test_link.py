"""The service's end of a keeper's socket, against keepers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from alerts.autoscale.processes.link import KeeperLink
from monitor.errors import DeliveryError


def with_keeper(serve, story, tmp_path):
    """Runs `story` with a link to a socket that `serve` answers on."""

    async def run():
        server = await asyncio.start_unix_server(serve, tmp_path / "keeper.sock")
        async with server:
            link = await KeeperLink.open(tmp_path / "keeper.sock")
            try:
                return await story(link)
            finally:
                await link.close()

    return asyncio.run(run())


def replying(line: bytes):
    async def serve(reader, writer):
        while await reader.readline():
            writer.write(line)
        writer.close()

    return serve


async def silent(reader, writer):
    await reader.read()
    writer.close()


async def hangs_up(reader, writer):
    await reader.readline()
    writer.close()


def test_where_nobody_listens_there_is_no_link(tmp_path):
    assert asyncio.run(KeeperLink.open(tmp_path / "keeper.sock")) is None


@pytest.mark.parametrize(
    ("serve", "message"),
    [
        (replying(b'{"error": "the keeper is ending"}\n'), "the keeper refuses: the keeper is ending"),
        (replying(b'{"status": {"policy": "web"}}\n'), "the keeper is of another version"),
        (hangs_up, "the keeper has gone"),
    ],
    ids=["refuses", "another version", "hangs up"],
)
def test_what_goes_wrong_is_a_delivery_error(serve, message, tmp_path):
    with pytest.raises(DeliveryError, match=message):
        with_keeper(serve, lambda link: link.ask("status"), tmp_path)


def test_a_question_that_was_given_up_breaks_the_link(tmp_path):
    """Otherwise its late answer would be taken for that to the next question."""

    async def story(link):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(link.ask("status"), 0.05)
        assert link.is_broken
        with pytest.raises(DeliveryError, match="the keeper has gone"):
            await link.ask("status")

    with_keeper(silent, story, tmp_path)


def test_the_end_of_a_keeper_is_noticed_without_a_question(tmp_path):
    async def ends(reader, writer):
        writer.close()

    async def story(link):
        await asyncio.wait_for(link.wait_broken(), 5)

    with_keeper(ends, story, tmp_path)
