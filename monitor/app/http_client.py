"""How outgoing requests of alerts and actuators are made: headers, secrets and TLS of an HTTP client configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alerts.http_options import request_options
from monitor.config.scrape_config import HttpClientConfig, TlsConfig
from monitor.scrape.fetching.tls_context import TlsContext


class HttpClients:
    """Gives the keyword arguments of aiohttp requests. TLS contexts are made once for each configuration."""

    def __init__(self) -> None:
        self._contexts: dict[TlsConfig, TlsContext] = {}

    def options_of(self, config: HttpClientConfig) -> Callable[[], dict[str, Any]]:
        """Called anew for each request, so that rotated secrets are read again. Raises DeliveryError."""
        if config.tls is None:
            return lambda: request_options(config)
        context = self._contexts.setdefault(config.tls, TlsContext(config.tls))
        return lambda: request_options(config, context.current)
