"""Posts one notification to one URL, with the headers of Standard Webhooks 1.0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
from standardwebhooks import Webhook as Signature
from standardwebhooks.webhooks import EmptyWebhookSecretError

from alerts.http_options import read_secret
from alerts.notify.address_guard import GuardedResolver, refuse_private
from alerts.notify.integration import Integration
from alerts.notify.outbox import OutboxMessage
from monitor import __version__
from monitor.clock import Clock
from monitor.config.scrape_config import Secret
from monitor.errors import DeliveryError

_EXCERPT_BYTES = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said: the HTTP status, its Retry-After header, and the beginning of a refusal's body."""

    status: int
    retry_after: str | None = None
    excerpt: str = ""


class Sender(Protocol):
    """What delivers messages to one integration."""

    async def send(self, message: OutboxMessage) -> Answer:
        """One attempt. Raises DeliveryError if there was no answer."""
        ...

    async def close(self) -> None: ...


class WebhookSender:
    """Posts to the URL of an integration over one connection pool. Redirects are not followed.

    `options` gives what else a request of aiohttp takes (alerts/http_options.py), anew for each attempt. With
    `forbid_private_addresses` only public addresses are called, unless there is a proxy, which resolves names itself.
    """

    def __init__(
        self,
        integration: Integration,
        clock: Clock,
        options: Callable[[], Mapping[str, Any]] = dict,
        *,
        forbid_private_addresses: bool = False,
    ) -> None:
        self._config = integration.config
        self._clock = clock
        self._options = options
        self._is_guarded = forbid_private_addresses and not integration.config.http.proxy_url
        self._session: aiohttp.ClientSession | None = None

    async def send(self, message: OutboxMessage) -> Answer:
        url = read_secret(self._config.url)
        options = dict(self._options())
        headers = [*options.pop("headers", ()), *self._headers(message)]
        if self._is_guarded:
            refuse_private(_host(url))
        timeout = aiohttp.ClientTimeout(total=self._config.timeout_ms / 1000)
        try:
            async with self._open_session().post(
                url, data=message.body, headers=headers, timeout=timeout, allow_redirects=False, **options
            ) as response:
                excerpt = "" if response.ok else await response.content.read(_EXCERPT_BYTES)
                return Answer(response.status, response.headers.get("Retry-After"), _printable(excerpt))
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise DeliveryError("the URL is not valid", permanent=True) from None
        except TimeoutError:
            raise DeliveryError(f"no answer within {self._config.timeout_ms} ms", permanent=False) from None
        except (aiohttp.ClientError, OSError) as error:
            raise DeliveryError(_without_url(error), permanent=False) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = GuardedResolver() if self._is_guarded else None
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=resolver))
        return self._session

    def _headers(self, message: OutboxMessage) -> list[tuple[str, str]]:
        now = datetime.fromtimestamp(self._clock.now_ms() // 1000, UTC)
        headers = [
            ("Content-Type", "application/json"),
            ("User-Agent", f"Plimsoll/{__version__}"),
            ("webhook-id", message.webhook_id),
            ("webhook-timestamp", str(int(now.timestamp()))),
        ]
        if self._config.signing_secret is not None:
            headers.append(("webhook-signature", _signature(self._config.signing_secret, message, now)))
        return headers


def _signature(secret: Secret, message: OutboxMessage, now: datetime) -> str:
    try:
        return Signature(read_secret(secret)).sign(message.webhook_id, now, message.body.decode())
    except (EmptyWebhookSecretError, ValueError):
        raise DeliveryError("the signing secret is not valid, want whsec_ and base64", permanent=False) from None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        raise DeliveryError("the URL is not valid", permanent=True) from None


def _without_url(error: Exception) -> str:
    """What went wrong, without the URL, which may hold a secret."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{type(error).__name__}: cannot connect: {error.os_error.strerror or error.os_error}"
    return type(error).__name__ if isinstance(error, aiohttp.ClientError) else f"{type(error).__name__}: {error}"


def _printable(excerpt: bytes | str) -> str:
    text = excerpt if isinstance(excerpt, str) else excerpt.decode(errors="replace")
    return "".join(char if char.isprintable() else " " for char in text).strip()
