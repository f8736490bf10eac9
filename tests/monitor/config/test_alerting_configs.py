from __future__ import annotations

import pytest
from config_problems import load_text, problems_of

from monitor.config.alerting_config import AlertingConfig, Receiver, Route, WebhookConfig
from monitor.config.scrape_config import Authorization, Secret

SIGNING_SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5"


def webhook_of(text: str) -> WebhookConfig:
    config = load_text(f"route: {{receiver: r}}\nreceivers: [{{name: r, webhook_configs: [{text}]}}]")
    return config.alerting.receivers[0].webhook_configs[0]


def webhook_problems(text: str) -> list[str]:
    found = problems_of(f"route: {{receiver: r}}\nreceivers:\n- name: r\n  webhook_configs:\n  - {text}")
    return [line.replace("receivers[0].webhook_configs[0]", "").replace(" .", " ") for line in found]


def test_without_receivers_nobody_is_told():
    assert load_text("").alerting == AlertingConfig(None, ())


def test_a_receiver_may_have_no_place_to_notify():
    alerting = load_text("route: {receiver: none}\nreceivers: [{name: none}]").alerting

    assert alerting == AlertingConfig(Route("none"), (Receiver("none"),))


def test_a_webhook_has_defaults():
    assert webhook_of("{url: http://x/y}") == WebhookConfig(Secret("http://x/y"))
    assert webhook_of("{url: http://x/y, timeout: 0s}").timeout_ms == 10_000


def test_every_key_of_a_webhook_is_read():
    webhook = webhook_of(
        f"{{url_file: /u, send_resolved: false, max_alerts: 5, timeout: 3s, signing_secret: {SIGNING_SECRET}, "
        "http_config: {authorization: {credentials: c}, proxy_url: http://p}}"
    )

    assert (webhook.url, webhook.send_resolved, webhook.max_alerts, webhook.timeout_ms) == (
        Secret(file="/u"), False, 5, 3_000,
    )  # fmt: skip
    assert webhook.signing_secret == Secret(SIGNING_SECRET)
    assert (webhook.http.authorization, webhook.http.proxy_url) == (Authorization("Bearer", Secret("c")), "http://p")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "5 : got none of url or url_file, want exactly one of them"),
        ("{url: http://a, url_file: b}", "5 url_file: got url and url_file, want at most one of url or url_file"),
        (
            "url: ftp://user:hunter2@host",
            "5 url: got something else, want a URL with a host that starts with http:// or https://",
        ),
        ("url: http://", "5 url: got something else, want a URL with a host that starts with http:// or https://"),
        (
            "{url: http://a, signing_secret: hunter2}",
            "5 signing_secret: got a secret that does not start with whsec_, want whsec_ and base64 of 24 to 64 bytes",
        ),
        (
            "{url: http://a, signing_secret: whsec_hunter!}",
            "5 signing_secret: got a secret that is not base64, want whsec_ and base64 of 24 to 64 bytes",
        ),
        (
            "{url: http://a, signing_secret: whsec_aHVudGVy}",
            "5 signing_secret: got a secret of 6 bytes, want whsec_ and base64 of 24 to 64 bytes",
        ),
        (
            "{url: http://a, http_config: {basic_auht: {}}}",
            "5 http_config.basic_auht: unknown key, did you mean basic_auth?",
        ),
    ],
)
def test_a_mistake_in_a_webhook_is_named_without_its_secrets(text, problem):
    assert [line.replace(": ", " : ", 1) if line.startswith("5:") else line for line in webhook_problems(text)] == [
        problem
    ]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "receivers: [{name: a}]",
            ["1 route: missing, want route.receiver to say which of the receivers is used"],
        ),
        (
            "route: {receiver: b}\nreceivers: [{name: a}]",
            ["1 route.receiver: got 'b', want the name of one of the receivers"],
        ),
        ("route: {}", ["1 route.receiver: missing, want it to be set"]),
        (
            "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]",
            ["2 receivers: got the name 'a' more than once, want a name for each receiver"],
        ),
        ("route: {receiver: a}\nreceivers: [{name: a}, {}]", ["2 receivers[1].name: missing, want it to be set"]),
    ],
)
def test_route_and_receivers_fit_together(text, problems):
    assert problems_of(text) == problems
