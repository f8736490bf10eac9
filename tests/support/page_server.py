"""A threaded server on loopback that sends exactly the bytes a test gives it, and closes."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Page:
    """`answer` goes out in pieces of `piece_bytes`, with `pause_seconds` before each; `ending` breaks it off."""

    url: str = ""
    answer: bytes = b""
    piece_bytes: int = 1 << 20
    pause_seconds: float = 0.0
    ending: bool = False
    heads: list[bytes] = field(default_factory=list)

    def show(self, body: bytes, status: str = "200 OK") -> None:
        self.answer = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


@contextlib.contextmanager
def page_server() -> Iterator[Page]:
    page = Page()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            page.heads.append(self.request.recv(65_536))
            for start in range(0, len(page.answer), page.piece_bytes):
                if page.ending:
                    return
                time.sleep(page.pause_seconds)
                with contextlib.suppress(OSError):
                    self.request.sendall(page.answer[start : start + page.piece_bytes])

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        page.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield page
        finally:
            page.ending = True
            server.shutdown()
            thread.join()
