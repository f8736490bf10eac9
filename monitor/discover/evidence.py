"""What is found out about an address before anything is concluded from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"
LOOPBACK_IPV6 = "::1"


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer with status 200 to a GET of `path`. `body` is cut at the limit."""

    path: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpEvidence:
    """What an address says over HTTP. `speaks_http` is False if it gave no HTTP answer in time; `headers` are those of
    its answers, names in lower case. `is_tls` if it answered over TLS, `is_refused` if no connection could be made."""

    speaks_http: bool = False
    pages: tuple[Page, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    is_tls: bool = False
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class BinaryEvidence:
    """What is written inside a program's file: the version of Go and its modules, the crates of Rust."""

    go_version: str = ""
    go_modules: tuple[str, ...] = ()
    rust_crates: tuple[str, ...] = ()
    is_rust: bool = False


@dataclass(frozen=True, slots=True)
class ProcessEvidence:
    """The process that listens: `program` is its file's name, `arguments` its command line."""

    pid: int
    program: str
    arguments: tuple[str, ...]
    binary: BinaryEvidence = BinaryEvidence()


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it. `process` is None if it cannot be looked into: another user's, or on another machine."""

    address: Address
    http: HttpEvidence
    process: ProcessEvidence | None = None
