"""Every error the exporters raise on purpose, in one tree.

ExporterError
├── MalformedProcFile   a file of /proc does not have the shape its manual page gives
├── ProcNotMounted      there is no /proc: not Linux, or not mounted here
├── NoSuchTarget        nothing that runs now is what the user asked to watch
├── InvalidAddress      a listen address is not HOST:PORT
└── CannotListen        the listen address cannot be bound
"""

from __future__ import annotations


class ExporterError(Exception):
    """Root of the errors of the exporters. They import nothing of the service, so its tree is not theirs."""


class MalformedProcFile(ExporterError):
    """A file of /proc does not have the shape its manual page gives."""

    def __init__(self, path: str, got: str, wanted: str) -> None:
        super().__init__(f"{path}: got {got[:200]!r}, want {wanted}")


class ProcNotMounted(ExporterError):
    """There is no /proc: not Linux, or not mounted here."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: got no file `stat` in it, want a mounted proc file system (Linux)")


class NoSuchTarget(ExporterError):
    """Nothing that runs now is what the user asked to watch."""


class InvalidAddress(ExporterError):
    """A listen address is not HOST:PORT."""

    def __init__(self, got: str) -> None:
        super().__init__(f"listen address: got {got!r}, want HOST:PORT such as 127.0.0.1:9256 or [::1]:9256")


class CannotListen(ExporterError):
    """The listen address cannot be bound."""

    def __init__(self, address: str, reason: OSError) -> None:
        super().__init__(f"cannot listen on {address}: {reason.strerror or reason}")
