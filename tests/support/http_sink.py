"""A real HTTP server in a thread, on a free loopback port, that keeps what is posted to it and answers 200."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any


@dataclass(frozen=True, slots=True)
class Posted:
    headers: dict[str, str]
    """With names in lower case."""
    body: Any


@dataclass
class HttpSink:
    """`before_answer` runs when a request has arrived."""

    url: str = ""
    posted: Queue[Posted] = field(default_factory=Queue)
    before_answer: Callable[[], None] = lambda: None

    def all_posted(self) -> list[Posted]:
        """What has not been taken yet."""
        found = []
        while not self.posted.empty():
            found.append(self.posted.get_nowait())
        return found


@contextmanager
def http_sink() -> Iterator[HttpSink]:
    sink = HttpSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sink.posted.put(Posted({name.lower(): value for name, value in self.headers.items()}, body))
            sink.before_answer()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    sink.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
