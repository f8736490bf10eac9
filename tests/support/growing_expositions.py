"""Recorded expositions, served as if the servers still worked: their counters grow with each scrape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

# The names of counters, and of histograms' parts, by the conventions that every recorded library keeps.
_COUNTER = re.compile(r"^(\w+(?:_total|_bucket|_sum|_count)(?:\{.*\})?) (\S+)$", re.MULTILINE)


def grown(text: str, times: int) -> str:
    """Every counter that many times what was recorded, so that all that belongs together stays in proportion."""
    return _COUNTER.sub(lambda line: f"{line[1]} {float(line[2]) * times!r}", text)


@contextmanager
def growing_expositions(texts: Mapping[str, str]) -> Iterator[int]:
    """Serves each at `/NAME` of the port that is yielded."""
    scrapes: Counter[str] = Counter()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = self.path.strip("/")
            scrapes[name] += 1
            body = grown(texts[name], scrapes[name]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, name="expositions")
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
