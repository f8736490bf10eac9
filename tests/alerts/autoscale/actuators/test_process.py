"""Real replicas of a real server: scaled under load, killed, orphaned, adopted, drained."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import sys
from collections import Counter
from dataclasses import replace

import pytest
from fleets import SERVER, fleet_in, fleet_of, fleet_settings, is_gone, kill, order, owner_of, ready, status_when, until
from http_load import HttpLoad, get_once
from prometheus_client import CollectorRegistry
from scaling_fakes import FakeQuery, services

from alerts.autoscale.actuators.actuator import ReplicaCount
from alerts.autoscale.actuators.process import ProcessFleet
from alerts.autoscale.control_loop import PolicyLoop
from alerts.autoscale.history import Outcome
from alerts.autoscale.policy import Policy
from alerts.autoscale.processes.state_file import StateDirectory
from monitor.clock import SystemClock
from monitor.errors import DeliveryError


def story(function):
    """An async test that pytest can run."""

    @functools.wraps(function)
    def run(*args, **kwargs):
        asyncio.run(function(*args, **kwargs))

    return run


def pids(status) -> set[int]:
    return {replica.pid for replica in status.replicas}


@story
async def test_scaling_1_to_4_to_2_under_load_fails_no_request(tmp_path):
    async with fleet_in(tmp_path) as fleet:
        await fleet.apply(order(1))
        one = await ready(fleet, 1)
        async with HttpLoad(one.listen_port, connections=16).running() as load:
            await load.answered(500)
            await fleet.apply(order(4))
            four = await ready(fleet, 4)
            await load.answered(2000)
            await fleet.apply(order(2))
            two = await ready(fleet, 2)
            await load.answered(500)
        assert load.failures == []
        assert len(load.bodies) == 4
        assert pids(one) <= pids(four)
        assert pids(two) < pids(four)
        for pid in pids(four) - pids(two):
            assert is_gone(pid)


@story
async def test_long_lived_connections_use_new_replicas_too(tmp_path):
    async with fleet_in(tmp_path) as fleet:
        await fleet.apply(order(1))
        status = await ready(fleet, 1)
        async with HttpLoad(status.listen_port, connections=8).running() as load:
            await load.answered(50)
            await fleet.apply(order(2))
            await ready(fleet, 2)
            await load.answered(500)
            status = await fleet.status()
        assert [replica.connections for replica in status.replicas] == [4, 4]


@story
async def test_a_slow_request_is_answered_while_its_replica_drains(tmp_path):
    async with fleet_in(tmp_path) as fleet:
        await fleet.apply(order(1))
        port = (await ready(fleet, 1)).listen_port
        slow = asyncio.create_task(get_once(port, "/slow"))
        await asyncio.sleep(0.1)
        await fleet.apply(order(0))
        assert (await slow).split()[1] == b"1"
        await ready(fleet, 0)


@story
async def test_a_killed_replica_is_replaced_and_the_others_go_on(tmp_path):
    async with fleet_in(tmp_path) as fleet:
        await fleet.apply(order(3))
        before = await ready(fleet, 3)
        async with HttpLoad(before.listen_port, connections=6).running() as load:
            await load.answered(100)
            kill(before.replicas[1].pid)
            await until(lambda: is_gone(before.replicas[1].pid))
            after = await ready(fleet, 3)
            await load.answered(500)
        assert len(load.failures) <= 2
        assert (after.replicas[1].failures, after.replicas[1].last_exit) == (1, "ended by SIGKILL")
        assert pids(before) & pids(after) == {before.replicas[0].pid, before.replicas[2].pid}


@story
async def test_when_the_owner_is_killed_nothing_is_left_after_the_grace(tmp_path):
    async with fleet_in(tmp_path, owner_grace_ms=200):
        with owner_of(tmp_path, 3) as owner:
            observer = fleet_of(tmp_path, may_start=False)
            status = await ready(observer, 3)
            await observer.close()
            await asyncio.sleep(0.4)
            assert not is_gone(status.keeper_pid)
            owner.kill()
            owner.wait()
        await until(lambda: all(is_gone(pid) for pid in pids(status)))
        await until(lambda: is_gone(status.keeper_pid))


@story
async def test_a_new_owner_finds_everything_running_and_no_request_has_failed(tmp_path):
    async with fleet_in(tmp_path, owner_grace_ms=5_000) as fleet:
        with owner_of(tmp_path, 2) as owner:
            observer = fleet_of(tmp_path, may_start=False)
            before = await ready(observer, 2)
            await observer.close()
            async with HttpLoad(before.listen_port, connections=4).running() as load:
                await load.answered(50)
                owner.kill()
                owner.wait()
                assert await fleet.observe() == ReplicaCount(2, 2)
                await fleet.apply(order(3))
                after = await ready(fleet, 3)
                await load.answered(50)
        assert load.failures == []
        assert pids(before) < pids(after)
        assert before.keeper_pid == after.keeper_pid


@story
async def test_when_the_keeper_is_killed_its_replicas_die_and_another_takes_over(tmp_path):
    async with fleet_in(tmp_path) as fleet:
        await fleet.apply(order(2))
        before = await ready(fleet, 2)
        kill(before.keeper_pid)
        await until(lambda: all(is_gone(pid) for pid in pids(before)))
        await until(lambda: is_gone(before.keeper_pid))
        after = await ready(fleet, 2)
        assert pids(before).isdisjoint(pids(after))
        assert await get_once(after.listen_port)


@story
async def test_what_replicas_started_is_ended_by_the_next_keeper(tmp_path):
    """The kernel kills the replicas of a killed keeper, but not their children."""
    async with fleet_in(tmp_path) as fleet:
        await fleet.apply(order(1))
        status = await ready(fleet, 1)
        child_pid = int(await get_once(status.listen_port, "/child"))
        kill(status.keeper_pid)
        await until(lambda: is_gone(status.replicas[0].pid))
        await until(lambda: is_gone(child_pid))


@story
async def test_what_replicas_started_is_ended_with_the_fleet(tmp_path):
    async with fleet_in(tmp_path) as fleet:
        await fleet.apply(order(1))
        status = await ready(fleet, 1)
        child_pid = int(await get_once(status.listen_port, "/child"))
        await fleet.end()
        await until(lambda: is_gone(status.keeper_pid))
        assert is_gone(child_pid)
        assert await fleet.observe() == ReplicaCount(0, 0)


@story
async def test_a_port_that_another_program_has_is_left_alone(tmp_path):
    async with fleet_in(tmp_path) as fleet:
        taken = StateDirectory(tmp_path / "fleet").read_settings().ports[0]
        with socket.create_server(("127.0.0.1", taken)):
            await fleet.apply(order(2))
            status = await ready(fleet, 2)
            assert taken not in {replica.port for replica in status.replicas}


@story
async def test_replicas_are_listed_for_service_discovery(tmp_path):
    async with fleet_in(tmp_path) as fleet:
        await fleet.apply(order(2))
        status = await ready(fleet, 2)
        groups = json.loads((tmp_path / "targets.json").read_text())
        assert [group["labels"]["replica"] for group in groups] == ["1", "2"]
        targets = [group["targets"][0] for group in groups]
        assert targets == [f"127.0.0.1:{replica.port}" for replica in status.replicas]
        await fleet.apply(order(0))
        await ready(fleet, 0)
        await until(lambda: json.loads((tmp_path / "targets.json").read_text()) == [])


@story
async def test_a_command_that_fails_is_tried_again_later_and_says_why(tmp_path):
    script = "import sys; print('no configuration'); sys.exit(7)"
    async with fleet_in(tmp_path, command=(sys.executable, "-S", "-c", script)) as fleet:
        await fleet.apply(order(1))
        status = await status_when(fleet, lambda status: any(r.failures >= 2 for r in status.replicas))
        assert status.ready == 0
        assert status.replicas[0].last_exit == "exited with code 7"
        assert "no configuration\n" in await fleet.log(1)


@story
async def test_a_command_that_does_not_exist_says_so(tmp_path):
    async with fleet_in(tmp_path, command=("/nowhere/to/be/found",)) as fleet:
        await fleet.apply(order(1))
        status = await status_when(fleet, lambda status: any(r.last_exit for r in status.replicas))
        assert "cannot be started" in status.replicas[0].last_exit


@story
async def test_a_replica_that_ignores_sigterm_is_killed(tmp_path):
    script = (
        "import signal, socket, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "server = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "time.sleep(60)"
    )
    command = (sys.executable, "-S", "-c", script, "{port}")
    async with fleet_in(tmp_path, command=command, end_timeout_ms=100) as fleet:
        await fleet.apply(order(1))
        status = await ready(fleet, 1)
        await fleet.apply(order(0))
        await ready(fleet, 0)
        assert is_gone(status.replicas[0].pid)


@story
async def test_a_new_command_replaces_all_replicas_without_a_failed_request(tmp_path):
    async with fleet_in(tmp_path) as fleet:
        await fleet.apply(order(2))
        before = await ready(fleet, 2)
        directory = StateDirectory(tmp_path / "fleet")
        command = (sys.executable, "-S", "-E", str(SERVER), "{port}", "--new")
        renewed = ProcessFleet(replace(directory.read_settings(), command=command), directory, SystemClock())
        async with HttpLoad(before.listen_port, connections=4).running() as load:
            await load.answered(50)
            assert await renewed.observe() == ReplicaCount(2, 2)
            await until(lambda: all(is_gone(pid) for pid in pids(before)))
            after = await ready(renewed, 2)
            await load.answered(50)
        assert load.failures == []
        assert before.keeper_pid == after.keeper_pid
        await renewed.close()


@story
async def test_more_replicas_than_ports_are_refused(tmp_path):
    async with fleet_in(tmp_path) as fleet:
        with pytest.raises(DeliveryError, match="got 7 replicas, want 0 to 6"):
            await fleet.apply(order(7))


@story
async def test_a_public_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with fleet_in(tmp_path, listen_port=port) as fleet:
            with pytest.raises(DeliveryError, match=f"cannot listen on 127.0.0.1:{port}"):
                await fleet.apply(order(1))


@story
async def test_a_dry_run_starts_nothing_and_ends_nothing(tmp_path):
    async with fleet_in(tmp_path, owner_grace_ms=200) as fleet:
        spectator = fleet_of(tmp_path, may_start=False)
        assert await spectator.observe() is None
        await fleet.apply(order(1))
        await ready(fleet, 1)
        await fleet.close()
        assert await spectator.observe() == ReplicaCount(1, 1)
        await asyncio.sleep(0.5)
        assert await spectator.observe() == ReplicaCount(1, 1)
        await spectator.close()


@story
async def test_a_state_directory_may_be_deeper_than_the_address_of_a_socket_is_long(tmp_path):
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    async with fleet_in(deep) as fleet:
        await fleet.apply(order(1))

        assert len((await ready(fleet, 1)).replicas) == 1


def test_a_state_directory_that_cannot_be_made_is_an_error_of_the_world(tmp_path):
    (tmp_path / "file").write_text("")
    fleet = ProcessFleet(fleet_settings(tmp_path), StateDirectory(tmp_path / "file" / "fleet"), SystemClock())
    with pytest.raises(DeliveryError, match="cannot be started"):
        asyncio.run(fleet.apply(order(1)))


@story
async def test_a_policy_runs_the_replicas_that_its_metric_asks_for(tmp_path):
    policy = Policy(name="web", expression="load", target=100, max_replicas=6, dry_run=False)
    query = FakeQuery()
    async with fleet_in(tmp_path) as fleet:
        with services(tmp_path, SystemClock(), query, CollectorRegistry()) as shared:
            loop = PolicyLoop(policy, fleet, shared)
            assert (await loop.tick()).desired == 1
            await ready(fleet, 1)
            query.answers["load"] = 250.0
            assert (await loop.tick()).desired == 3
            await ready(fleet, 3)
            query.answers["load"] = 10.0
            assert (await loop.tick()).desired == 3
            assert [stored.outcome for stored in shared.history.page("web", 9)] == [Outcome.APPLIED, Outcome.APPLIED]


@story
async def test_connections_spread_evenly_over_the_replicas(tmp_path):
    async with fleet_in(tmp_path) as fleet:
        await fleet.apply(order(3))
        port = (await ready(fleet, 3)).listen_port
        async with HttpLoad(port, connections=9).running() as load:
            await load.answered(300)
            status = await fleet.status()
        assert Counter(replica.connections for replica in status.replicas) == {3: 3}
