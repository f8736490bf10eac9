"""What an `http_config` means to aiohttp."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monitor.config.scrape_config import BasicAuth, HttpClientConfig, Secret
from monitor.errors import DeliveryError


def read_secret(secret: Secret) -> str:
    """The text of a secret, read now if it is in a file. Raises DeliveryError if the file cannot be read."""
    return _read_file(secret.file) if secret.file else secret.text


def _read_file(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DeliveryError(f"{file} cannot be read: {error.strerror or error}", permanent=False) from error


def request_options(
    config: HttpClientConfig, ssl_context: Callable[[], ssl.SSLContext] | None = None
) -> dict[str, Any]:
    """Keyword arguments for a request of aiohttp. Secrets are read anew, so that they can be rotated.

    `ssl_context` gives what `config.tls` asks for. Raises DeliveryError if a secret's file cannot be read.
    """
    headers = [(name, read_secret(secret)) for name, secrets in config.http_headers.items() for secret in secrets]
    if config.basic_auth is not None:
        headers.append(("Authorization", _basic(config.basic_auth)))
    elif config.authorization is not None:
        credentials = read_secret(config.authorization.credentials)
        headers.append(("Authorization", f"{config.authorization.type} {credentials}"))
    options: dict[str, Any] = {"headers": headers}
    if config.proxy_url:
        options["proxy"] = config.proxy_url
    if ssl_context is not None:
        options["ssl"] = ssl_context()
    if config.tls is not None and config.tls.server_name:
        options["server_hostname"] = config.tls.server_name
    return options


def _basic(auth: BasicAuth) -> str:
    name = _read_file(auth.username_file) if auth.username_file else auth.username
    pair = f"{name}:{read_secret(auth.password)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
