from __future__ import annotations

from collections.abc import Iterator

import pytest
from little_server import LittleServer, response
from ordinary_config import ordinary_config
from service_process import ServiceProcess, running_service
from threaded_server import threaded_server


@pytest.fixture(scope="package")
def target() -> Iterator[LittleServer]:
    """Something to scrape."""
    body = b"# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total 7\n"
    with threaded_server(metrics=response(body)) as server:
        yield server


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory, target: LittleServer) -> Iterator[ServiceProcess]:
    """Runs with an ordinary configuration; tests that disturb one start their own."""
    directory = tmp_path_factory.mktemp("service")
    with running_service(directory, ordinary_config(target.port)) as running:
        yield running
