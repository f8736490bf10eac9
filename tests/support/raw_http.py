"""A blocking HTTP/1 client that knows every byte it has read."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from types import TracebackType

from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """`wire_bytes` are those of the head and the body together."""

    status: int
    body: bytes
    wire_bytes: int


class RawConnection:
    """One connection; ask as often as you like."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
        self._file = self._socket.makefile("rb")

    def ask(self, target: str, body: bytes | None = None, version: str = "1.1", *headers: str) -> Answer:
        """GET, or POST if there is a body."""
        self.send(target, body, version, *headers)
        return self.read_answer()

    def send(self, target: str, body: bytes | None = None, version: str = "1.1", *headers: str) -> None:
        method = "GET" if body is None else "POST"
        length = [] if body is None else [f"Content-Length: {len(body)}", "Content-Type: application/json"]
        lines = [f"{method} {target} HTTP/{version}", "Host: localhost", *length, *headers]
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read_answer(self) -> Answer:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self._file.readline()
            if not line:
                raise ConnectionError(f"the connection ended after {head!r}")
            head += line
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        # Without a length, as an answer to HTTP/1.0, the body ends with the connection.
        body = self._file.read(int(length) if length else -1)
        return Answer(int(head.split(b" ")[1]), body, len(head) + len(body))

    def is_closed_by_server(self) -> bool:
        return self._file.read(1) == b""

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Exposition:
    """What one scrape has shown: values by name and labels."""

    values: dict[tuple[str, Labels], float]

    def sum(self, name: str, **labels: str) -> float:
        """Of all series of that name that have these labels; 0 if there are none."""
        wanted = frozenset(labels.items())
        return sum(value for (known, held), value in self.values.items() if known == name and wanted <= held)

    def has(self, name: str) -> bool:
        return any(known == name for known, _ in self.values)


def scrape(metrics_port: int) -> Exposition:
    """On a connection of its own."""
    with RawConnection(metrics_port) as connection:
        answer = connection.ask("/metrics", None, "1.0")
    return parse(answer.body.decode())


def parse(text: str) -> Exposition:
    families = text_string_to_metric_families(text)
    samples = (sample for family in families for sample in family.samples)
    return Exposition({(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples})
