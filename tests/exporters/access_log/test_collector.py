from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from exporters.access_log.collector import AccessLogCollector
from exporters.access_log.formats import line_format
from exporters.access_log.routes import RouteSettings
from exporters.access_log.totals import DEFAULT_ACCESS_LOG_SETTINGS, AccessLogSettings
from exporters.errors import InvalidStateFile
from exporters.log_following.followed_file import FollowedFile, Start
from exporters.log_following.polling import Polling
from exporters.log_following.state_file import StateFile

LABELS = ("log", "http_request_method", "http_route", "http_response_status_code")


def line(path: str = "/", status: int = 200, size: object = 512, seconds: str = "0.012", method: str = "GET") -> str:
    return f'1.2.3.4 - - [23/Nov/2026:17:43:48 +0000] "{method} {path} HTTP/1.1" {status} {size} "-" "-" {seconds}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def append(path: Path, *lines: str) -> None:
    with path.open("a") as log:
        log.writelines(lines)


def collector_of(
    path: Path,
    log_format: str = "combined",
    state: Path | None = None,
    settings: AccessLogSettings = DEFAULT_ACCESS_LOG_SETTINGS,
) -> AccessLogCollector:
    state_file = StateFile(state) if state else None
    positions = state_file.load().get("log", ()) if state_file else ()
    source = FollowedFile(path, Start.BEGINNING, time.monotonic, positions=positions)
    return AccessLogCollector({"log": source}, line_format(log_format), state_file, settings)


def value(collector: AccessLogCollector, name: str, *labels: str, **more: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry.get_sample_value(name, {**dict(zip(LABELS, ("log", *labels), strict=False)), **more})


def requests(collector: AccessLogCollector) -> float:
    return sum(
        sample.value
        for family in collector.collect()
        for sample in family.samples
        if sample.name == "http_server_requests_total"
    )


def test_requests_durations_and_sizes_are_counted_by_method_route_and_status(path: Path) -> None:
    append(path, line("/product/1"), line("/product/2", seconds="0.100", size=1000), line("/product/1", 503))
    collector = collector_of(path)
    key = ("GET", "/product/{id}", "200")

    assert value(collector, "http_server_requests_total", *key) == 2
    assert value(collector, "http_server_request_duration_seconds_sum", *key) == 0.112
    assert value(collector, "http_server_request_duration_seconds_bucket", *key, le="0.025") == 1
    assert value(collector, "http_server_request_duration_seconds_bucket", *key, le="0.1") == 2
    assert value(collector, "http_server_response_body_size_bytes_sum", *key) == 1512
    assert value(collector, "http_server_response_body_size_bytes_bucket", *key, le="1000.0") == 2
    assert value(collector, "http_server_requests_total", "GET", "/product/{id}", "503") == 1


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (line(method="BREW"), ("_OTHER", "/", "200")),
        (line(status=999), ("GET", "/", "_OTHER")),
        (line("/wp-login.php", 404), ("GET", "", "404")),
        (line(status=0), ("GET", "", "")),
    ],
)
def test_labels_have_few_values(path: Path, text: str, labels: tuple[str, str, str]) -> None:
    append(path, text)

    assert value(collector_of(path), "http_server_requests_total", *labels) == 1


def test_what_the_format_does_not_have_is_absent(path: Path) -> None:
    append(path, "200 99\n")
    collector = collector_of(path, "$status $bytes_sent")

    assert value(collector, "http_server_sent_bytes_total", "_OTHER", "", "200") == 99
    assert value(collector, "http_server_request_duration_seconds_count", "_OTHER", "", "200") is None


def test_a_histogram_begins_with_the_first_line_that_has_a_value_for_it(path: Path) -> None:
    count, key = "http_server_request_duration_seconds_count", ("GET", "/", "200")
    collector = collector_of(path)
    append(path, line(seconds="").replace('"-" \n', '"-"\n'))
    before = (value(collector, "http_server_requests_total", *key), value(collector, count, *key))
    append(path, line())

    assert before == (1, None)
    assert value(collector, count, *key) == 1


def test_json_without_a_size_or_a_duration_has_no_histogram_of_them(path: Path) -> None:
    append(path, '{"request":"GET /a HTTP/1.1","status":200}\n')
    collector = collector_of(path, "json")
    key = ("GET", "/a", "200")

    assert value(collector, "http_server_requests_total", *key) == 1
    assert value(collector, "http_server_request_duration_seconds_count", *key) is None
    assert value(collector, "http_server_response_body_size_bytes_count", *key) is None


