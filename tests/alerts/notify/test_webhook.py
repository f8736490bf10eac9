from __future__ import annotations

import asyncio
import base64
import socket
import time
from dataclasses import replace

import pytest
from manual_clock import ManualClock
from standardwebhooks import Webhook
from webhook_receiver import Reply, WebhookReceiver

from alerts.http_options import request_options
from alerts.notify.integration import Integration
from alerts.notify.outbox import OutboxMessage
from alerts.notify.webhook import Answer, WebhookSender
from monitor.clock import SystemClock
from monitor.config.alerting_config import WebhookConfig
from monitor.config.scrape_config import Authorization, BasicAuth, HttpClientConfig, Secret
from monitor.errors import DeliveryError

MESSAGE = OutboxMessage(1, "msg_1", "team/webhook[0]", "g", "r", '{"text":"ü"}'.encode(), 0, 0)
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


def send(receiver: WebhookReceiver, config: WebhookConfig | None = None, clock=None, **options) -> Answer:
    """One message to a receiver that is up."""

    async def story() -> Answer:
        async with receiver.serve():
            url = config.url if config and config.url.text else Secret(receiver.url)
            wanted = replace(config or WebhookConfig(url), url=url)
            return await send_to(wanted, clock, **options)

    return asyncio.run(story())


async def send_to(config: WebhookConfig, clock=None, **options) -> Answer:
    integration = Integration("team/webhook[0]", "team", config)
    sender = WebhookSender(integration, clock or ManualClock(), lambda: request_options(config.http), **options)
    try:
        return await sender.send(MESSAGE)
    finally:
        await sender.close()


def error_of(url: str, **options) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        asyncio.run(send_to(WebhookConfig(Secret(url), timeout_ms=300), **options))
    return caught.value


def test_a_message_is_posted_as_it_is_with_its_id():
    receiver = WebhookReceiver(Reply(202))

    answer = send(receiver)

    (got,) = receiver.received
    assert answer == Answer(202)
    assert got.text.encode() == MESSAGE.body
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["User-Agent"].startswith("Plimsoll/")
    assert (got.headers["webhook-id"], got.headers["webhook-timestamp"]) == ("msg_1", "1700000000")
    assert "webhook-signature" not in got.headers


def test_with_a_secret_the_library_of_standard_webhooks_verifies_it():
    receiver = WebhookReceiver(Reply())

    send(receiver, WebhookConfig(Secret(), signing_secret=Secret(SECRET)), SystemClock())

    (got,) = receiver.received
    assert Webhook(SECRET).verify(got.text, dict(got.headers)) == {"text": "ü"}
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 10


def test_a_refusal_is_reported_with_what_the_receiver_says():
    receiver = WebhookReceiver(Reply(400, b"no such\nchannel" + b"x" * 10_000))

    answer = send(receiver)

    assert (answer.status, answer.excerpt[:16], len(answer.excerpt)) == (400, "no such channelx", 300)


def test_retry_after_is_passed_on():
    receiver = WebhookReceiver(Reply(429, headers={"Retry-After": "17"}))

    assert send(receiver).retry_after == "17"


def test_a_redirect_is_not_followed():
    receiver = WebhookReceiver(Reply(302, headers={"Location": "/scale"}))

    assert send(receiver).status == 302
    assert len(receiver.received) == 1


def test_no_answer_in_time_is_worth_another_try():
    with pytest.raises(DeliveryError, match="no answer within 100 ms") as caught:
        send(WebhookReceiver(Reply(hangs=True)), WebhookConfig(Secret(), timeout_ms=100))

    assert caught.value.permanent is False


def test_nobody_there_is_worth_another_try_and_the_url_stays_secret():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        error = error_of(f"http://127.0.0.1:{closed.getsockname()[1]}/token-abc")

    assert error.permanent is False
    assert "token-abc" not in str(error)


@pytest.mark.parametrize("url", ["not a url", "ftp://host/secret", "http://"])
def test_a_url_that_makes_no_sense_is_permanent_and_not_repeated(url):
    error = error_of(url)

    assert (str(error), error.permanent) == ("the URL is not valid", True)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "%%%"])
def test_a_signing_secret_that_makes_no_sense_is_named_but_not_shown(secret):
    config = WebhookConfig(Secret(), signing_secret=Secret(secret))

    with pytest.raises(DeliveryError, match=r"^the signing secret is not valid, want whsec_ and base64$"):
        send(WebhookReceiver(Reply()), config)


def test_url_and_secret_are_read_from_their_files_at_each_attempt(tmp_path):
    url_file, secret_file = tmp_path / "url", tmp_path / "secret"
    secret_file.write_text(SECRET + "\n")
    receiver = WebhookReceiver(Reply())
    config = WebhookConfig(Secret(file=str(url_file)), signing_secret=Secret(file=str(secret_file)))

    async def story() -> None:
        async with receiver.serve():
            with pytest.raises(DeliveryError, match="url cannot be read: No such file"):
                await send_to(config)
            url_file.write_text(receiver.url)
            await send_to(config)

    asyncio.run(story())
    assert receiver.received[0].headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize(
    ("http", "header", "value"),
    [
        (HttpClientConfig(basic_auth=BasicAuth("u", Secret("p"))), "Authorization", "Basic dTpw"),
        (HttpClientConfig(authorization=Authorization("Bearer", Secret("t"))), "Authorization", "Bearer t"),
        (HttpClientConfig(http_headers={"X-Team": (Secret("db"),)}), "X-Team", "db"),
    ],
)
def test_the_http_config_holds(http, header, value):
    receiver = WebhookReceiver(Reply())

    send(receiver, WebhookConfig(Secret(), http=http))

    assert receiver.received[0].headers[header] == value


def test_a_user_name_can_come_from_a_file(tmp_path):
    (tmp_path / "name").write_text("u\n")
    auth = BasicAuth("", Secret("p"), username_file=str(tmp_path / "name"))

    options = request_options(HttpClientConfig(basic_auth=auth, proxy_url="http://proxy:1"))

    assert options == {"headers": [("Authorization", "Basic dTpw")], "proxy": "http://proxy:1"}


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1]", "0.0.0.0", "localhost"],
)
def test_with_the_guard_private_addresses_are_refused(host):
    error = error_of(f"http://{host}:9/", forbid_private_addresses=True)

    assert error.permanent is True
    assert "want a public one" in str(error)


def test_without_the_guard_they_are_called():
    assert send(WebhookReceiver(Reply())).status == 200
