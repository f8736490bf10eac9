"""What to probe: a URL, or host and port."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from exporters.errors import InvalidProbeTarget

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect. `host` is a name or an address, that of IPv6 without brackets."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A URL taken apart. `path` has the query with it."""

    endpoint: Endpoint
    uses_tls: bool
    path: str

    @property
    def host_header(self) -> str:
        """Without the port when it is the usual one, as RFC 9110, 7.2 has it."""
        is_usual = self.endpoint.port == (443 if self.uses_tls else 80)
        return self.endpoint.authority.rsplit(":", 1)[0] if is_usual else self.endpoint.authority

    @property
    def url(self) -> str:
        return f"{'https' if self.uses_tls else 'http'}://{self.host_header}{self.path}"

    def redirected(self, location: str) -> HttpTarget:
        """The target that a Location header means. Raises InvalidProbeTarget."""
        return parse_url(urljoin(self.url, location))


def parse_url(text: str) -> HttpTarget:
    """`http://host:port/path?query` or https; without a scheme it is http. Raises InvalidProbeTarget."""
    wanted = "http://HOST[:PORT][/PATH] or https://…, without user and password"
    parts = _split(text if "://" in text else f"http://{text}", wanted)
    if parts.scheme not in _DEFAULT_PORTS:
        raise InvalidProbeTarget(shown(text), wanted)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or any(character <= " " or character == "\x7f" for character in path):
        raise InvalidProbeTarget(shown(text), "a path of printable ASCII characters, others as %XX")
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    return HttpTarget(Endpoint(_host(parts, wanted), port), parts.scheme == "https", path)


def parse_endpoint(text: str) -> Endpoint:
    """`host:port` or `[IPv6]:port`. Raises InvalidProbeTarget."""
    wanted = "HOST:PORT such as db:5432 or [::1]:5432"
    parts = _split(f"//{text}", wanted)
    if not parts.port or parts.path or parts.query:
        raise InvalidProbeTarget(shown(text), wanted)
    return Endpoint(_host(parts, wanted), parts.port)


def shown(target: str) -> str:
    """A target as it may be shown: without user and password, query and fragment, any of which may hold a secret."""
    scheme, separator, rest = target.partition("://")
    if not scheme.isalpha():
        scheme, separator, rest = "", "", target
    visible = rest.rpartition("@")[2]
    return scheme + separator + re.split(r"[?#]", visible, maxsplit=1)[0]


def _split(url: str, wanted: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_valid = bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError as error:
        raise InvalidProbeTarget(shown(url.removeprefix("//")), wanted) from error
    if not is_valid:
        raise InvalidProbeTarget(shown(url.removeprefix("//")), wanted)
    return parts


def _host(parts: SplitResult, wanted: str) -> str:
    """The host, a name beyond ASCII in its form for the wire (IDNA)."""
    host = str(parts.hostname)
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError as error:
        raise InvalidProbeTarget(host, wanted) from error
    if any(character <= " " or character == "\x7f" for character in host):
        raise InvalidProbeTarget(host, wanted)
    return host
