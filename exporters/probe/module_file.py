"""Reads probe modules from a YAML file in the form of blackbox_exporter's: the part of it that ProbeModule has.

modules:
  shop:
    prober: http                       # or tcp
    timeout: 5s
    http:
      method: GET
      headers: {Accept-Language: en}
      body: ""
      valid_status_codes: [200]
      follow_redirects: true
      fail_if_body_matches_regexp: [error]
      fail_if_body_not_matches_regexp: [welcome]
      body_size_limit_bytes: 1000000
      tls_config: {insecure_skip_verify: false, server_name: shop.example, ca_file: ca.pem}
  mail:
    prober: tcp
    tcp:
      tls: true
      query_response: [{expect: "^220", send: QUIT}]
      tls_config: {}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import re2
import yaml

from exporters.errors import InvalidProbeModule
from exporters.probe.connection import make_tls_context
from exporters.probe.modules import HttpSettings, ProbeKind, ProbeModule, TcpStep, TlsSettings

_TIMEOUT = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2


def load_modules(file: Path) -> dict[str, ProbeModule]:
    """Modules by name. Raises InvalidProbeModule with the place of the first mistake; values are not shown."""
    try:
        document = yaml.safe_load(file.read_text())
    except OSError as error:
        raise InvalidProbeModule(str(file), "", error.strerror or "cannot be read") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise InvalidProbeModule(str(file), f"line {line}", f"no YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeError):
        raise InvalidProbeModule(str(file), "", "got what is no YAML text") from None
    modules = _Section(str(file), "", document, {"modules"}).section("modules")
    return {name: _module(modules, name) for name in modules.names()}


class _Section:
    """A mapping of the file and where it stands."""

    def __init__(self, file: str, path: str, value: object, known: set[str] | None = None) -> None:
        self._file, self._path = file, path
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise self.problem("", "want a mapping with names as keys")
        self._values: Mapping[str, Any] = value
        for key in value if known is not None else ():
            if known is not None and key not in known:
                raise self.problem(key, f"unknown, want one of {', '.join(sorted(known))}")

    def problem(self, key: str, message: str) -> InvalidProbeModule:
        return InvalidProbeModule(self._file, ".".join(part for part in (self._path, key) if part), message)

    def names(self) -> list[str]:
        return list(self._values)

    def section(self, key: str, known: set[str] | None = None) -> _Section:
        path = f"{self._path}.{key}" if self._path else key
        return _Section(self._file, path, self._values.get(key, {}), known)

    def sections(self, key: str, known: set[str]) -> list[_Section]:
        entries = self._get(key, list, [])
        return [
            _Section(self._file, f"{self._path}.{key}[{index}]", entry, known) for index, entry in enumerate(entries)
        ]

    def text(self, key: str, default: str = "") -> str:
        return str(self._get(key, str, default))

    def flag(self, key: str, default: bool) -> bool:
        return bool(self._get(key, bool, default))

    def whole_number(self, key: str, default: int) -> int:
        number = int(self._get(key, int, default))
        if number < 1:
            raise self.problem(key, f"got {number}, want at least 1")
        return number

    def several(self, key: str, kind: type, check: Callable[[Any], bool], wanted: str) -> tuple[Any, ...]:
        """A list of values of `kind` that pass `check`."""
        values = self._get(key, list, [])
        for index, value in enumerate(values):
            if type(value) is not kind or not check(value):
                raise self.problem(f"{key}[{index}]", f"want {wanted}")
        return tuple(values)

    def patterns(self, key: str) -> tuple[str, ...]:
        return self.several(key, str, _is_pattern, "a regular expression (RE2)")

    def _get(self, key: str, kind: type, default: Any) -> Any:
        value = self._values.get(key, default)
        if type(value) is not kind:
            raise self.problem(key, f"got {type(value).__name__}, want {kind.__name__}")
        return value


def _module(modules: _Section, name: str) -> ProbeModule:
    section = modules.section(name, {"prober", "timeout", "http", "tcp"})
    kind = section.text("prober")
    if kind not in set(ProbeKind):
        raise section.problem("prober", f"got {kind!r}, want http or tcp")
    module = ProbeModule(ProbeKind(kind), timeout_seconds=_timeout_seconds(section))
    return _with_http(module, section) if module.kind is ProbeKind.HTTP else _with_tcp(module, section)


def _with_http(module: ProbeModule, section: _Section) -> ProbeModule:
    http = section.section(
        "http",
        {
            "method", "headers", "body", "valid_status_codes", "follow_redirects", "fail_if_body_matches_regexp",
            "fail_if_body_not_matches_regexp", "body_size_limit_bytes", "tls_config",
        },
    )  # fmt: skip
    settings = HttpSettings(
        method=_method(http),
        headers=_headers(http),
        body=http.text("body"),
        valid_status_codes=http.several("valid_status_codes", int, lambda code: 100 <= code <= 599, "a status code"),
        follow_redirects=http.flag("follow_redirects", True),
        fail_if_body_matches=http.patterns("fail_if_body_matches_regexp"),
        fail_if_body_not_matches=http.patterns("fail_if_body_not_matches_regexp"),
    )
    body_bytes_max = http.whole_number("body_size_limit_bytes", module.body_bytes_max)
    return replace(module, http=settings, body_bytes_max=body_bytes_max, tls=_tls(http))


def _with_tcp(module: ProbeModule, section: _Section) -> ProbeModule:
    tcp = section.section("tcp", {"tls", "query_response", "tls_config"})
    steps = []
    for step in tcp.sections("query_response", {"expect", "send"}):
        if not _is_pattern(step.text("expect")):
            raise step.problem("expect", "want a regular expression (RE2)")
        steps.append(TcpStep(step.text("expect"), step.text("send")))
    return replace(module, uses_tls=tcp.flag("tls", False), tcp_steps=tuple(steps), tls=_tls(tcp))


def _tls(section: _Section) -> TlsSettings:
    tls = section.section("tls_config", {"insecure_skip_verify", "server_name", "ca_file"})
    ca_file = tls.text("ca_file")
    settings = TlsSettings(not tls.flag("insecure_skip_verify", False), tls.text("server_name"), ca_file)
    try:
        make_tls_context(settings)
    except OSError as error:
        raise tls.problem("ca_file", f"got {ca_file!r}, want certificates in PEM: {error}") from error
    return settings


def _method(http: _Section) -> str:
    method = http.text("method", "GET")
    if not _TOKEN.fullmatch(method):
        raise http.problem("method", "want an HTTP method")
    return method


def _headers(http: _Section) -> dict[str, str]:
    headers = http.section("headers")
    for name in headers.names():
        value = headers.text(name)
        if not _TOKEN.fullmatch(name) or not value.isprintable():
            raise headers.problem(name, "want the name of a header and one line of text")
    return {name: headers.text(name) for name in headers.names()}


def _timeout_seconds(section: _Section) -> float:
    text = section.text("timeout", "10s")
    found = _TIMEOUT.fullmatch(text)
    seconds = float(found[1]) * _UNIT_SECONDS[found[2]] if found else 0.0
    if not 0 < seconds <= 600:
        raise section.problem("timeout", f"got {text!r}, want a time such as 5s or 500ms, at most 10m")
    return seconds


def _is_pattern(text: str) -> bool:
    try:
        re2.compile(text)
    except re2.error:
        return False
    return True
