"""The service does not start on what it cannot do right, and says why."""

from __future__ import annotations

import pytest
from service_process import run_plimsoll

WRONG = """\
globl: {}
scrape_configs:
- job_name: a
  scheme: ftp
  scrape_interval: fast
- job_name: a
  relabel_configs: [{action: replace, regex: '('}]
"""
PLACES = [
    (1, "globl: unknown key, did you mean global?"),
    (4, "scrape_configs[0].scheme: got 'ftp', want http or https"),
    (5, "scrape_configs[0].scrape_interval: "),
    (6, "scrape_configs[1].job_name: "),
    (7, "scrape_configs[1].relabel_configs[0].regex: "),
]


@pytest.mark.parametrize("command", [("serve", "--config"), ("check", "config")], ids=["serve", "check"])
def test_every_error_of_a_configuration_is_said_at_once(tmp_path, command):
    file = tmp_path / "wrong.yml"
    file.write_text(WRONG)
    options = ["--data", tmp_path / "data", "--listen", "127.0.0.1:0"] if command[0] == "serve" else []

    done = run_plimsoll(*command, file, *options)

    assert done.returncode == 1
    missing = [place for place in PLACES if f"{file}:{place[0]}: {place[1]}" not in done.stderr]
    assert missing == []
    assert "Traceback" not in done.stderr


def test_a_wrong_rule_file_is_an_error_at_the_start(tmp_path):
    (tmp_path / "rules.yml").write_text("groups:\n- name: g\n  rules:\n  - {record: a, expr: 'sum('}\n")
    (tmp_path / "p.yml").write_text("rule_files: [rules.yml]\n")

    done = run_plimsoll("serve", "--config", tmp_path / "p.yml", "--data", tmp_path / "data", "--listen", "127.0.0.1:0")

    assert done.returncode == 1
    assert f"{tmp_path / 'rules.yml'}:4: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--version",), 0),
        (("check", "config", "none.yml"), 1),
        (("serve", "--config", "none.yml"), 1),
        (("serve", "--listen", "nowhere"), 2),
        (("sail",), 2),
    ],
    ids=str,
)
def test_exit_codes(arguments, code):
    assert run_plimsoll(*arguments).returncode == code


def test_a_second_server_on_one_data_directory_says_who_holds_it(service):
    done = run_plimsoll(
        "serve", "--config", service.config_file, "--data", service.data, "--listen", "127.0.0.1:0"
    )  # fmt: skip

    assert done.returncode == 1
    assert f"{service.data}: the data directory is held by pid {service.pid} on " in done.stderr
    assert service.client.request("GET", "/-/healthy").status == 200


def test_a_port_in_use_is_named(tmp_path, service):
    address = service.client.url.removeprefix("http://")

    done = run_plimsoll(
        "serve", "--config", service.config_file, "--data", tmp_path / "data", "--listen", address
    )  # fmt: skip

    assert done.returncode == 1
    assert f"{address}: cannot be listened at: Address already in use" in done.stderr
