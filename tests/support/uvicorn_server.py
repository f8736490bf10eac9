"""A real uvicorn server on a free loopback port, in a thread, ended by the test."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn


class _AnnouncingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


@contextlib.contextmanager
def uvicorn_server(app: Any, **settings: Any) -> Iterator[str]:
    """The base URL of the server, such as `http://127.0.0.1:41234`. `settings` are uvicorn's."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="warning", ws="none", timeout_keep_alive=1, **settings
    )
    server = _AnnouncingServer(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.ready.wait(10), "uvicorn did not start"
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
