"""Every server of the fleet gives the same answers."""

from __future__ import annotations

import json

import pytest
from live_fleet import LiveServer

from deploy.fleet.servers import SERVERS

pytestmark = pytest.mark.parametrize("name", [server.name for server in SERVERS])

ORDER = b'{"order_id": 42, "amount_cents": 1999}'


def test_the_root_answers_a_short_text(server: LiveServer) -> None:
    with server.connect() as connection:
        answer = connection.ask("/")

    assert (answer.status, answer.body) == (200, b"hello from the fleet\n")


def test_a_product_is_about_a_kilobyte_of_json(server: LiveServer) -> None:
    with server.connect() as connection:
        answer = connection.ask("/product/10007")

    product = json.loads(answer.body)
    description = product.pop("description")
    assert product == {"id": 10007, "name": "Product 10007", "price_cents": 106, "currency": "EUR", "stock": 207}
    assert description.count("A sturdy thing") == 15
    assert 900 < len(answer.body) < 1100


def test_a_payment_is_accepted(server: LiveServer) -> None:
    with server.connect() as connection:
        answer = connection.ask("/pay", ORDER)

    receipt = {"payment_id": "pay-42", "order_id": 42, "amount_cents": 1999, "status": "accepted"}
    assert (answer.status, json.loads(answer.body)) == (200, receipt)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"order_id": 1}', b'{"order_id": "a", "amount_cents": 1}'])
def test_a_wrong_order_is_refused_and_the_connection_kept(server: LiveServer, body: bytes) -> None:
    with server.connect() as connection:
        refused = connection.ask("/pay", body)
        accepted = connection.ask("/pay", ORDER)

    assert (refused.status, accepted.status) == (400, 200)


@pytest.mark.parametrize("target", ["/nowhere", "/product/x", "/product/-1", "/product/4294967296", "/product/7/8"])
def test_what_is_not_there_is_not_found(server: LiveServer, target: str) -> None:
    with server.connect() as connection:
        assert connection.ask(target).status == 404


@pytest.mark.parametrize("target", ["/slow?ms=-1", "/slow?ms=x", "/slow?ms=10001", "/fail?rate=2", "/fail?rate=x"])
def test_a_wrong_number_is_refused(server: LiveServer, target: str) -> None:
    with server.connect() as connection:
        assert connection.ask(target).status == 400


def test_it_fails_at_the_rate_asked_for(server: LiveServer) -> None:
    with server.connect() as connection:
        statuses = {
            rate: {connection.ask(f"/fail?rate={rate}").status for _ in range(40)} for rate in ("0", "0.5", "1")
        }

    assert statuses == {"0": {200}, "0.5": {200, 500}, "1": {500}}
