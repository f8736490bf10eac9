"""Every error the exporters raise on purpose, in one tree.

ExporterError
├── MalformedProcFile   a file of /proc does not have the shape its manual page gives
├── ProcNotMounted      there is no /proc: not Linux, or not mounted here
├── NoSuchTarget        nothing that runs now is what the user asked to watch
├── TooManySockets      there are more sockets than the limit
├── InvalidProbeTarget  what to probe is neither a URL nor HOST:PORT
├── InvalidProbeModule  a file of probe modules says something that is not understood
├── MalformedCertificate  a server's certificate is not one
├── InvalidPattern      a regular expression for a name or a text is not one
├── CannotStart         a program to be watched cannot be started
├── NoSuchLog           there is no log to follow, or it may not be read
├── InvalidLogFormat    a log format cannot be understood
├── InvalidStateFile    a file of remembered positions is not one
├── InvalidUrl          a URL is not one that can be fetched
├── UnreadableFile      a file that was given cannot be read
├── UnreadableRun       the output of a load generator is cut off, or of a tool we do not know
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


class TooManySockets(ExporterError):
    """There are more sockets than the limit."""

    def __init__(self, sockets_max: int) -> None:
        super().__init__(f"sockets of this host: got more than {sockets_max}, want at most the limit sockets_max")


class InvalidProbeTarget(ExporterError):
    """What to probe is neither a URL nor HOST:PORT. `got` is without anything secret (probe.targets.shown)."""

    def __init__(self, got: str, wanted: str) -> None:
        super().__init__(f"probe target: got {got[:200]!r}, want {wanted}")


class InvalidProbeModule(ExporterError):
    """A file of probe modules says something that is not understood."""

    def __init__(self, file: str, path: str, problem: str) -> None:
        super().__init__(f"{file}: {path}: {problem}" if path else f"{file}: {problem}")


class MalformedCertificate(ExporterError):
    """A server's certificate is not one."""

    def __init__(self) -> None:
        super().__init__("certificate of a server: got bytes that are no certificate, want X.509 in DER (RFC 5280)")


class InvalidPattern(ExporterError):
    """A regular expression for a name or a text is not one."""

    def __init__(self, got: str, reason: str) -> None:
        super().__init__(f"regular expression {got!r}: {reason}")


class CannotStart(ExporterError):
    """A program to be watched cannot be started."""

    def __init__(self, program: str, reason: OSError) -> None:
        super().__init__(f"cannot start {program}: {reason.strerror or reason}")


class NoSuchLog(ExporterError):
    """There is no log to follow, or it may not be read. `problem` names the file if it is not empty."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{problem or name + ': no such log'}; --wait starts without it")


class InvalidLogFormat(ExporterError):
    """A log format cannot be understood."""

    def __init__(self, text: str, position: int, wanted: str) -> None:
        super().__init__(f"log format: got {text[position:][:40]!r} at position {position}, want {wanted}")


class InvalidStateFile(ExporterError):
    """A file of remembered positions is not one."""

    def __init__(self, path: str, wanted: str) -> None:
        super().__init__(f"{path}: want {wanted}; delete it to start anew")


class InvalidUrl(ExporterError):
    """A URL is not one that can be fetched. The message does not show it, it may hold a password."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"URL: want {wanted}")


class UnreadableFile(ExporterError):
    """A file that was given cannot be read."""

    def __init__(self, path: str, reason: OSError) -> None:
        super().__init__(f"{path}: {reason.strerror or reason}")


class UnreadableRun(ExporterError):
    """The output of a load generator is cut off, or of a tool we do not know."""

    def __init__(self, what: str, wanted: str) -> None:
        super().__init__(f"{what}: want {wanted}")
        self.what = what
        self.wanted = wanted


class InvalidAddress(ExporterError):
    """A listen address is not HOST:PORT."""

    def __init__(self, got: str) -> None:
        super().__init__(f"listen address: got {got!r}, want HOST:PORT such as 127.0.0.1:9256 or [::1]:9256")


class CannotListen(ExporterError):
    """The listen address cannot be bound."""

    def __init__(self, address: str, reason: OSError) -> None:
        super().__init__(f"cannot listen on {address}: {reason.strerror or reason}")
