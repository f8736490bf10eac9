"""Posts decisions to a URL of the user's, signed by the Standard Webhooks scheme (standardwebhooks.com, version 1.0.0).

The receiver gets an absolute count, a decision_seq that only rises, and an expiry, so it can ignore what is old or
known. It answers 2xx with `{"applied": true, "replicas": 47}`, or 409 if it will not do it. Every attempt for one
decision carries the same `webhook-id`. Attempts end with the decision's life: an old count is worse than none.
"""

from __future__ import annotations

import asyncio
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson
from standardwebhooks import Webhook as Signature
from standardwebhooks.webhooks import EmptyWebhookSecretError

from alerts.autoscale.actuators.actuator import Order, Receipt, ReplicaCount
from alerts.autoscale.decision import Decision, Trust
from alerts.autoscale.explain import binding
from alerts.notify.retry import Verdict, judge, retry_after_seconds
from monitor import __version__
from monitor.clock import Clock
from monitor.errors import DeliveryError
from monitor.model.durations import rfc3339

EXPRESSION_MAX = 4_000
"""Characters of the expression that are sent: bodies stay below the 20 kB that receivers may count on."""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """`waits_seconds` come between attempts, so there is one attempt more than waits."""

    timeout_seconds: float = 10.0
    waits_seconds: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 30.0)
    response_max_bytes: int = 65_536


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to post. Secrets are read anew for each attempt, so that they can be rotated.

    `request_options` gives what else aiohttp's `post` takes (alerts/http_options.py).
    """

    url: Callable[[], str]
    signing_secret: Callable[[], str] | None = None
    request_options: Callable[[], Mapping[str, Any]] = dict


class Webhook:
    """The actuator. It cannot see replicas: what the receiver reported last is in the receipts."""

    def __init__(
        self,
        endpoint: Endpoint,
        session: aiohttp.ClientSession,
        clock: Clock,
        settings: WebhookSettings,
        explain_url: Callable[[str, int], str],
    ) -> None:
        """`explain_url` gives the address of a decision's reasons, for a policy and a decision_seq."""
        self._endpoint = endpoint
        self._session = session
        self._clock = clock
        self._settings = settings
        self._explain_url = explain_url
        self._is_gone = False

    async def observe(self) -> ReplicaCount | None:
        return None

    async def apply(self, order: Order) -> Receipt:
        """Posts until somebody takes it, refuses it for good, or it expires."""
        if self._is_gone:
            raise DeliveryError("the receiver answered 410 before: it wants no more", permanent=True)
        link = self._explain_url(order.decision.policy, order.decision_seq)
        body = orjson.dumps(message(order, rfc3339(self._clock.now_ms()), link)).decode()
        attempts = 0
        while True:
            attempts += 1
            try:
                answer = await self._post(order, body)
                return _receipt(answer, attempts)
            except DeliveryError as error:
                await self._wait_for_another_try(error, attempts, order.expires_at_ms)

    async def close(self) -> None:
        """The session belongs to whoever made it."""

    async def _wait_for_another_try(self, error: DeliveryError, attempts: int, expires_at_ms: int) -> None:
        """Raises `error` where no further attempt is worth it or fits into the order's life."""
        waits = self._settings.waits_seconds
        if error.permanent or attempts > len(waits):
            raise error
        wait_seconds = max(waits[attempts - 1], error.retry_after_seconds or 0.0)
        if self._clock.now_ms() + wait_seconds * 1000 >= expires_at_ms:
            raise error
        await self._clock.sleep(wait_seconds)

    async def _post(self, order: Order, body: str) -> Answer:
        now_ms = self._clock.now_ms()
        left_seconds = (order.expires_at_ms - now_ms) / 1000
        if left_seconds <= 0:
            raise DeliveryError("the order has expired", permanent=True)
        timeout_seconds = min(self._settings.timeout_seconds, left_seconds)
        options = dict(self._endpoint.request_options())
        headers = [*options.pop("headers", ()), *self._signed_headers(order.decision_id, body, now_ms)]
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._session.post(
                    self._endpoint.url(), data=body.encode(), headers=headers, allow_redirects=False, **options
                ) as response,
            ):
                text = await _read_at_most(response.content, self._settings.response_max_bytes)
                answer = Answer(response.status, text, response.headers.get("Retry-After"))
        except TimeoutError as error:
            raise DeliveryError(f"no answer within {timeout_seconds:g} s", permanent=False) from error
        except (aiohttp.ClientError, OSError) as error:
            raise DeliveryError(f"no connection: {_without_url(error)}", permanent=False) from error
        self._raise_for(answer)
        return answer

    def _signed_headers(self, decision_id: str, body: str, now_ms: int) -> list[tuple[str, str]]:
        """The Standard Webhooks headers; without a secret there is no signature."""
        headers = [
            ("Content-Type", "application/json"),
            ("User-Agent", f"Plimsoll/{__version__}"),
            ("webhook-id", decision_id),
            ("webhook-timestamp", str(now_ms // 1000)),
        ]
        if self._endpoint.signing_secret is not None:
            at = datetime.fromtimestamp(now_ms // 1000, UTC)
            headers.append(("webhook-signature", _signature(self._endpoint.signing_secret(), decision_id, at, body)))
        return headers

    def _raise_for(self, answer: Answer) -> None:
        """2xx and 409 are answers; everything else is a failure, and some of it passes."""
        verdict = judge(answer.status)
        if verdict is Verdict.DELIVERED or answer.status == HTTPStatus.CONFLICT:
            return
        self._is_gone = verdict is Verdict.DISABLED
        raise DeliveryError(
            f"the receiver answered {answer.status}",
            permanent=verdict is not Verdict.RETRY,
            retry_after_seconds=retry_after_seconds(answer.retry_after, self._clock.now_ms()),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said; `body` is cut at the settings' limit."""

    status: int
    body: bytes
    retry_after: str | None


def message(order: Order, timestamp: str, explain_url: str) -> dict[str, Any]:
    """The body. `scale.hold` repeats the last desired count because there are no data to decide from."""
    decision = order.decision
    return {
        "type": "scale.hold" if decision.trust is Trust.HOLD else "scale.recommended",
        "timestamp": timestamp,
        "data": {
            "decision_id": order.decision_id,
            "decision_seq": order.decision_seq,
            "policy": decision.policy,
            "current": decision.inputs.replicas,
            "desired": order.desired,
            "raw_desired": decision.raw_desired,
            "bounds": {"min": decision.min_replicas, "max": decision.max_replicas},
            "direction": decision.direction.value,
            "reason": decision.reason.value,
            "inputs": [_input(decision)],
            "clamps": [clamp.limit.value for clamp in binding(decision)],
            "dry_run": decision.dry_run,
            "expires_at": rfc3339(order.expires_at_ms),
            "explain_url": explain_url,
        },
    }


def _input(decision: Decision) -> dict[str, Any]:
    """orjson writes a NaN as null."""
    inputs = decision.inputs
    return {
        "name": "load",
        "expr": inputs.expression[:EXPRESSION_MAX],
        "value": inputs.value,
        "target": inputs.target,
        "age_s": inputs.age_seconds,
    }


def _signature(secret: str, decision_id: str, at: datetime, body: str) -> str:
    try:
        return Signature(secret).sign(decision_id, at, body)
    except (EmptyWebhookSecretError, binascii.Error) as error:
        raise DeliveryError("the signing secret is not valid, want whsec_ and base64", permanent=True) from error


def _receipt(answer: Answer, attempts: int) -> Receipt:
    """A body that is not what the contract asks for says nothing; the status has already said whether it was taken."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    fields = body if isinstance(body, dict) else {}
    replicas = fields.get("replicas")
    is_count = isinstance(replicas, int) and not isinstance(replicas, bool) and replicas >= 0
    is_refused = answer.status == HTTPStatus.CONFLICT or fields.get("applied") is False
    detail = f"the receiver answered {answer.status}" + (" and did not apply it" if is_refused else "")
    return Receipt(not is_refused, replicas if is_count else None, detail, attempts)


async def _read_at_most(content: aiohttp.StreamReader, size: int) -> bytes:
    try:
        return await content.readexactly(size)
    except asyncio.IncompleteReadError as error:
        return error.partial


def _without_url(error: Exception) -> str:
    """The error without its text, which may hold the URL and what is secret in it."""
    cause = getattr(error, "os_error", None) or error
    reason = getattr(cause, "strerror", None)
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
