"""Asks for metrics as Plimsoll does: over one connection, with its headers."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from monitor.config.scrape_config import DEFAULT_SCRAPE_PROTOCOLS, NameEscaping
from monitor.scrape.fetching.fetch import accept_header

TIMEOUT_SECONDS = 10.0


class Scraper:
    """One at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname, f"BUG: got {url!r}, want a URL with a host"
        self.scrapes = 0
        self._path = parts.path
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
        self._headers = {
            "Accept": accept_header(DEFAULT_SCRAPE_PROTOCOLS, NameEscaping.ALLOW_UTF8),
            "Accept-Encoding": "gzip",
        }

    def scrape(self) -> None:
        """Raises RuntimeError unless there are metrics."""
        self._connection.request("GET", self._path, headers=self._headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200 or not body:
            raise RuntimeError(f"metrics: got status {response.status} and {len(body)} bytes, want 200 and some")
        self.scrapes += 1

    def close(self) -> None:
        self._connection.close()


@contextmanager
def scraped(url: str, interval_seconds: float) -> Iterator[Scraper]:
    """Scrapes at once and then every interval for as long as the block runs."""
    stopping = threading.Event()
    scraper = Scraper(url)
    failures: list[Exception] = []

    def run() -> None:
        try:
            scraper.scrape()
            while not stopping.wait(interval_seconds):
                scraper.scrape()
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="scraper")
    thread.start()
    try:
        yield scraper
    finally:
        stopping.set()
        thread.join()
        scraper.close()
    if failures:
        raise RuntimeError(f"scraping {url} failed: {failures[0]}") from failures[0]
