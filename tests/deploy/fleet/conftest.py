"""One fleet for all tests of a process, built at most once on a machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live_fleet import LiveFleet, LiveServer, run_fleet, start_fleet


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveFleet]:
    folder = tmp_path_factory.mktemp("fleet")
    try:
        # Go's runtime writes each collection to the log, against which its metrics are checked.
        yield start_fleet(folder, GODEBUG="gctrace=1", GOGC="25")
    finally:
        run_fleet("stop", folder)


@pytest.fixture
def server(fleet: LiveFleet, name: str) -> LiveServer:
    """For tests with a parameter `name`."""
    return fleet.server(name)
