from __future__ import annotations

import json
import socket

import pytest
import typer
from typer.testing import CliRunner

from monitor.cli.demo import conclude
from monitor.cli.main import build_app
from monitor.demo.report import Report
from monitor.errors import DemoError

CLOSED = Report(4.0, 4.1, 5, True, 1, 0.15, 2.2, 0.16)


@pytest.mark.parametrize("seconds", ["59", "0", "-1", "nan", "inf"])
def test_a_story_that_is_too_short_is_refused_with_the_least(seconds):
    result = CliRunner().invoke(build_app(), ["demo", "--seconds", seconds])

    assert result.exit_code == 2
    assert "60" in result.output


def test_a_file_that_could_not_be_written_at_the_end_is_refused_at_the_start(tmp_path):
    result = CliRunner().invoke(build_app(), ["demo", "--seconds", "60", "--json", str(tmp_path / "gone" / "f.json")])

    assert result.exit_code == 2
    assert "--json" in result.output


def test_an_address_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        listen = f"127.0.0.1:{server.getsockname()[1]}"
        result = CliRunner().invoke(build_app(), ["demo", "--seconds", "60", "--listen", listen])

    assert isinstance(result.exception, DemoError)
    assert listen in str(result.exception)


def test_a_closed_loop_is_printed_as_json(capsys):
    conclude([CLOSED])

    assert json.loads(capsys.readouterr().out)["replicas_max"] == 5


def test_a_loop_that_did_not_close_is_an_error_that_says_what_is_missing():
    with pytest.raises(DemoError, match="Not seen: the alert fired"):
        conclude([Report(None, None, 1, False, 0, 0.1, 0.1, 0.1)])


def test_an_interruption_before_the_end_has_an_exit_code_of_its_own():
    with pytest.raises(typer.Exit) as raised:
        conclude([])

    assert raised.value.exit_code == 130
