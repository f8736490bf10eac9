"""What we see from outside while the load runs: requests of our own, and where the others wait.

One thread does both by turns, so that looking at the sockets does not lengthen a request of ours. Where packets may be
captured, it also takes what the kernel has noted of them.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from exporters.connections.sock_diag import dump_sockets, open_sock_diag
from exporters.connections.tcp_sockets import TcpSockets, TcpState
from exporters.errors import ExporterError
from monitor.clock import Clock
from monitor.loadtest.capture import capture_if_allowed
from monitor.loadtest.figures import Between
from monitor.loadtest.generator_command import LoadPlan
from monitor.loadtest.memory_under_load import MemoryLook
from monitor.loadtest.read_target import ProcessWatch
from monitor.loadtest.scenario import LoadTarget, request_bytes
from monitor.loadtest.wire_requests import WireRequests

logger = logging.getLogger(__name__)

_CLIENT_STATES = frozenset((TcpState.ESTABLISHED, TcpState.SYN_SENT, TcpState.CLOSE_WAIT))
_WATCHED_STATES = _CLIENT_STATES | {TcpState.SYN_RECV}
_RECEIVE_BYTES = 1 << 16
# The end of a connection counts as one byte of its receive queue.
_END_BYTES = 1


@dataclass(frozen=True, slots=True)
class ObserverSettings:
    """A request of ours `turn_seconds` after the answer to the last, or a look at the sockets if `look_seconds` have
    passed since the last look.

    Never right after a request: its answer comes when the server has just worked. A kept connection is opened anew each
    `connection_seconds`, to measure that, too. While packets are captured they tell how requests wait, and ours are
    needed for connecting only: `captured_turn_seconds` leaves the machine to the load.
    """

    # p99 of n requests is known to about sqrt(99 / n) / 4.6 of itself (an exponential tail): 5 s of these give 7 %.
    turn_seconds: float = 0.003
    captured_turn_seconds: float = 0.02
    # A look takes about 1 ms.
    look_seconds: float = 0.05
    connection_seconds: float = 0.2
    timeout_seconds: float = 5.0
    sockets_max: int = 50_000
    answer_bytes_max: int = 1 << 24


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """One of ours that was answered. `connect_seconds` is None on a kept connection."""

    connect_seconds: float | None
    answer_seconds: float
    status: str
    answer_bytes: int


@dataclass(frozen=True, slots=True)
class SocketLook:
    """Connections with a request that the server has not read, and with an answer that the generator has not."""

    unread_requests: int
    unread_answers: int


@dataclass(frozen=True, slots=True)
class Observation:
    """`connections` and `requests_sent` are all of ours, answered or not. `looks` is empty where there are none.

    `memory` is the server's, empty where its process is not to be seen. `wire` are the generator's requests as their
    packets tell them; None where packets cannot be captured.
    """

    requests: tuple[OwnRequest, ...] = ()
    looks: tuple[SocketLook, ...] = ()
    connections: int = 0
    requests_sent: int = 0
    failures: int = 0
    wire: WireRequests | None = None
    memory: tuple[MemoryLook, ...] = ()


@dataclass(slots=True)
class _Found:
    requests: list[OwnRequest] = field(default_factory=list)
    looks: list[SocketLook] = field(default_factory=list)
    memory: list[MemoryLook] = field(default_factory=list)
    connections: int = 0
    requests_sent: int = 0
    failures: int = 0


class RunObserver:
    """Observes from `start` for the plan's seconds, or to `stop` if that is earlier; each is to be called once.

    A generator is busy with its report after the load: what is seen then would be of an idle server.
    """

    def __init__(
        self,
        plan: LoadPlan,
        clock: Clock,
        process: ProcessWatch | None,
        settings: ObserverSettings = ObserverSettings(),
    ) -> None:
        self._process = process
        self._seconds = float(plan.seconds)
        self._clock = clock
        self._client = _OwnClient(
            plan.target,
            request_bytes(plan.scenario, plan.target),
            plan.scenario.keep_alive,
            clock.monotonic_seconds,
            settings,
        )
        self._settings = settings
        self._found = _Found()
        self._port = plan.target.port
        self._capture = capture_if_allowed(plan)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> Observation:
        self._stopping.set()
        self._thread.join()
        self._client.close()
        found = self._found
        return Observation(
            tuple(found.requests),
            tuple(found.looks),
            found.connections,
            found.requests_sent,
            found.failures,
            self._capture.end(frozenset(self._client.ports)) if self._capture else None,
            tuple(found.memory),
        )

    def _run(self) -> None:
        netlink = _netlink(self._settings.timeout_seconds)
        now = self._clock.monotonic_seconds()
        ends, next_look, next_connection = now + self._seconds, now + self._settings.look_seconds, now
        turn_seconds = self._settings.captured_turn_seconds if self._capture else self._settings.turn_seconds
        while not self._stopping.wait(turn_seconds) and (now := self._clock.monotonic_seconds()) < ends:
            if self._capture:
                self._capture.take()
            if now >= next_look:
                next_look = now + self._settings.look_seconds
                self._look(netlink)
                continue
            if now >= next_connection:
                next_connection = now + self._settings.connection_seconds
                self._client.close()
            self._ask()
        if netlink is not None:
            netlink.close()

    def _ask(self) -> None:
        try:
            self._found.requests.append(self._client.ask())
        except (OSError, ValueError) as error:
            self._found.failures += 1
            logger.debug("a request of our own failed: %s", error)
            self._client.close()
        self._found.connections = self._client.connections
        self._found.requests_sent = self._client.requests_sent

    def _look(self, netlink: socket.socket | None) -> None:
        self._look_at_memory()
        if netlink is None:
            return
        try:
            sockets = dump_sockets(netlink, self._settings.sockets_max, _WATCHED_STATES)
        except (OSError, ExporterError) as error:
            logger.debug("no look at the sockets: %s", error)
            return
        self._found.looks.append(look_at(sockets, self._port))

    def _look_at_memory(self) -> None:
        at_ms = self._clock.now_ms()
        found = self._process.read() if self._process else None
        if found is not None:
            self._found.memory.append(MemoryLook(at_ms, Between(min(found.resident_bytes), max(found.resident_bytes))))


def look_at(sockets: TcpSockets, port: int) -> SocketLook:
    """Of the connections to `port` of this host, both of whose ends are seen."""
    has_unread = sockets.receive_queues > _END_BYTES
    at_server = (sockets.local_ports == port) & (sockets.states != TcpState.LISTEN)
    at_client = sockets.remote_ports == port
    return SocketLook(int(np.sum(at_server & has_unread)), int(np.sum(at_client & has_unread)))


def _netlink(timeout_seconds: float) -> socket.socket | None:
    try:
        return open_sock_diag(timeout_seconds)
    except (OSError, AttributeError) as error:
        logger.debug("sockets cannot be looked at here: %s", error)
        return None


class _OwnClient:
    """Sends the same request again and again, over one connection or over a new one each time."""

    def __init__(
        self,
        target: LoadTarget,
        request: bytes,
        keep_alive: bool,
        monotonic: Callable[[], float],
        settings: ObserverSettings,
    ) -> None:
        self.connections = 0
        self.requests_sent = 0
        self.ports: set[int] = set()
        self._address = (target.host, target.port)
        self._request = request
        self._keep_alive = keep_alive
        self._monotonic = monotonic
        self._settings = settings
        self._socket: socket.socket | None = None

    def ask(self) -> OwnRequest:
        """Raises OSError, and ValueError for an answer that is not HTTP/1."""
        connect_seconds = self._connect() if self._socket is None else None
        connected = self._socket
        assert connected is not None, "BUG: got no connection after connecting"
        started = self._monotonic()
        connected.sendall(self._request)
        self.requests_sent += 1
        answer = read_answer(connected.recv, self._settings.answer_bytes_max)
        answer_seconds = self._monotonic() - started
        if not self._keep_alive or answer.ends_connection:
            self.close()
        return OwnRequest(connect_seconds, answer_seconds, answer.status, answer.size_bytes)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> float:
        started = self._monotonic()
        self._socket = socket.create_connection(self._address, self._settings.timeout_seconds)
        self.connections += 1
        self.ports.add(self._socket.getsockname()[1])
        return self._monotonic() - started


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """An answer as it came over the wire. `size_bytes` has the head in it."""

    status: str
    size_bytes: int
    ends_connection: bool


def read_answer(receive: Callable[[int], bytes], bytes_max: int) -> WireAnswer:
    """Reads one whole answer. Raises ValueError if it is none, is longer than `bytes_max`, or ends too early."""
    data = bytearray()
    while (end := data.find(b"\r\n\r\n")) < 0:
        _receive_more(receive, data, bytes_max)
    head = bytes(data[:end]).decode("latin-1").lower().split("\r\n")
    version, _, rest = head[0].partition(" ")
    if not version.startswith("http/1"):
        raise ValueError(f"answer: got {head[0][:40]!r}, want HTTP/1")
    fields = dict(line.split(":", 1) for line in head[1:] if ":" in line)
    closes = "close" in fields.get("connection", "") or version == "http/1.0"
    size_bytes = _read_body(receive, data, end + 4, fields, bytes_max)
    return WireAnswer(rest[:3], size_bytes, closes)


def _read_body(
    receive: Callable[[int], bytes], data: bytearray, start: int, fields: dict[str, str], bytes_max: int
) -> int:
    """The bytes of the whole answer, whose body begins at `start`."""
    if "content-length" in fields:
        size = start + int(fields["content-length"])
        while len(data) < size:
            _receive_more(receive, data, bytes_max)
        return size
    if "chunked" in fields.get("transfer-encoding", ""):
        while not data.endswith(b"0\r\n\r\n"):
            _receive_more(receive, data, bytes_max)
        return len(data)
    while chunk := receive(_RECEIVE_BYTES):
        data += chunk
        if len(data) > bytes_max:
            raise ValueError(f"answer: got more than {bytes_max} bytes")
    return len(data)


def _receive_more(receive: Callable[[int], bytes], data: bytearray, bytes_max: int) -> None:
    chunk = receive(_RECEIVE_BYTES)
    if not chunk:
        raise ValueError(f"answer: got its end after {len(data)} bytes, want a whole one")
    data += chunk
    if len(data) > bytes_max:
        raise ValueError(f"answer: got more than {bytes_max} bytes")
