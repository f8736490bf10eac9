"""The dashboards are what Grafana takes, and every query of theirs is answered by a service that watches the fleet.

What is scraped was recorded from the seven servers of the fleet, from the probe and connections exporters, and is the
service itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from growing_expositions import growing_expositions
from memory_reader import MemoryReader
from service_process import ServiceProcess, running_service, wait_until

from deploy.fleet.servers import SERVERS
from monitor.clock import SystemClock
from monitor.model.frame import Frame
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits
from monitor.promql.syntax.parse import parse_expression

ROOT = Path(__file__).parents[3]
GRAFANA = ROOT / "dashboards" / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
RECORDED = (ROOT / "tests" / "monitor" / "scrape" / "vocabulary" / "recorded", Path(__file__).parent / "recorded")
RULES = ROOT / "alerts" / "rule_files"
ANSWERED_SECONDS = 60

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def dashboard(file: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(file.read_text())
    return read


def panels(file: Path) -> list[dict[str, Any]]:
    """Those that show something."""
    return [panel for panel in dashboard(file)["panels"] if panel["type"] != "row"]


def expressions(file: Path, titles: str = "") -> list[str]:
    """The queries of panels whose title matches, their variables replaced as Grafana does, with All chosen in each."""
    shown = [panel for panel in panels(file) if re.search(titles, panel["title"])]
    texts = [target["expr"] for panel in shown for target in panel["targets"]]
    values = {"$__rate_interval": "30s", "$job": ".*", "$instance": ".*"}
    return [re.sub(r"\$\w+", lambda name: values[name[0]], text) for text in texts]


def variables(file: Path) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in dashboard(file)["templating"]["list"]}


def configuration(port: int, own_targets: Path) -> str:
    """A job for each server of the fleet, one for each exporter, and the service itself."""
    jobs: list[dict[str, Any]] = [
        {
            "job_name": server.name,
            "metrics_path": f"/fleet_{server.name}",
            "vocabulary": True,
            "static_configs": [
                {
                    "targets": [f"127.0.0.1:{port}"],
                    "labels": {"runtime": server.runtime, "framework": server.framework},
                }
            ],
        }
        for server in SERVERS
    ]
    jobs += [
        {"job_name": name, "metrics_path": f"/{name}", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        for name in ("probe", "connections")
    ]
    discovered = [{"files": [str(own_targets)], "refresh_interval": "1s"}]
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES / f"{name}.yml") for name in ("http", "runtime", "process", "target")],
            "scrape_configs": [*jobs, {"job_name": "plimsoll", "file_sd_configs": discovered}],
        }
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("dashboards")
    own_targets = folder / "own.json"
    own_targets.write_text("[]")
    texts = {file.stem: file.read_text() for recorded in RECORDED for file in recorded.glob("*.txt")}
    with growing_expositions(texts) as port, running_service(folder, configuration(port, own_targets)) as service:
        own_targets.write_text(json.dumps([{"targets": [service.client.url.removeprefix("http://")]}]))
        yield service


@each_file
def test_every_query_is_answered(service: ServiceProcess, file: Path) -> None:
    unanswered = set(expressions(file))

    def are_answered() -> bool:
        for expression in list(unanswered):
            result = service.client.get("query", query=expression).data["result"]
            if any(series["value"][1] != "NaN" for series in result):
                unanswered.remove(expression)
        return not unanswered

    try:
        wait_until(are_answered, ANSWERED_SECONDS, 1)
    except AssertionError:
        assert unanswered == set()


@each_file
def test_every_query_parses(file: Path) -> None:
    for expression in expressions(file):
        parse_expression(expression)


# A log of which some lines have a duration, and a server that has no counter: 100 and 10 requests a second.
REQUESTS = """
load 10s
  http_server_requests_total{job="shop", instance="log", http_response_status_code="500", http_route="/"} 0+1000x6
  http_server_request_duration_seconds_count{job="shop", instance="log", http_response_status_code="200"} 7x6
  http_server_request_duration_seconds_count{job="shop", instance="server", http_response_status_code="200"} 0+100x6
"""


@pytest.mark.parametrize("name", ["fleet", "go", "node", "process"])
def test_each_request_is_shown_once_whether_a_counter_or_a_histogram_tells_it(name: str) -> None:
    reader = MemoryReader()
    reader.load(REQUESTS)
    engine = Engine(QueryLimits(), Features(), SystemClock())
    shown = expressions(GRAFANA / "dashboards" / f"{name}.json", "^Requests($| by )")

    assert len(shown) == 2
    for expression in shown:
        value = engine.instant(engine.plan(expression), 60_000, reader).value
        assert isinstance(value, Frame)
        assert value.values.sum() == pytest.approx(110), expression


@each_file
def test_a_choice_of_job_and_instance_leaves_out_the_others(file: Path) -> None:
    chosen = variables(file)

    assert list(chosen) == ["datasource", "job", "instance"]
    assert chosen["datasource"]["type"] == "datasource"
    assert 'job=~"$job"}' in chosen["instance"]["definition"]


@each_file
def test_panels_have_ids_units_titles_and_places_of_their_own(file: Path) -> None:
    ids = [panel["id"] for panel in dashboard(file)["panels"]]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels(file)]

    assert len(set(ids)) == len(ids)
    assert len(set(places)) == len(places)
    for panel in panels(file):
        assert panel["title"], panel["id"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


def test_every_dashboard_has_a_uid_and_a_title_of_its_own() -> None:
    found = [dashboard(file) for file in FILES]

    assert len({each["uid"] for each in found}) == len({each["title"] for each in found}) == len(FILES) == 5
    assert all(each["uid"].startswith("plimsoll-") and len(each["uid"]) <= 40 for each in found)


def test_the_dashboard_of_the_fleet_shows_every_figure_of_the_comparison() -> None:
    titles = {panel["title"] for panel in panels(GRAFANA / "dashboards" / "fleet.json")}

    wanted = {"Requests", "Average latency", "p99 latency", "Memory", "CPU", "Error ratio", "Throughput"}
    assert wanted | {"Connection set-up", "Connection reuse", "GC pauses"} <= titles


def test_provisioning_names_a_prometheus_data_source_and_the_folder_that_the_documentation_mounts() -> None:
    source = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "plimsoll.yml").read_text())["datasources"][0]
    provider = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "plimsoll.yml").read_text())["providers"][0]

    assert (source["type"], source["url"]) == ("prometheus", "http://127.0.0.1:9090")
    assert provider["options"]["path"] in (ROOT / "docs" / "dashboards.md").read_text()
