"""How many access log lines a second one core takes: file to totals, as the exporter runs.

    python tests/benchmarks/access_log_rate.py [LINES]

For each format it writes LINES lines (400 000 by default) to a temporary file and prints the rate of reading them, by
CPU time of this process. `few paths`: 50 different ones; `all new`: every line asks for another product.

Then another process writes 100 000 combined lines a second for 8 s and renames the log every second, while this one
follows it and is scraped once a second.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from exporters.access_log.collector import AccessLogCollector
from exporters.access_log.formats import line_format
from exporters.log_following.followed_file import FollowedFile, Start
from exporters.log_following.polling import Polling

Line = Callable[[str, int, int, float], str]
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"


def combined(path: str, status: int, size: int, seconds: float) -> str:
    stamp = "23/Nov/2026:17:43:48 +0000"
    return f'10.1.2.3 - - [{stamp}] "GET {path} HTTP/1.1" {status} {size} "-" "{AGENT}" {seconds:.3f}\n'


def nginx_json(path: str, status: int, size: int, seconds: float) -> str:
    return (
        '{"time":"2026-11-23T17:43:48+00:00","remote_addr":"10.1.2.3","request_method":"GET",'
        f'"request_uri":"{path}","status":"{status}","body_bytes_sent":"{size}","request_time":"{seconds:.3f}",'
        f'"http_user_agent":"{AGENT}"}}\n'
    )


def caddy(path: str, status: int, size: int, seconds: float) -> str:
    return (
        '{"level":"info","ts":1795455828.5,"logger":"http.log.access.log0","msg":"handled request","request":{'
        '"remote_ip":"10.1.2.3","remote_port":"4711","proto":"HTTP/1.1","method":"GET","host":"shop","uri":"'
        f'{path}","headers":{{"User-Agent":["{AGENT}"]}}}},"bytes_read":0,"user_id":"","duration":{seconds:.9f},'
        f'"size":{size},"status":{status},"resp_headers":{{"Server":["Caddy"]}}}}\n'
    )


def envoy(path: str, status: int, size: int, seconds: float) -> str:
    return (
        f'[2026-11-23T17:43:48.310Z] "GET {path} HTTP/1.1" {status} - 0 {size} {round(seconds * 1000)} 2 "-" '
        f'"{AGENT}" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "shop" "10.0.2.1:80"\n'
    )


FORMATS: dict[str, tuple[str, Line]] = {
    "combined": ("combined", combined),
    "nginx JSON": ("json", nginx_json),
    "Caddy": ("json", caddy),
    "Envoy": ("envoy", envoy),
}


def write_log(path: Path, line: Line, lines: int, is_all_new: bool) -> None:
    dice = random.Random(4)
    with path.open("w") as log:
        for number in range(lines):
            product = number if is_all_new else number % 50
            status = 200 if dice.random() < 0.97 else 503
            log.write(line(f"/product/{product}", status, dice.randrange(900, 1100), dice.expovariate(200)))


def rate(path: Path, name: str, lines: int) -> float:
    """Lines a second of CPU time."""
    source = FollowedFile(path, Start.BEGINNING, time.monotonic)
    collector = AccessLogCollector({"log": source}, line_format(name))
    start = time.process_time()
    while collector.poll():
        pass
    seconds = time.process_time() - start
    counted = sample_sum(collector, "http_server_requests_total")
    assert counted == lines, f"got {counted} requests, want {lines}"
    source.close()
    return lines / seconds


def write_live(path: Path, lines_per_second: int, seconds: int) -> None:
    """Writes a twentieth of a second's lines at a time; at the end of each second the log is renamed."""
    piece = "".join(combined(f"/product/{number % 50}", 200, 1000, 0.002) for number in range(lines_per_second // 20))
    start = time.monotonic()
    for number in range(20 * seconds):
        with path.open("a") as log:
            log.write(piece)
        if number % 20 == 19:
            path.rename(path.with_name(f"access.log.{number}"))
            path.touch()
        time.sleep(max(start + (number + 1) / 20 - time.monotonic(), 0))


def follow_live(folder: Path, lines_per_second: int = 100_000, seconds: int = 8) -> None:
    """Prints what following costs and how far behind it was at worst."""
    path = folder / "live" / "access.log"
    path.parent.mkdir()
    path.touch()
    collector = AccessLogCollector(
        {"log": FollowedFile(path, Start.BEGINNING, time.monotonic)}, line_format("combined")
    )
    writer = multiprocessing.get_context("spawn").Process(target=write_live, args=(path, lines_per_second, seconds))
    writer.start()
    behind_lines, start = 0.0, time.process_time()
    with Polling(collector.poll, 0.1):
        while writer.is_alive():
            writer.join(1)
            behind_lines = max(behind_lines, sample_sum(collector, "plimsoll_exporter_log_behind_bytes") / 195)
    cpu_seconds = time.process_time() - start
    lost = lines_per_second * seconds - sample_sum(collector, "http_server_requests_total")
    print(
        f"\n{lines_per_second} lines/s for {seconds} s, renamed every second: {cpu_seconds / seconds:.0%} of one core, "
        f"{lost:.0f} lines lost, at most {behind_lines:.0f} lines behind at a scrape"
    )


def sample_sum(collector: AccessLogCollector, name: str) -> float:
    return sum(sample.value for family in collector.collect() for sample in family.samples if sample.name == name)


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    print(f"{lines} lines, one thread, lines a second of CPU time")
    print(f"{'format':12}{'bytes/line':>12}{'few paths':>12}{'all new':>12}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "access.log"
        for label, (name, line) in FORMATS.items():
            rates = []
            for is_all_new in (False, True):
                write_log(path, line, lines, is_all_new)
                rates.append(rate(path, name, lines))
            print(f"{label:12}{path.stat().st_size / lines:12.0f}" + "".join(f"{each:12.0f}" for each in rates))
        follow_live(Path(folder))


if __name__ == "__main__":
    main()
