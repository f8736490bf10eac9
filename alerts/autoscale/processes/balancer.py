"""The public port: takes connections and gives each to the replica with the fewest.

The keeper owns the port, so replicas come and go behind it. Bytes are spliced in both directions with flow control and
half-closes kept. Within HTTP/1.1 (exchange.py) a connection changes replicas between two exchanges: away from one that
drains at once, and over to a new one until all have their share.

Why a proxy and not one socket that all replicas share (SO_REUSEPORT, or a passed descriptor): few servers can be told
to use either, and with SO_REUSEPORT a replica that ends takes the connections in its accept queue with it.

Measured with a Go server and a C client on a busy 2-core machine (uvloop): 20 microseconds of CPU for a request on a
kept connection, so 50 000 requests/s on a core of its own; the median of a lone connection grows from 20 to 52
microseconds. Following the exchanges is 1 microsecond of it. A new connection for each request costs 180 microseconds,
5 500 per second and core. A plain epoll loop in Python passed on no more: the cost is the kernel's.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Iterator

from alerts.autoscale.processes.connection import Backend, ClientSide, ServerSide
from alerts.autoscale.processes.settings import FleetSettings

logger = logging.getLogger(__name__)


class Balancer:
    """Backends are added when their replica is ready and drained before it stops.

    `connections_possible` is what the process has file descriptors for; the settings may allow more.
    """

    def __init__(self, settings: FleetSettings, connections_possible: int = sys.maxsize) -> None:
        self.settings = settings
        self._connections_possible = connections_possible
        self._backends: list[Backend] = []
        self._available = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.clients: set[ClientSide] = set()
        self.port = 0
        self.accepted = 0
        self.rejected = 0
        self.waiting = 0
        self._exchanges_ended = 0
        self._moves_ended = 0

    def _new_client(self) -> ClientSide:
        return ClientSide(self, is_http=self.settings.is_http, waiting_bytes_max=self.settings.waiting_bytes_max)

    async def open(self, listener: socket.socket) -> None:
        """Serves connections of `listener`, which is listening already."""
        loop = asyncio.get_running_loop()
        self.port = listener.getsockname()[1]
        self._server = await loop.create_server(self._new_client, sock=listener, backlog=self.settings.backlog)

    def stop_accepting(self) -> None:
        if self._server is not None:
            self._server.close()

    def close(self) -> None:
        """Takes no more connections and ends those there are."""
        self.stop_accepting()
        for client in list(self.clients):
            client.abort()

    def add(self, backend: Backend) -> None:
        """Gives `backend` its share of the connections: those over the others' shares come when they can move."""
        backend.is_leaving = False
        self._backends.append(backend)
        self._available.set()
        if self.settings.is_http:
            self._spread()

    def drain(self, backend: Backend) -> None:
        """Gives `backend` no more connections and takes away those it has as soon as they can move."""
        self.remove(backend)
        for side in list(backend.sides):
            side.client.move()

    def remove(self, backend: Backend) -> None:
        """Gives `backend` no more connections; those it has end when its replica does."""
        backend.is_leaving = True
        if backend in self._backends:
            self._backends.remove(backend)
        if not any(self._usable()):
            self._available.clear()

    def _spread(self) -> None:
        """Asks the connections beyond a fair share of each backend to move."""
        total = sum(backend.connections() for backend in self._backends)
        share = -(-total // len(self._backends))
        for backend in self._backends:
            surplus = backend.connections() - share
            for side in list(backend.sides)[: max(0, surplus)]:
                side.client.move()

    def _usable(self) -> Iterator[Backend]:
        return (backend for backend in self._backends if not backend.is_paused)

    def opened(self, client: ClientSide) -> bool:
        """Whether there is room for one more client."""
        self.accepted += 1
        if len(self.clients) >= min(self.settings.connections_max, self._connections_possible):
            self.rejected += 1
            return False
        self.clients.add(client)
        return True

    def closed(self, client: ClientSide) -> None:
        self.clients.discard(client)
        self._exchanges_ended += client.exchanges
        self._moves_ended += client.moves

    @property
    def exchanges(self) -> int:
        """HTTP exchanges completed so far."""
        return self._exchanges_ended + sum(client.exchanges for client in self.clients)

    @property
    def moves(self) -> int:
        """How often a connection changed replicas so far."""
        return self._moves_ended + sum(client.moves for client in self.clients)

    async def attach(self, client: ClientSide) -> None:
        """Finds a replica for `client`, waiting for one if there is none; in the end hangs up."""
        deadline_seconds = asyncio.get_running_loop().time() + self.settings.wait_for_replica_ms / 1000
        self.waiting += 1
        is_attached = False
        try:
            while not await self._connect(client, deadline_seconds):
                async with asyncio.timeout_at(deadline_seconds):
                    await self._available.wait()
            is_attached = True
        except TimeoutError:
            logger.warning("a connection waited %d ms and no replica took it", self.settings.wait_for_replica_ms)
        finally:
            self.waiting -= 1
            if not is_attached:
                client.abort()

    async def _connect(self, client: ClientSide, deadline_seconds: float) -> bool:
        """Whether a backend has taken `client`. One that refuses is left alone for a moment."""
        backend = min(self._usable(), key=Backend.connections, default=None)
        if backend is None:
            self._available.clear()
            return False
        backend.opening += 1
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(min(deadline_seconds, loop.time() + self.settings.connect_timeout_ms / 1000)):
                _, side = await loop.create_connection(lambda: ServerSide(client, backend), "127.0.0.1", backend.port)
        except OSError as error:
            self._pause(backend, error)
            return False
        finally:
            backend.opening -= 1
        client.join(side)
        return True

    def _pause(self, backend: Backend, error: OSError) -> None:
        logger.warning("the replica on port %d refuses connections: %s", backend.port, error)
        backend.is_paused = True
        asyncio.get_running_loop().call_later(self.settings.refused_pause_ms / 1000, self._resume, backend)

    def _resume(self, backend: Backend) -> None:
        backend.is_paused = False
        if backend in self._backends:
            self._available.set()
