"""The keys with which Prometheus and Alertmanager say how to call an HTTP server.

Rules as in prometheus/common config/http_config.go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from urllib.parse import urlsplit

from monitor.config.scrape_config import Authorization, BasicAuth, HttpClientConfig, Secret, TlsConfig
from monitor.config.sections.unsupported import AUTHORIZATION, BASIC_AUTH, HTTP_CLIENT, TLS, ignore_unsupported
from monitor.config.yaml.yaml_reader import Section
from monitor.config.yaml.yaml_values import join_choices

TLS_VERSIONS = {"": "", "TLS10": "TLS10", "TLS11": "TLS11", "TLS12": "TLS12", "TLS13": "TLS13"}
SIGNING_SECRET_PREFIX = "whsec_"
SIGNING_SECRET_MIN_BYTES = 24
SIGNING_SECRET_MAX_BYTES = 64
# What the client itself sets, as prometheus/common config/headers.go lists it.
RESERVED_HEADERS = frozenset(
    {
        "authorization", "host", "content-encoding", "content-length", "content-type", "user-agent", "connection",
        "keep-alive", "proxy-authenticate", "proxy-authorization", "www-authenticate", "accept-encoding",
        "x-prometheus-remote-write-version", "x-prometheus-remote-read-version",
        "x-prometheus-scrape-timeout-seconds", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
    }
)  # fmt: skip


def read_http_client(section: Section) -> HttpClientConfig:
    """The HTTP keys of `section`, which may have others too."""
    ignore_unsupported(section, HTTP_CLIENT)
    section.at_most_one("basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file")
    return HttpClientConfig(
        basic_auth=_read_basic_auth(section),
        authorization=_read_authorization(section),
        tls=_read_tls(section),
        follow_redirects=section.flag("follow_redirects", True),
        proxy_url=section.parsed("proxy_url", _to_proxy_url, ""),
        http_headers=_read_headers(section),
    )


def read_url(section: Section, key: str = "url") -> Secret:
    """A required `http` or `https` URL, or `<key>_file` that holds one."""
    section.exactly_one(key, f"{key}_file")
    return section.secret(key, check_http_url) or Secret()


def read_signing_secret(section: Section) -> Secret | None:
    """`signing_secret` or `signing_secret_file`: what requests are signed with, as Standard Webhooks does."""
    return section.secret("signing_secret", check_signing_secret)


def check_http_url(text: str) -> None:
    """Raises ValueError, without the text in it, unless `text` is an `http` or `https` URL with a host."""
    _check_url(text, ("http", "https"))


def check_signing_secret(text: str) -> None:
    """Raises ValueError, without the text in it, unless `text` is `whsec_` and base64 of 24 to 64 bytes."""
    wanted = (
        f"want {SIGNING_SECRET_PREFIX} and base64 of {SIGNING_SECRET_MIN_BYTES} to {SIGNING_SECRET_MAX_BYTES} bytes"
    )
    if not text.startswith(SIGNING_SECRET_PREFIX):
        raise ValueError(f"got a secret that does not start with {SIGNING_SECRET_PREFIX}, {wanted}")
    try:
        key = base64.b64decode(text.removeprefix(SIGNING_SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"got a secret that is not base64, {wanted}") from None
    if not SIGNING_SECRET_MIN_BYTES <= len(key) <= SIGNING_SECRET_MAX_BYTES:
        raise ValueError(f"got a secret of {len(key)} bytes, {wanted}")


def _to_proxy_url(text: str) -> str:
    _check_url(text, ("http", "https", "socks5"))
    return text


def _check_url(text: str, schemes: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        starts = join_choices([f"{scheme}://" for scheme in schemes])
        raise ValueError(f"got something else, want a URL with a host that starts with {starts}")


def _read_basic_auth(section: Section) -> BasicAuth | None:
    basic_auth = section.section("basic_auth")
    if basic_auth is None:
        return None
    ignore_unsupported(basic_auth, BASIC_AUTH)
    basic_auth.at_most_one("username", "username_file")
    return BasicAuth(
        username=basic_auth.text("username"),
        password=basic_auth.secret("password") or Secret(),
        username_file=basic_auth.file_path("username_file"),
    )


def _read_authorization(section: Section) -> Authorization | None:
    """`authorization`, or what it replaced: `bearer_token` and `bearer_token_file`."""
    bearer_token = section.secret("bearer_token")
    authorization = section.section("authorization")
    if authorization is None:
        return Authorization("Bearer", bearer_token) if bearer_token else None
    ignore_unsupported(authorization, AUTHORIZATION)
    kind = authorization.text("type").strip() or "Bearer"
    if kind.lower() == "basic":
        authorization.problem(f"got {kind!r}, want another type: for this one there is basic_auth", "type")
    return Authorization(kind, authorization.secret("credentials") or Secret())


def _read_tls(section: Section) -> TlsConfig | None:
    tls = section.section("tls_config")
    if tls is None:
        return None
    ignore_unsupported(tls, TLS)
    tls.at_most_one("ca", "ca_file")
    tls.at_most_one("cert", "cert_file")
    config = TlsConfig(
        ca=tls.text("ca"),
        ca_file=tls.file_path("ca_file"),
        cert=tls.text("cert"),
        cert_file=tls.file_path("cert_file"),
        key=tls.secret("key"),
        server_name=tls.text("server_name"),
        insecure_skip_verify=tls.flag("insecure_skip_verify"),
        min_version=tls.choice("min_version", TLS_VERSIONS, ""),
        max_version=tls.choice("max_version", TLS_VERSIONS, ""),
    )
    if bool(config.cert or config.cert_file) != bool(config.key):
        tls.problem("got only one of a client certificate and its key, want both or none")
    return config


def _read_headers(section: Section) -> dict[str, tuple[Secret, ...]]:
    headers = section.section_mapping("http_headers")
    for name, header in headers.items():
        if name.lower() in RESERVED_HEADERS:
            header.problem(f"got {name!r}, want a header that the client does not set itself")
    return {name: _read_header(header) for name, header in headers.items()}


def _read_header(header: Section) -> tuple[Secret, ...]:
    to_file: Callable[[str], Secret] = lambda name: Secret(file=header.join_directory(name))  # noqa: E731
    return (
        *header.parsed_list("values", Secret),
        *header.parsed_list("secrets", Secret),
        *header.parsed_list("files", to_file),
    )
