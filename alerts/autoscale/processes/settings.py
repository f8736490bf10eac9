"""How the replicas of one program are kept, and how the public port is served. Every limit of the keeper is here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from alerts.autoscale.stored_form import to_json


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """`command` is run once per replica with `{port}` replaced by one of `ports`, on which it is to listen on loopback.

    With `is_http` connections move between replicas between two HTTP/1.1 exchanges; without, a connection stays with
    its replica until it ends, and a drain waits for that.
    """

    policy: str
    command: tuple[str, ...]
    listen_host: str
    listen_port: int
    ports: tuple[int, ...]
    is_http: bool = True

    graceful_stop_ms: int = 30_000
    """How long a replica's connections have to end before the replica is told to (SIGTERM)."""
    end_timeout_ms: int = 5_000
    """How long it then has to exit before it is killed."""

    start_timeout_ms: int = 30_000
    """A replica that does not accept connections by then is ended and started again."""
    ready_poll_ms: int = 50
    restart_wait_min_ms: int = 500
    restart_wait_max_ms: int = 30_000
    stable_after_ms: int = 10_000
    """A replica that was ready for so long restarts after the shortest wait again."""

    owner_grace_ms: int = 15_000
    """How long replicas keep serving without a service that owns them, for it to come back after a crash or restart."""

    connections_max: int = 20_000
    connect_timeout_ms: int = 5_000
    wait_for_replica_ms: int = 10_000
    """How long a connection waits for a replica that takes it."""
    waiting_bytes_max: int = 65_536
    refused_pause_ms: int = 200
    """How long a replica that refused a connection gets no new ones."""
    backlog: int = 4_096

    log_tail_bytes: int = 65_536
    keeper_log_bytes: int = 1_048_576

    file_sd: Path | None = None
    """Where the replicas are listed for Prometheus service discovery."""

    def digest(self) -> str:
        """16 hexadecimal digits that differ where the settings do."""
        return hashlib.blake2b(to_json(self).encode(), digest_size=8).hexdigest()
