"""Runs a service until a signal ends it: SIGTERM and SIGINT stop it in order, SIGHUP reloads its configuration."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn

from monitor.api.http_protocol import api_protocol
from monitor.app.native_memory import NativeMemory
from monitor.app.options import ServeOptions
from monitor.app.rule_setup import RuleSetup
from monitor.app.service import Service
from monitor.clock import SystemClock
from monitor.errors import ConfigError, StorageError

logger = logging.getLogger(__name__)

BACKLOG = 1024
SHUTDOWN_SECONDS = 10
GC_THRESHOLD = 50_000
"""Scrapes and queries make no cyclic garbage; the default of 700 would look for some dozens of times a second."""


SWITCH_INTERVAL_SECONDS = 0.001
"""How long a busy query thread may keep the event loop waiting for the interpreter, instead of 5 ms."""


async def serve(options: ServeOptions, announce: Callable[[str], None]) -> None:
    """Serves until a signal. `announce` is called with the address once requests are answered.

    Raises ConfigError and StorageError if it cannot start, the latter also if the state database cannot be opened:
    rules, notifications and scaling begin when queries are answered already.
    """
    gc.set_threshold(GC_THRESHOLD, 20, 50)
    memory = NativeMemory()
    memory.prepare()
    listener = _listen(options)
    port = listener.getsockname()[1]
    service = await asyncio.to_thread(Service, options, SystemClock(), port, memory)
    server = _Server(service, listener)
    reloads = _follow_signals(service, server)
    try:
        setup = await service.start()
        sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
        announce(options.url(port))
        reactions = asyncio.create_task(_start_reactions(service, setup, server))
        await server.run()
        await reactions
    finally:
        for task in reloads:
            task.cancel()
        await service.stop()
        listener.close()


async def _start_reactions(service: Service, setup: RuleSetup, server: _Server) -> None:
    """The rest of the start; the server ends with it if it fails."""
    try:
        await service.start_reactions(setup)
    except BaseException:
        server.stop()
        raise
    gc.collect()
    gc.freeze()


def _listen(options: ServeOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        raise StorageError(f"{options.host}:{options.port}: cannot be listened at: {error.strerror}") from error
    listener.listen(BACKLOG)
    return listener


class _Server:
    """uvicorn on our socket and our event loop, without its own signal handlers and logs."""

    def __init__(self, service: Service, listener: socket.socket) -> None:
        self._listener = listener
        config = uvicorn.Config(
            service.api,
            http=api_protocol(service.api),  # type: ignore[arg-type]  # any callable will do
            ws="none",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        self._server = uvicorn.Server(config)

    def stop(self) -> None:
        self._server.should_exit = True

    async def run(self) -> None:
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        await self._server.serve(sockets=[self._listener])


def _follow_signals(service: Service, server: _Server) -> set[asyncio.Task[None]]:
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    async def reload() -> None:
        try:
            await service.reload()
        except ConfigError as error:
            logger.error("the new configuration is refused, the old one stays in force:\n%s", error)
        except Exception:
            logger.exception("reloading failed")

    def start_reload() -> None:
        task = asyncio.create_task(reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    loop.add_signal_handler(signal.SIGHUP, start_reload)
    return reloads
