from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from page_server import Page, page_server
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from toolchains import need_program

from exporters.errors import InvalidUrl
from exporters.expvar.collector import ExpvarCollector, ExpvarSettings
from exporters.expvar.fetch_page import FetchSettings, PageUrl

RECORDED = Path(__file__).with_name("recorded")
PAGE = (RECORDED / "go_1.26.json").read_bytes()


@pytest.fixture
def page() -> Iterator[Page]:
    with page_server() as page:
        page.show(PAGE)
        yield page


def registry_of(*urls: str, **limits: Any) -> CollectorRegistry:
    registry = CollectorRegistry()
    settings = ExpvarSettings(FetchSettings(**{"timeout_seconds": 5.0, **limits}))
    registry.register(ExpvarCollector([PageUrl.parse(url, "/debug/vars") for url in urls], settings))
    return registry


def value(registry: CollectorRegistry, name: str, url: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, {"url": f"{url}/debug/vars", **labels})


GO = {"runtime": "go", "kind": "other"}


def test_a_page_gives_pauses_memory_and_variables(page: Page) -> None:
    registry, memstats = registry_of(page.url), json.loads(PAGE)["memstats"]

    assert value(registry, "runtime_gc_pause_seconds_count", page.url, **GO) == memstats["NumGC"]
    assert value(registry, "runtime_gc_pause_seconds_sum", page.url, **GO) == memstats["PauseTotalNs"] / 1e9
    assert value(registry, "go_memstats_heap_alloc_bytes", page.url) == memstats["HeapAlloc"]
    assert value(registry, "go_memstats_alloc_bytes_total", page.url) == memstats["TotalAlloc"]
    assert value(registry, "expvar_load_average", page.url, key="") == 0.25
    assert value(registry, "expvar_requests_by_path", page.url, key="/fail")


def test_reading_a_page_again_counts_nothing_twice(page: Page) -> None:
    registry = registry_of(page.url)
    counts = [value(registry, "runtime_gc_pause_seconds_count", page.url, **GO) for _ in range(3)]

    assert len(set(counts)) == 1


def test_a_page_that_does_not_come_is_down_and_its_totals_stay(page: Page) -> None:
    registry = registry_of(page.url)
    before = value(registry, "runtime_gc_pause_seconds_count", page.url, **GO)
    page.show(b"{}", "500 Internal Server Error")

    assert value(registry, "plimsoll_exporter_expvar_up", page.url) == 0
    assert value(registry, "runtime_gc_pause_seconds_count", page.url, **GO) == before
    assert value(registry, "go_memstats_heap_alloc_bytes", page.url) is None


