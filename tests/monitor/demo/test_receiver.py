from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import aiohttp
import pytest
from manual_clock import ManualClock
from standardwebhooks import Webhook

from monitor.demo.configuration import RECEIVER_PATH
from monitor.demo.ports import free_port_at
from monitor.demo.receiver import Receiver
from monitor.demo.snapshot import Delivery

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = json.dumps(
    {
        "status": "firing",
        "alerts": [{"labels": {"alertname": "ShopIsSlow"}}],
        "commonAnnotations": {"summary": "it is slow"},
    }
)


def signed(secret: str, body: str) -> dict[str, str]:
    now = datetime.now(UTC)
    signature = Webhook(secret).sign("msg_1", now, body)
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


def post(headers: dict[str, str], body: str = BODY) -> tuple[int, list[Delivery]]:
    """The receiver's status, and what it took for delivered."""

    async def story() -> tuple[int, list[Delivery]]:
        deliveries: list[Delivery] = []
        receiver, port = Receiver(SECRET, ManualClock(1_000), deliveries.append), free_port_at("127.0.0.1")
        await receiver.start(port)
        url = f"http://127.0.0.1:{port}{RECEIVER_PATH}"
        try:
            async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
                return response.status, deliveries
        finally:
            await receiver.close()

    return asyncio.run(story())


def test_a_signed_notification_is_taken():
    status, deliveries = post(signed(SECRET, BODY))

    assert status == 204
    assert deliveries == [Delivery(1_000, "firing", ("ShopIsSlow",), "it is slow", is_verified=True)]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed("whsec_" + "A" * 32, BODY),
        signed(SECRET, BODY + " "),
        {**signed(SECRET, BODY), "webhook-signature": "nonsense"},
        {**signed(SECRET, BODY), "webhook-timestamp": "1"},
    ],
    ids=["none", "another secret", "another body", "nonsense", "an old time"],
)
def test_what_is_not_signed_rightly_is_refused_and_not_read(headers):
    status, deliveries = post(headers)

    assert status == 401
    assert [(each.is_verified, each.alerts) for each in deliveries] == [(False, ())]
