"""The disk takes no more: nothing new is stored, everything else goes on, and nothing stored is damaged."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import pytest
from raw_samples import RawSamples, read_samples
from scraped_fleet import METRIC, Fleet, scraped_fleet
from service_process import ServiceProcess, running_service, wait_until
from small_disk import small_disk

INTERVAL_MS, SERIES = 200, 200
DISK_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Case:
    """A service, and how its disk is filled and emptied."""

    service: ServiceProcess
    fleet: Fleet
    fill: Callable[[], None]
    make_room: Callable[[], None]

    def stored(self, after_ms: int, until_ms: int) -> RawSamples:
        return read_samples(self.service.client, METRIC, after_ms, until_ms)

    def push(self) -> int:
        """The status of a remote write of now."""
        return self.service.client.write([({"__name__": "pushed"}, {time.time_ns() // 1_000_000: 1.0})]).status


@pytest.fixture(params=["full file system", "file size limit"])
def case(request, tmp_path) -> Iterator[Case]:
    with ExitStack() as stack:
        fleet = stack.enter_context(scraped_fleet(SERIES))
        config = fleet.scrape_configs(1, INTERVAL_MS)
        if request.param == "full file system":
            disk = stack.enter_context(small_disk(tmp_path / "disk", DISK_BYTES))
            service = stack.enter_context(running_service(tmp_path, config, disk.path / "data"))
            yield Case(service, fleet, disk.fill, disk.make_room)
        else:
            service = stack.enter_context(running_service(tmp_path, config))
            yield Case(service, fleet, lambda: limit_files(service), lambda: unlimit_files(service))


def limit_files(service: ServiceProcess) -> None:
    """No file grows beyond the largest of the store by more than some kilobytes."""
    largest = max(file.stat().st_size for file in service.data.iterdir())
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (largest + 8192, resource.RLIM_INFINITY))


def unlimit_files(service: ServiceProcess) -> None:
    with suppress(ProcessLookupError):  # the limit ended with its process
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_a_full_disk_stops_ingestion_and_nothing_else(case):
    service, started_ms = case.service, now_ms()
    wait_until(lambda: (service.value(f"min(count_over_time({METRIC}[1m]))") or 0) > 5)
    case.fill()
    wait_until(lambda: service.metric("plimsoll_storage_full") == 1)
    full_ms = now_ms()

    # The state is clear, and queries go on.
    assert case.push() == 503
    assert "nothing is accepted until one succeeds" in service.log()
    assert service.client.request("GET", "/-/healthy").status == 200
    before = case.stored(started_ms, full_ms)
    time.sleep(2)
    assert case.stored(started_ms, full_ms).digest() == before.digest()
    assert service.metric("plimsoll_scrape_append_failures_total") > 0
    assert service.metric("plimsoll_storage_failed_commits_total") > 0

    # Room comes back: it goes on by itself.
    case.make_room()
    wait_until(lambda: service.metric("plimsoll_storage_full") == 0)
    wait_until(lambda: case.push() == 204)
    wait_until(lambda: len(case.stored(full_ms, now_ms()).values) > 5 * SERIES)

    # Nothing that was there is damaged, also not after a restart.
    assert service.stop() == 0
    service.start()
    after = case.stored(started_ms, full_ms)
    assert after.digest() == before.digest()
    everything = case.stored(started_ms, now_ms())
    made_ms = map(int, case.fleet.scrapes_ms()[0])
    assert (everything.wrong(made_ms), everything.torn()) == (0, 0)


def test_a_service_that_dies_on_a_full_disk_has_what_was_durable(case):
    service, started_ms = case.service, now_ms()
    wait_until(lambda: (service.value(f"min(count_over_time({METRIC}[1m]))") or 0) > 5)
    durable_ms = now_ms()
    assert case.push() == 204  # and so everything before it is durable
    before = case.stored(started_ms, durable_ms)
    case.fill()
    wait_until(lambda: service.metric("plimsoll_storage_full") == 1)

    service.kill()
    case.make_room()
    service.start()

    assert case.stored(started_ms, durable_ms).digest() == before.digest()
    assert service.metric("plimsoll_storage_full") == 0
