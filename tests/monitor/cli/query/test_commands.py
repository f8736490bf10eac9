"""`plimsoll query` against a real server."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import orjson
import pytest
from api_server import ApiClient, open_context, serving
from api_story import END, story
from click.testing import Result
from typer.testing import CliRunner

from monitor.cli.main import build_app
from monitor.config.settings import Limits

AT = ("--time", str(END))
RANGE = ("--start", str(END - 600), "--end", str(END), "--step", "1m")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiClient]:
    directory = tmp_path_factory.mktemp("query")
    with open_context(directory, Limits(query_window_samples=400)) as context, serving(context) as client:
        assert client.write(story()).status == 204
        yield client


def run(server: ApiClient, *arguments: str) -> Result:
    return CliRunner().invoke(build_app(), ["query", *arguments, "--server", server.url])


def csv_rows(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_an_instant_query_is_a_table(server):
    result = run(server, "instant", 'up{job="api"}', *AT)

    assert result.exit_code == 0
    assert 'up{instance="10.0.0.1:80", job="api"}' in result.stdout
    assert result.stdout.split()[:2] == ["series", "value"]


def test_json_is_the_data_of_the_answer(server):
    result = run(server, "instant", "up", *AT, "--json")

    assert orjson.loads(result.stdout) == server.get("query", query="up", time=str(END)).data


def test_csv_has_a_column_for_each_label(server):
    rows = csv_rows(run(server, "instant", "up", *AT, "--csv"))

    assert rows[0].keys() == {"time", "__name__", "instance", "job", "value"}
    assert {row["value"] for row in rows} <= {"0", "1"}


@pytest.mark.parametrize(("query", "shown"), [("1 + 1", "2"), ("'a' ", "a"), ("nothing", "series")])
def test_every_type_of_result_is_shown(server, query, shown):
    assert shown in run(server, "instant", query, *AT).stdout


def test_samples_of_a_range_vector_are_listed_with_their_times(server):
    result = run(server, "instant", 'up{job="api"}[1m]', *AT)

    assert result.stdout.split()[:3] == ["series", "time", "value"]
    assert result.stdout.count("Z ") > 2


def test_a_range_query_is_a_chart_for_each_series(server):
    result = run(server, "range", "time() % 300", *RANGE)

    (line,) = [line for line in result.stdout.splitlines() if "█" in line]
    assert "▁" in line
    assert "11 steps" in result.stdout


def test_a_range_query_is_csv_with_a_line_for_each_point(server):
    rows = csv_rows(run(server, "range", "sum(up)", *RANGE, "--csv"))

    assert len(rows) == 11
    assert rows[-1]["time"].endswith("Z")


def test_series_are_listed(server):
    window = ("--start", str(END - 600), "--end", str(END))
    result = run(server, "series", "up", 'http_requests_total{job="api"}', *window)
    limited = run(server, "series", "up", *window, "--limit", "1")

    assert 'up{instance="10.0.0.1:80", job="api"}' in result.stdout.splitlines()
    assert "http_requests_total{" in result.stdout
    assert (len(limited.stdout.splitlines()), limited.stderr) == (1, "warning: results truncated due to limit\n")


def test_labels_and_their_values_are_listed(server):
    window = ("--start", str(END - 600), "--end", str(END))

    assert {"__name__", "instance", "job"} <= set(run(server, "labels", *window).stdout.split())
    assert "api" in run(server, "labels", "job", "--match", "up", *window).stdout.split()
    assert csv_rows(run(server, "labels", "job", *window, "--csv"))[0].keys() == {"job"}
    assert "api" in orjson.loads(run(server, "labels", "job", *window, "--json").stdout)


def test_explain_is_a_tree_with_series_samples_and_times(server):
    result = run(server, "explain", "sum by (job) (rate(up[2m]))", *RANGE)

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert [line.strip(" │└─├").split()[0] for line in lines[:3]] == ["sum", "rate()", "up[2m]"]
    assert "series, about" in lines[2]
    assert "in windows" in lines[2]
    assert "ms (" in lines[0]
    assert "looked at in" in lines[3]


def test_explain_without_evaluation_only_estimates(server):
    result = run(server, "explain", "sum(up)", *AT, "--no-analyze")

    assert "at most 1 series" in result.stdout
    assert "ms" not in result.stdout


def test_explain_of_what_would_be_refused_is_a_query_error(server):
    result = run(server, "explain", "max_over_time(up[10m])", *RANGE)

    assert (result.exit_code, "(query_window_samples)" in result.stderr) == (1, True)
    assert "max_over_time()" in result.stdout


@pytest.mark.parametrize("verb", ["instant", "range", "explain"])
def test_a_wrong_query_ends_with_1_and_its_position(server, verb):
    result = run(server, verb, "up{")

    assert result.exit_code == 1
    assert "1:4: parse error" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("instant",),
        ("instant", "up", "--time", "yesterday"),
        ("range", "up", "--start", "now", "--end", "1h"),
        ("range", "up", "--step", "0"),
        ("range", "up", "--step", "x"),
        ("instant", "up", "--json", "--csv"),
        ("series",),
        ("labels", "--limit", "-1"),
    ],
)
def test_wrong_usage_ends_with_2(server, arguments):
    assert run(server, *arguments).exit_code == 2


def test_a_url_that_is_none_is_wrong_usage():
    assert CliRunner().invoke(build_app(), ["query", "instant", "up", "--server", "example"]).exit_code == 2


def test_no_server_ends_with_3():
    result = CliRunner().invoke(build_app(), ["query", "instant", "up", "--server", "http://127.0.0.1:1"])

    assert result.exit_code == 3
    assert "http://127.0.0.1:1/api/v1/query" in result.stderr


@pytest.mark.parametrize("verb", ["instant", "range", "series", "labels", "explain"])
def test_every_verb_has_help_with_an_example(verb):
    result = CliRunner().invoke(build_app(), ["query", verb, "--help"], terminal_width=200)

    assert "Example: plimsoll query" in result.output