def test_a_page_that_never_came_has_no_pauses() -> None:
    registry = registry_of("http://127.0.0.1:1")

    assert value(registry, "plimsoll_exporter_expvar_up", "http://127.0.0.1:1") == 0
    assert value(registry, "runtime_gc_pause_seconds_count", "http://127.0.0.1:1", **GO) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, PAGE[: len(PAGE) // 2]])
def test_a_page_that_is_no_json_object_is_down(page: Page, body: bytes) -> None:
    page.show(body)

    assert value(registry_of(page.url), "plimsoll_exporter_expvar_up", page.url) == 0


def test_a_program_that_publishes_no_memory_statistics_has_its_variables(page: Page) -> None:
    page.show(b'{"requests": 3, "memstats": {"NumGC": "many"}}')
    registry = registry_of(page.url)

    assert value(registry, "expvar_requests", page.url, key="") == 3
    assert value(registry, "runtime_gc_pause_seconds_count", page.url, **GO) is None


def test_a_page_that_is_too_large_is_refused(page: Page) -> None:
    assert value(registry_of(page.url, body_bytes_max=100), "plimsoll_exporter_expvar_up", page.url) == 0


def test_a_page_that_drips_is_given_up_in_time(page: Page) -> None:
    page.piece_bytes, page.pause_seconds = 1, 0.05
    start = time.monotonic()
    state = value(registry_of(page.url, timeout_seconds=0.3), "plimsoll_exporter_expvar_up", page.url)

    assert (state, time.monotonic() - start < 3) == (0, True)


def test_a_page_that_drips_is_given_up_within_the_time_of_the_scrape(page: Page) -> None:
    page.piece_bytes, page.pause_seconds = 1, 0.05
    collector = ExpvarCollector([PageUrl.parse(page.url, "/debug/vars")], ExpvarSettings(FetchSettings(3600)))

    up = [family for family in collector.collect_within(0.2) if family.name == "plimsoll_exporter_expvar_up"]
    assert [sample.value for family in up for sample in family.samples] == [0]


def test_scrapes_at_once_share_a_reading_and_keep_to_their_own_time(page: Page) -> None:
    page.piece_bytes, page.pause_seconds = 1, 0.05
    collector = ExpvarCollector([PageUrl.parse(page.url, "/debug/vars")], ExpvarSettings(FetchSettings(3600)))
    with ThreadPoolExecutor() as threads:
        patient = threads.submit(collector.collect_within, 60)
        while not page.heads:
            time.sleep(0.001)
        hasty = list(collector.collect_within(0.01))
        assert not patient.done()
        page.ending = True

    assert [len(page.heads), *(up_of(families) for families in (hasty, patient.result()))] == [1, [0.0], [0.0]]


def up_of(families: Iterable[Metric]) -> list[float]:
    return [sample.value for family in families for sample in family.samples if sample.name.endswith("expvar_up")]


@pytest.mark.parametrize("url", ["127.0.0.1:80", "file:///etc/passwd", "http://", "http://a:b", "http://anne:x@shop/"])
def test_a_url_that_cannot_be_fetched_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        PageUrl.parse(url, "/debug/vars")

    assert "anne" not in str(caught.value)


@pytest.mark.parametrize(("path", "target"), [("", "/debug/vars"), ("/", "/debug/vars"), ("/vars", "/vars")])
def test_a_query_is_sent_and_not_shown(path: str, target: str) -> None:
    url = PageUrl.parse(f"http://shop:80{path}?token=secret", "/debug/vars")

    assert (url.target, str(url)) == (f"{target}?token=secret", f"http://shop:80{target}")
    assert "secret" not in repr(url)


def test_pages_that_look_alike_are_refused() -> None:
    with pytest.raises(InvalidUrl, match="differ in more than their query"):
        registry_of("http://shop/?a=1", "http://shop/?a=2")


def test_an_exporter_started_anew_counts_no_pause_a_second_time(page: Page) -> None:
    full, newest = json.loads(PAGE), max(json.loads(PAGE)["memstats"]["PauseEnd"])
    registry = CollectorRegistry()
    url = PageUrl.parse(page.url, "/debug/vars")
    registry.register(ExpvarCollector([url], ExpvarSettings(), since_ns=newest + 1))
    counts = [value(registry, "runtime_gc_pause_seconds_count", page.url, **GO)]
    full["memstats"]["PauseNs"][full["memstats"]["NumGC"] % 256] = 7
    full["memstats"]["NumGC"] += 1
    page.show(json.dumps(full).encode())
    counts.append(value(registry, "runtime_gc_pause_seconds_count", page.url, **GO))

    assert counts == [0, 1]


@pytest.fixture
def go_server(tmp_path: Path) -> Iterator[str]:
    need_program("go")
    program = tmp_path / "server"
    subprocess.run(["go", "build", "-o", program, RECORDED / "server.go"], check=True, timeout=120)
    with subprocess.Popen([program, "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://{process.stdout.readline().strip()}"
        process.kill()


def test_a_live_go_program_loses_no_pause_and_has_none_twice(go_server: str) -> None:
    registry = registry_of(go_server)
    for times in (0, 10, 200, 300):
        with urllib.request.urlopen(f"{go_server}/collect?times={times}", timeout=30):
            pass
        counted = value(registry, "runtime_gc_pause_seconds_count", go_server, **GO)
    with urllib.request.urlopen(f"{go_server}/debug/vars", timeout=30) as answer:
        memstats = json.load(answer)["memstats"]
    lost = value(registry, "plimsoll_exporter_lost_gc_pauses_total", go_server)
    seconds = value(registry, "runtime_gc_pause_seconds_sum", go_server, **GO)
    lost_seconds = value(registry, "plimsoll_exporter_lost_gc_pause_seconds_total", go_server)

    assert counted is not None and lost is not None and seconds is not None and lost_seconds is not None
    assert memstats["NumGC"] >= 510 and lost >= 44
    assert value(registry, "runtime_gc_pause_seconds_count", go_server, **GO) + lost == memstats["NumGC"]  # type: ignore[operator]
    assert seconds + lost_seconds == pytest.approx(memstats["PauseTotalNs"] / 1e9)
