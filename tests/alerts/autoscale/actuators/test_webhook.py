"""Orders over HTTP to a receiver that takes them, fails, hangs, refuses, throttles or wants no more."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from scaling_story import reading, watched
from standardwebhooks import Webhook as Signature
from webhook_receiver import Reply, WebhookReceiver

from alerts.autoscale.actuators.actuator import Order
from alerts.autoscale.actuators.webhook import EXPRESSION_MAX, Endpoint, Webhook, WebhookSettings
from alerts.autoscale.decide import decide
from alerts.autoscale.decision import Observation, Reading, ReplicasSource, State
from alerts.autoscale.policy import Policy
from monitor.clock import SystemClock
from monitor.errors import DeliveryError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DONE = Reply(200, b'{"applied": true, "replicas": 47}')
QUICK = WebhookSettings(timeout_seconds=0.2, waits_seconds=(0.01, 0.02, 0.04))
CLOCK = SystemClock()


def order(life_ms: int = 15_000, expression: str = "load", answer: Reading | None = None) -> Order:
    now_ms = CLOCK.now_ms()
    policy = Policy(name="web", expression=expression, target=100, max_replicas=100, dry_run=False)
    observation = Observation(answer or reading(4650.0, now_ms), replicas=31, replicas_source=ReplicasSource.RECEIPT)
    state = State(last_desired=47) if answer else watched(policy, now_ms)
    decision = decide(policy, state, observation, now_ms)
    return Order("b7c1", 12, 47, decision, now_ms + life_ms)


async def deliver(receiver, *orders, settings=QUICK, secret=SECRET, url=None):
    """The receipt or error of each order."""
    async with receiver.serve(), aiohttp.ClientSession() as session:
        endpoint = Endpoint(
            url=lambda: url or receiver.url,
            signing_secret=(lambda: secret) if secret else None,
            request_options=lambda: {"headers": [("X-Team", "web")]},
        )
        webhook = Webhook(endpoint, session, CLOCK, settings, lambda policy, seq: f"http://me/{policy}/{seq}")
        assert await webhook.observe() is None
        results = await asyncio.gather(*[webhook.apply(one) for one in orders[:1]], return_exceptions=True)
        for one in orders[1:]:
            results += await asyncio.gather(webhook.apply(one), return_exceptions=True)
        return results


def delivered(*replies, one=None, **options):
    """What the receiver got, and the receipt or error."""
    receiver = WebhookReceiver(*replies)
    (result,) = asyncio.run(deliver(receiver, one or order(), **options))
    return receiver.received, result


def test_the_body_says_absolutely_how_many_until_when_and_why():
    one = order()
    (got,), receipt = delivered(DONE, one=one)
    assert (receipt.accepted, receipt.replicas, receipt.attempts) == (True, 47, 1)
    assert got.body["type"] == "scale.recommended"
    data = got.body["data"]
    assert data["inputs"] == [{"name": "load", "expr": "load", "value": 4650.0, "target": 100, "age_s": 0.0}]
    assert (
        data.items()
        >= {
            "decision_id": "b7c1",
            "decision_seq": 12,
            "policy": "web",
            "current": 31,
            "desired": 47,
            "raw_desired": 47,
            "bounds": {"min": 1, "max": 100},
            "direction": "up",
            "reason": "target",
            "clamps": [],
            "dry_run": False,
            "explain_url": "http://me/web/12",
        }.items()
    )
    assert data["expires_at"] > got.body["timestamp"]


def test_the_signature_is_one_that_standard_webhooks_verifies():
    (got,), _ = delivered(DONE)
    assert Signature(SECRET).verify(got.text, dict(got.headers)) == got.body
    assert got.headers["webhook-id"] == "b7c1"
    assert got.headers["X-Team"] == "web"


def test_without_a_secret_there_is_no_signature():
    (got,), _ = delivered(DONE, secret=None)
    assert "webhook-signature" not in got.headers


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a"])
def test_a_secret_that_is_none_is_named_and_not_shown(secret):
    received, error = delivered(DONE, secret=secret)
    assert received == []
    assert str(error) == "the signing secret is not valid, want whsec_ and base64"


def test_a_hold_that_repeats_the_last_count_says_so():
    (got,), _ = delivered(DONE, one=order(answer=Reading()))
    assert got.body["type"] == "scale.hold"
    assert got.body["data"]["inputs"][0]["value"] is None


def test_a_long_expression_is_cut_so_that_the_body_stays_below_20_kb():
    (got,), _ = delivered(DONE, one=order(expression="x" * 50_000))
    assert len(got.body["data"]["inputs"][0]["expr"]) == EXPRESSION_MAX
    assert len(got.text) < 20_000


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_what_may_pass_is_tried_again_with_the_same_id(status):
    received, receipt = delivered(Reply(status), Reply(status), DONE)
    assert (receipt.accepted, receipt.attempts) == (True, 3)
    assert {got.headers["webhook-id"] for got in received} == {"b7c1"}
    assert len({got.text for got in received}) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 404])
def test_what_will_not_pass_is_not_tried_again(status):
    received, error = delivered(Reply(status, headers={"Location": "/elsewhere"}), DONE)
    assert len(received) == 1
    assert isinstance(error, DeliveryError)
    assert error.permanent
    assert str(status) in str(error)


def test_attempts_are_bounded():
    received, error = delivered(Reply(500))
    assert len(received) == 1 + len(QUICK.waits_seconds)
    assert isinstance(error, DeliveryError)


def test_a_receiver_that_hangs_is_given_up_and_tried_again():
    received, receipt = delivered(Reply(hangs=True), DONE)
    assert len(received) == 2
    assert receipt.accepted


def test_nothing_is_sent_after_the_order_has_expired():
    received, error = delivered(Reply(500), one=order(life_ms=25))
    assert 1 <= len(received) <= 2
    assert isinstance(error, DeliveryError)
    received, error = delivered(DONE, one=order(life_ms=0))
    assert (received, str(error)) == ([], "the order has expired")


def test_a_hanging_attempt_ends_with_the_life_of_the_order():
    settings = WebhookSettings(timeout_seconds=60, waits_seconds=())
    _, error = delivered(Reply(hangs=True), one=order(life_ms=100), settings=settings)
    assert isinstance(error, DeliveryError)


def test_retry_after_is_honoured_where_the_life_of_the_order_allows():
    received, receipt = delivered(Reply(429, headers={"Retry-After": "0"}), DONE)
    assert (len(received), receipt.accepted) == (2, True)
    received, error = delivered(Reply(429, headers={"Retry-After": "60"}), DONE)
    assert (len(received), error.retry_after_seconds) == (1, 60)


def test_retry_after_may_be_a_date():
    _, error = delivered(Reply(503, headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}), DONE)
    assert error.retry_after_seconds > 1e6


def test_a_conflict_is_an_answer():
    received, receipt = delivered(Reply(409, b'{"applied": false, "replicas": 60}'))
    assert (receipt.accepted, receipt.replicas, len(received)) == (False, 60, 1)


def test_not_applied_is_an_answer():
    _, receipt = delivered(Reply(200, b'{"applied": false, "replicas": 31}'))
    assert (receipt.accepted, receipt.replicas) == (False, 31)


def test_a_receiver_that_is_gone_is_never_asked_again():
    receiver = WebhookReceiver(Reply(410), DONE)
    errors = asyncio.run(deliver(receiver, order(), order()))
    assert len(receiver.received) == 1
    assert [error.permanent for error in errors] == [True, True]
    assert "410" in str(errors[1])


@pytest.mark.parametrize(
    "body", [b"", b"fine", b"[]", b'{"replicas": "47"}', b'{"replicas": -1}', b'{"replicas": true}', b"\xff"]
)
def test_a_body_that_is_not_the_contract_says_nothing_about_replicas(body):
    _, receipt = delivered(Reply(204 if not body else 200, body))
    assert (receipt.accepted, receipt.replicas) == (True, None)


def test_a_huge_answer_is_not_read_to_its_end():
    huge = json.dumps({"applied": True, "replicas": 47, "padding": "x" * 1_000_000}).encode()
    _, receipt = delivered(Reply(200, huge))
    assert (receipt.accepted, receipt.replicas) == (True, None)


def test_an_error_never_shows_the_url():
    _, error = delivered(DONE, url="http://127.0.0.1:1/token-of-ours", settings=WebhookSettings(waits_seconds=()))
    assert "no connection" in str(error)
    assert "token" not in str(error)
