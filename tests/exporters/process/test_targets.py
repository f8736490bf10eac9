from __future__ import annotations

from pathlib import Path

import pytest
from fake_proc import DenyingProcfs, FakeProc, stat_line, tcp_row

from exporters.errors import InvalidPattern, NoSuchTarget
from exporters.process.targets import (
    CommandLineTarget,
    NameTarget,
    PidTarget,
    PortTarget,
    ProcessFinder,
    Target,
    check_all_found,
)
from exporters.procfs.processes import Procfs


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


def found_pids(proc: FakeProc, *targets: Target) -> list[int]:
    return [found.stat.pid for found in ProcessFinder(targets, Procfs(proc.path)).find().processes]


def test_a_pid_that_another_process_got_is_not_the_target(proc: FakeProc) -> None:
    proc.add_process(5, stat_line(5, "web", start_ticks=100))
    finder = ProcessFinder([PidTarget(5)], Procfs(proc.path))
    assert len(finder.find().processes) == 1

    proc.add_process(5, stat_line(5, "web", start_ticks=200))

    assert finder.find().processes == ()


def test_a_pid_target_waits_for_the_first_process_of_that_pid(proc: FakeProc) -> None:
    finder = ProcessFinder([PidTarget(5)], Procfs(proc.path))
    assert finder.find().by_target == {PidTarget(5): 0}

    proc.add_process(5)

    assert finder.find().by_target == {PidTarget(5): 1}


@pytest.mark.parametrize(
    ("name", "command_name", "command"),
    [
        ("nginx", "nginx", ""),
        ("a-very-long-program-name", "a-very-long-pro", ""),
        ("gunicorn", "python3", "/srv/app/bin/gunicorn app:app"),
        ("two words", "two words", ""),
        ("ngin[xy]", "nginx", ""),
        ("(gunicorn|uvicorn)", "python3", "/srv/app/bin/gunicorn app:app"),
        ("(sd-pam)", "(sd-pam)", ""),
        ("c++filt", "c++filt", ""),
    ],
)
def test_a_name_is_the_command_name_or_the_program_file(
    proc: FakeProc, name: str, command_name: str, command: str
) -> None:
    proc.add_process(7, stat_line(7, command_name), command=command)
    proc.add_process(8, stat_line(8, "other"), command="/bin/other gunicorn nginx")

    assert found_pids(proc, NameTarget(name)) == [7]


def test_a_name_matches_the_whole_name(proc: FakeProc) -> None:
    proc.add_process(7, stat_line(7, "nginx-debug"), command="/usr/sbin/nginx-debug")

    assert found_pids(proc, NameTarget("nginx"), NameTarget("ngin.")) == []
    assert found_pids(proc, NameTarget("nginx.*")) == [7]


def test_a_command_line_is_searched_in_all_arguments(proc: FakeProc) -> None:
    proc.add_process(7, stat_line(7, "java"), command="java -jar /srv/shop.jar --port=80")
    proc.add_process(8, stat_line(8, "java"), command="java -jar /srv/bank.jar")

    assert found_pids(proc, CommandLineTarget(r"-jar \S*shop")) == [7]


def test_the_exporter_itself_is_not_what_its_command_line_names(proc: FakeProc) -> None:
    proc.add_process(7, command="plimsoll exporter process --command-line shop.jar")
    proc.add_process(8, command="java -jar shop.jar")

    finder = ProcessFinder([CommandLineTarget("shop.jar")], Procfs(proc.path), own_pid=7)

    assert [found.stat.pid for found in finder.find().processes] == [8]


@pytest.mark.parametrize("target", [NameTarget, CommandLineTarget])
def test_a_pattern_that_is_none_is_refused_with_its_text(target: type[NameTarget] | type[CommandLineTarget]) -> None:
    with pytest.raises(InvalidPattern, match=r"'\(web': missing \), unterminated subpattern"):
        target("(web")


def test_a_name_finds_every_copy(proc: FakeProc) -> None:
    for pid in (7, 8, 9):
        proc.add_process(pid, stat_line(pid, "web"))

    assert found_pids(proc, NameTarget("web")) == [7, 8, 9]


def test_a_port_finds_its_holders_and_names_the_port(proc: FakeProc) -> None:
    proc.write_tcp(tcp_row(80, 1), tcp_row(443, 2))
    proc.add_process(7, sockets=(2, 1))
    proc.add_process(8, sockets=(5,))

    discovery = ProcessFinder([PortTarget(443), PortTarget(80)], Procfs(proc.path)).find()

    assert [(found.stat.pid, found.ports) for found in discovery.processes] == [(7, (80, 443))]
    assert discovery.by_target == {PortTarget(443): 1, PortTarget(80): 1}


def test_a_process_of_several_targets_is_found_once(proc: FakeProc) -> None:
    proc.write_tcp(tcp_row(80, 1))
    proc.add_process(7, stat_line(7, "web"), sockets=(1,))

    assert found_pids(proc, NameTarget("web"), PidTarget(7), PortTarget(80), PortTarget(80)) == [7]


def test_the_oldest_process_comes_first(proc: FakeProc) -> None:
    proc.add_process(7, stat_line(7, "web", start_ticks=900))
    proc.add_process(8, stat_line(8, "web", start_ticks=100))

    assert found_pids(proc, NameTarget("web")) == [8, 7]


def test_a_port_without_a_known_holder_is_told(proc: FakeProc) -> None:
    proc.write_tcp(tcp_row(80, 1))
    proc.add_process(7, sockets=(2,))

    discovery = ProcessFinder([PortTarget(80), PortTarget(81)], Procfs(proc.path)).find()

    assert discovery.ownerless_ports == (80,)
    assert discovery.by_target == {PortTarget(80): 0, PortTarget(81): 0}


@pytest.mark.parametrize("target", [PidTarget(5), NameTarget("nginx")])
def test_a_target_that_may_be_hidden_is_missing_with_that_reason(proc: FakeProc, target: Target) -> None:
    proc.add_process(5, stat_line(5, "nginx"))
    discovery = ProcessFinder([target], DenyingProcfs(proc.path, "stat")).find()

    assert (discovery.by_target, discovery.hidden) == ({target: 0}, 1)
    with pytest.raises(NoSuchTarget, match=r"\(of 1 processes, which this user may not look into, nothing is known\)"):
        check_all_found(discovery)


def test_a_name_is_not_missing_for_processes_whose_open_files_may_not_be_read(proc: FakeProc) -> None:
    proc.write_tcp(tcp_row(80, 1))
    proc.add_process(5, stat_line(5, "web"))
    discovery = ProcessFinder([PortTarget(80), NameTarget("nginx")], DenyingProcfs(proc.path, "fd")).find()

    assert (discovery.unreadable, discovery.hidden) == (1, 0)
    with pytest.raises(
        NoSuchTarget,
        match=r"for port=80 \(something listens there, in a process .* look into\), name=nginx; --wait",
    ):
        check_all_found(discovery)
