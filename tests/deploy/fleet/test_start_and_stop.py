"""`start` starts what is missing, `stop` ends exactly that, and no request is cut off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from live_fleet import ROOT, LiveFleet, left_out_in, run_fleet, start_fleet, targets_in
from raw_http import RawConnection

from alerts.autoscale.processes.spawn import identify, is_alive
from deploy.fleet.servers import SERVERS, Place
from deploy.fleet.state import (
    DEFAULT_FOLDER,
    REPORT_DEFAULT_FOLDER,
    Files,
    RunningServer,
    fleet_of_report,
    locked,
    read_running,
    write_running,
)
from monitor.config.load import load_config


def test_the_files_for_a_monitor_name_every_server(fleet: LiveFleet) -> None:
    groups = targets_in(fleet.folder)

    assert [group["labels"]["server"] for group in groups] == list(fleet.servers)
    for group, live in zip(groups, fleet.servers.values(), strict=True):
        assert group["targets"] == [f"127.0.0.1:{live.running.place.metrics_port}"]
        assert group["labels"]["runtime"] == live.server.runtime
        assert group["labels"]["framework"] == live.server.framework


def test_the_configuration_is_one_that_plimsoll_takes(fleet: LiveFleet) -> None:
    config = load_config(fleet.folder / "plimsoll.yml")

    assert [job.job_name for job in config.scrape_configs] == ["fleet"]


def test_starting_again_changes_nothing(fleet: LiveFleet) -> None:
    before = (fleet.folder / "fleet.json").read_text()

    again = run_fleet("start", fleet.folder, "--first-port", "0")

    assert again.returncode == 0
    assert (fleet.folder / "fleet.json").read_text() == before


def test_stop_lets_open_requests_end_and_takes_no_more(tmp_path: Path) -> None:
    started = start_fleet(tmp_path)
    ports = [live.port for live in started.servers.values()]
    connections = [RawConnection(port) for port in ports]
    for connection in connections:
        connection.send("/slow?ms=1500")

    stopped = run_fleet("stop", tmp_path)

    assert [connection.read_answer().status for connection in connections] == [200] * len(ports)
    assert stopped.stdout.count(" stopped\n") == len(ports), stopped.stdout
    for connection, port in zip(connections, ports, strict=True):
        connection.close()
        with pytest.raises(ConnectionRefusedError):
            RawConnection(port)
    assert targets_in(tmp_path) == []


def test_stop_leaves_a_process_that_got_the_id_of_a_server(tmp_path: Path) -> None:
    files = Files(tmp_path, tmp_path)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        try:
            process = identify(other.pid)
            assert process is not None
            write_running(files, [RunningServer("gin", process, Place(1, 1))])
            # As if the server that was noted had started earlier than the process that has its id now.
            state = json.loads(files.state.read_text())
            state["servers"][0]["process"]["start_ticks"] -= 1
            files.state.write_text(json.dumps(state))

            stopped = run_fleet("stop", tmp_path)

            assert stopped.stdout == "nothing of the fleet runs\n"
            assert is_alive(process)
        finally:
            other.kill()


def test_a_state_of_before_the_machine_started_is_of_no_process(tmp_path: Path) -> None:
    files = Files(tmp_path, tmp_path)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        try:
            process = identify(other.pid)
            assert process is not None
            write_running(files, [RunningServer("gin", process, Place(1, 1))])
            assert [server.name for server in read_running(files)] == ["gin"]
            files.state.write_text(json.dumps({**json.loads(files.state.read_text()), "boot": "another"}))

            assert read_running(files) == []
        finally:
            other.kill()


def test_stop_ends_what_a_report_that_was_killed_has_left(tmp_path: Path) -> None:
    files = Files(fleet_of_report(tmp_path / REPORT_DEFAULT_FOLDER), tmp_path)
    files.folder.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as left:
        process = identify(left.pid)
        assert process is not None
        write_running(files, [RunningServer("plimsoll", process, Place(0, 0))])

        stopped = stop_without_folder(tmp_path)

        assert (stopped.returncode, stopped.stdout) == (0, "plimsoll   stopped\n")
        assert left.wait() == -signal.SIGTERM
    assert read_running(files) == []
    assert not (tmp_path / DEFAULT_FOLDER).exists()


def test_stop_passes_by_a_folder_that_another_command_is_at_work_in(tmp_path: Path) -> None:
    fleet, of_report = tmp_path / DEFAULT_FOLDER, fleet_of_report(tmp_path / REPORT_DEFAULT_FOLDER)
    of_report.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as left:
        process = identify(left.pid)
        assert process is not None
        write_running(Files(of_report, tmp_path), [RunningServer("plimsoll", process, Place(0, 0))])

        with locked(Files(fleet, tmp_path)):
            stopped = stop_without_folder(tmp_path)

        assert (stopped.returncode, stopped.stdout) == (1, "plimsoll   stopped\n")
        assert "build/fleet: another command is at work there" in stopped.stderr
        assert left.wait() == -signal.SIGTERM


def stop_without_folder(working_folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.fleet.main", "stop"],
        cwd=working_folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_does_not_wait_for_another_one_in_its_folder(tmp_path: Path) -> None:
    with locked(Files(tmp_path, tmp_path)):
        stopped = run_fleet("stop", tmp_path)

    assert (stopped.returncode, stopped.stderr) == (
        1,
        f"error: {tmp_path}: another command is at work there, wait for its end\n",
    )


def test_a_damaged_state_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "fleet.json").write_text("{}")

    stopped = run_fleet("stop", tmp_path)

    assert stopped.returncode == 1
    assert "fleet.json: not a state file of the fleet" in stopped.stderr
    assert "Traceback" not in stopped.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    started = run_fleet("start", tmp_path, "--only", "node-std", "--first-port", "0")
    try:
        if "left out" in started.stderr:
            pytest.skip(started.stderr)
        [running] = read_running(Files(tmp_path, tmp_path))
        # node-std is the last of the servers, each has the port after its predecessor's.
        first_port = running.place.port - (len(SERVERS) - 1)

        second = run_fleet("start", tmp_path / "second", "--only", "node-std", "--first-port", str(first_port))

        assert second.returncode == 1
        assert f"node-std: port {running.place.port}: Address already in use" in second.stderr
        assert read_running(Files(tmp_path / "second", tmp_path)) == []
    finally:
        run_fleet("stop", tmp_path)


def test_an_unknown_server_is_refused(tmp_path: Path) -> None:
    started = run_fleet("start", tmp_path, "--only", "nginx")

    assert started.returncode == 2
    assert "got nginx, want some of tokio" in " ".join(started.stderr.split())


def test_a_machine_without_toolchains_is_told_how_to_get_them(tmp_path: Path) -> None:
    started = run_fleet("start", tmp_path, PATH=str(tmp_path))

    left_out = left_out_in(started.stderr)
    assert started.returncode == 0
    assert set(left_out) == {server.name for server in SERVERS}
    assert left_out["gin"] == "go is not on the PATH; want Go >= 1.26: https://go.dev/dl"
    assert targets_in(tmp_path) == []
