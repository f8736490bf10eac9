"""The phases of a probe, how long each took, and in which one it failed and why."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Phase(StrEnum):
    """What a probe does one after the other. The first five have the names of blackbox_exporter."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    PROCESSING = "processing"  # request sent, until the first byte of the answer
    TRANSFER = "transfer"  # first byte, until the last
    CHECK = "check"  # whether the answer is the wanted one; takes no time that is measured


class Reason(StrEnum):
    """Why a phase failed."""

    TIMEOUT = "timeout"
    NAME_UNKNOWN = "name_unknown"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    CLOSED = "closed"
    CERTIFICATE = "certificate"
    HANDSHAKE = "handshake"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    STATUS = "status"
    BODY = "body"
    REDIRECTS = "redirects"
    NOT_ALLOWED = "not_allowed"


class ProbeFailed(Exception):
    """A probe found that its target does not do what it should. Ends the probe, never leaves the prober."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Failure:
    """Where and why a probe failed."""

    phase: Phase
    reason: Reason


@dataclass(slots=True)
class PhaseClock:
    """Adds up how long each phase took: a phase of several redirects has the sum. `current` is the phase begun last."""

    monotonic: Callable[[], float]
    current: Phase = Phase.RESOLVE
    seconds: dict[Phase, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def measure(self, phase: Phase) -> Iterator[None]:
        self.current = phase
        started = self.monotonic()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + self.monotonic() - started


# The first that fits: subclasses stand before their base.
_REASONS: tuple[tuple[type[OSError], Reason], ...] = (
    (socket.gaierror, Reason.NAME_UNKNOWN),
    (ssl.SSLCertVerificationError, Reason.CERTIFICATE),
    (ssl.SSLError, Reason.HANDSHAKE),
    (TimeoutError, Reason.TIMEOUT),
    (ConnectionRefusedError, Reason.REFUSED),
    (ConnectionError, Reason.RESET),
    (OSError, Reason.UNREACHABLE),
)


def reason_of(error: OSError) -> Reason:
    """What an error of the operating system or of TLS means for a probe."""
    return next(reason for kind, reason in _REASONS if isinstance(error, kind))
