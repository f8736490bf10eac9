"""How to probe: a module says what is sent, and what answer counts as a success."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class ProbeKind(StrEnum):
    """What is spoken to a target."""

    HTTP = "http"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How the certificate of a target is judged.

    `server_name`: what the certificate is for, the target's host unless given. `ca_file`: authorities in place of
    those of the system. With `verify` off any certificate will do; its expiry is told all the same.
    """

    verify: bool = True
    server_name: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """`valid_status_codes`: 200 to 299 if empty. Regular expressions are RE2's, searched in the body as UTF-8.

    `headers` are not sent on to another host by a redirect.
    """

    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    body: str = field(default="", repr=False)
    valid_status_codes: tuple[int, ...] = ()
    follow_redirects: bool = True
    fail_if_body_matches: tuple[str, ...] = ()
    fail_if_body_not_matches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TcpStep:
    """Waits for a line in which the regular expression `expect` is found, then sends `send` and a line end.

    Either may be empty.
    """

    expect: str = ""
    send: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ProbeModule:
    """One way to probe. `uses_tls` is for TCP; with HTTP the URL says it.

    Limits: all of a probe takes `timeout_seconds` at most; `body_bytes_max` are read of an answer, `redirects_max`
    followed.
    """

    kind: ProbeKind
    timeout_seconds: float = 10.0
    body_bytes_max: int = 16 << 20
    redirects_max: int = 10
    tls: TlsSettings = TlsSettings()
    http: HttpSettings = HttpSettings()
    uses_tls: bool = False
    tcp_steps: tuple[TcpStep, ...] = ()


BUILT_IN_MODULES: Mapping[str, ProbeModule] = MappingProxyType(
    {
        "http_2xx": ProbeModule(ProbeKind.HTTP),
        "http_post_2xx": ProbeModule(ProbeKind.HTTP, http=HttpSettings(method="POST")),
        "tcp_connect": ProbeModule(ProbeKind.TCP),
        "tcp_tls": ProbeModule(ProbeKind.TCP, uses_tls=True),
    }
)
