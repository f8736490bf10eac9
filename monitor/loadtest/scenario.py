"""The four kinds of load of the comparison, and what each asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from exporters.load_test.runs import Tool
from monitor.errors import BadRequest

ORDER = b'{"order_id": 42, "amount_cents": 1999}'
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Scenario:
    """`tool` is the one that the comparison takes. A connection is used for one request unless `keep_alive`."""

    name: str
    title: str
    tool: Tool
    path: str
    keep_alive: bool
    body: bytes = b""

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"

    @property
    def content_type(self) -> str:
        return _JSON if self.body else ""


SCENARIOS = (
    Scenario("flash-sale", "Flash sale: kept connections, wrk", Tool.WRK, "/product/42", keep_alive=True),
    Scenario("payment", "Payment requests: kept connections, ab", Tool.AB, "/pay", keep_alive=True, body=ORDER),
    Scenario("login", "Login: short connections, wrk", Tool.WRK, "/product/42", keep_alive=False),
    Scenario("callback", "Payment callbacks: short connections, ab", Tool.AB, "/pay", keep_alive=False, body=ORDER),
)


def scenario_named(name: str) -> Scenario:
    """Raises BadRequest for a name that is none."""
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    raise BadRequest(f"scenario: got {name!r}, want one of {', '.join(each.name for each in SCENARIOS)}")


@dataclass(frozen=True, slots=True)
class LoadTarget:
    """Where the load goes. `path` has the query with it."""

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        return f"{'[' + self.host + ']' if ':' in self.host else self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.authority}{self.path}"

    @property
    def shown_path(self) -> str:
        """Without the query, which may hold a secret."""
        return self.path.partition("?")[0]

    @property
    def shown_url(self) -> str:
        return f"http://{self.authority}{self.shown_path}"


def load_target(url: str, scenario: Scenario) -> LoadTarget:
    """A URL without a path, or with `/` for one, gets the scenario's. Raises BadRequest unless it is an http URL."""
    target = http_target("URL", url, "http://127.0.0.1:8101", "/")
    return replace(target, path=scenario.path) if target.path == "/" else target


def http_target(name: str, url: str, example: str, default_path: str) -> LoadTarget:
    """Of the URL that `name` says what for. Raises BadRequest unless it is an http URL, and shows nothing of it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 80
    except ValueError as error:
        raise BadRequest(f"{name}: got one that is none ({error}), want one such as {example}") from error
    if parts.scheme != "http" or not host or parts.username is not None:
        raise BadRequest(f"{name}: got scheme {parts.scheme!r}, want one such as {example}, without a password")
    path = parts.path or default_path
    return LoadTarget(host, port, f"{path}?{parts.query}" if parts.query else path)


def request_bytes(scenario: Scenario, target: LoadTarget) -> bytes:
    """One request of the scenario, as HTTP/1.1 puts it on the wire."""
    lines = [f"{scenario.method} {target.path} HTTP/1.1", f"Host: {target.authority}"]
    if scenario.body:
        lines += [f"Content-Type: {scenario.content_type}", f"Content-Length: {len(scenario.body)}"]
    if not scenario.keep_alive:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + scenario.body
