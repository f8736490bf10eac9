"""The numbers of the demo that are neither the shop's nor the story's, and where it keeps what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

JOB = "shop"
POLICY = "shop"
ALERT = "ShopIsSlow"
ALERT_LINE_SECONDS = 1.0
"""The shop takes 0.14 s at most when nobody waits for a connection, and 2 s when all do: this is far from both."""
TARGET_RATE = 75
"""Requests a second that one process should carry: three quarters of what it can."""
REPLICAS_MAX = 6


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """How long the demo waits for what."""

    start_timeout_seconds: float = 60.0
    """From the start to the first shop process that answers; a busy machine needs some seconds."""
    interval_seconds: float = 1.0
    """Between two looks at the service."""
    answer_timeout_seconds: float = 5.0
    """For one question to the service."""
    unanswered_max_seconds: float = 20.0
    """How long the service may leave questions unanswered before the demo gives up."""
    end_timeout_seconds: float = 20.0
    """How long a process has to end by itself before it is killed."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Everything listens on loopback, but for the service if it is told otherwise."""

    listen_host: str
    listen_port: int
    shop_port: int
    replica_ports: tuple[int, ...]
    receiver_port: int

    @property
    def listen(self) -> str:
        """What the service is told to listen at."""
        return _with_port(self.listen_host, self.listen_port)

    @property
    def service(self) -> str:
        """Where this machine reaches it."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
        return _with_port(everywhere.get(self.listen_host, self.listen_host), self.listen_port)


def _with_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one demo, below `directory`."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "plimsoll.yml"

    @property
    def rules(self) -> Path:
        return self.directory / "rules.yml"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def fleet(self) -> Path:
        """Where the service's process actuator keeps the files of the shop's fleet."""
        return self.data / "fleets" / f"fleet-{POLICY}"

    @property
    def service_log(self) -> Path:
        return self.directory / "service.log"

    @property
    def load_log(self) -> Path:
        return self.directory / "load.log"