def test_a_request_without_a_duration_is_counted_without_one(path: Path) -> None:
    append(path, line(seconds="").replace('"-" \n', '"-"\n'), line(), line(size="-"))
    collector = collector_of(path)

    assert value(collector, "http_server_requests_total", "GET", "/", "200") == 3
    assert value(collector, "http_server_request_duration_seconds_count", "GET", "/", "200") == 2
    assert value(collector, "http_server_response_body_size_bytes_count", "GET", "/", "200") == 2


def test_lines_that_are_no_requests_are_counted_as_such(path: Path) -> None:
    append(path, "half a li\n", line())
    labels = {"log": "log", "outcome": "unrecognised"}

    assert value(collector_of(path), "plimsoll_exporter_log_lines_total", **labels) == 1


def test_series_have_a_limit(path: Path) -> None:
    append(path, *(line(f"/{chr(97 + number)}") for number in range(20)))
    settings = AccessLogSettings(RouteSettings(), series_max=5)

    assert value(collector_of(path, settings=settings), "http_server_requests_total", "GET", "_OTHER", "200") == 15


def test_memories_that_are_full_change_no_figure(path: Path) -> None:
    append(path, *(line(f"/{number % 7}/x", size=number, seconds=f"0.{number:03}") for number in range(100)))
    collector = collector_of(path, settings=AccessLogSettings(cached_max=3))
    key = ("GET", "/{id}/x", "200")

    assert value(collector, "http_server_request_duration_seconds_sum", *key) == pytest.approx(4.95)
    assert value(collector, "http_server_response_body_size_bytes_sum", *key) == 4950


def test_after_a_restart_only_new_lines_are_read(path: Path, tmp_path: Path) -> None:
    state = tmp_path / "positions.json"
    append(path, line(), line())
    before = requests(collector_of(path, state=state))
    append(path, line())
    path.rename(tmp_path / "access.log.1")
    append(path, line(), line(), line())

    assert (before, requests(collector_of(path, state=state))) == (2, 4)


def test_what_was_read_and_never_scraped_is_read_again_after_a_crash(path: Path, tmp_path: Path) -> None:
    state = tmp_path / "positions.json"
    append(path, line())
    crashed = collector_of(path, state=state)
    requests(crashed)
    append(path, line(), line())
    crashed.poll()

    assert requests(collector_of(path, state=state)) == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "logs": {}}', '{"version": 1, "logs": {"a": [1]}}'])
def test_a_state_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    state = tmp_path / "positions.json"
    state.write_text(text)

    with pytest.raises(InvalidStateFile, match=r"positions.json: want a state file of version 1"):
        StateFile(state).load()


def test_a_state_file_that_cannot_be_written_is_told_and_figures_go_on(path: Path, tmp_path: Path) -> None:
    append(path, line())
    collector = collector_of(path, state=tmp_path / "gone" / "positions.json")

    registry = CollectorRegistry()
    registry.register(collector)

    assert requests(collector) == 1
    assert (registry.get_sample_value("plimsoll_exporter_state_write_failures_total") or 0) >= 2


def write_and_rotate(path: Path, lines: int, rotations: int) -> None:
    for rotation in range(rotations):
        with path.open("a") as log:
            for number in range(lines // rotations):
                log.write(line(f"/product/{number}"))
                if number % 50 == 0:
                    log.flush()
                    time.sleep(0.001)
            log.flush()
            path.rename(path.with_name(f"access.log.{rotation}"))
            log.write(line("/late"))  # workers write on until they open the new file
        path.touch()
        time.sleep(0.05)


def test_nothing_is_lost_or_counted_twice_while_a_server_writes_and_rotates(path: Path) -> None:
    path.touch()
    collector = collector_of(path)
    writer = threading.Thread(target=write_and_rotate, args=(path, 6_000, 5))
    with Polling(collector.poll, 0.005):
        writer.start()
        while writer.is_alive():
            requests(collector)
            writer.join(0.02)

    assert requests(collector) == 6_000 + 5
    assert value(collector, "plimsoll_exporter_log_rotations_total", log="log", how="renamed") == 5


def test_a_clock_that_is_set_back_changes_no_figure(path: Path) -> None:
    """Lines are counted as they come; the times in them are the server's own and may jump."""
    collector = collector_of(path)
    append(path, line(), line().replace("17:43:48", "16:43:48"), line().replace("23/Nov/2026", "01/Jan/1970"))

    assert collector.poll()
    assert requests(collector) == 3
    assert value(collector, "http_server_request_duration_seconds_sum", "GET", "/", "200") == pytest.approx(0.036)
