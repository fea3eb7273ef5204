"""Another application sells on the same account: what it does there is none of our business, and nothing of ours is."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import httpx

from local.stack import Stack
from models.base import new_id
from models.database import transaction
from models.inbox import InboxEvent, foreign_events
from tests.conftest import METRICS_KEY
from tests.support.money_play import MoneyPlay
from tests.support.play import AUGUST
from web.app import create_api


def reported(play: MoneyPlay, kind: str, amount: int = 980, reference: str | None = None, **parts: Any) -> str:
    """An event about a payment; without a reference of ours unless it is given."""
    payment = {"id": "gw_shop", "reference": reference, "amount": amount, "currency": "JPY", "status": "succeeded"}
    text = parts.pop("description", None)
    payment |= {"refunded": parts.pop("refunded", 0), "description": text}
    body = {"id": f"evt_{secrets.token_hex(8)}", "type": kind, "occurred_at": "2027-07-17T03:05:00Z"}
    return play.report_body(body | {"data": {"payment": payment, **parts}})


def process_often(play: MoneyPlay, event_id: str) -> InboxEvent:
    for _ in range(7):
        play.process(event_id)
    return play.event(event_id)


PART = {"id": "re_shop", "amount": 980, "currency": "JPY", "status": "succeeded"}


def test_a_shops_sale_refund_and_dispute_are_ignored_and_counted(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    events = [
        reported(play, "payment.pending"),
        reported(play, "payment.succeeded", reference="order 4711"),
        reported(play, "refund.succeeded", refund=PART, refunded=980, reference="order 4711"),
        reported(play, "dispute.opened", dispute=PART),
    ]
    for event_id in events:
        assert process_often(play, event_id).status == "ignored"
        assert "not ours" in (play.event(event_id).last_error or "")
    assert play.ledger() == {}
    assert play.payments() == []
    with transaction() as session:
        counted = {slug: (adapter, count) for slug, adapter, count in foreign_events(session)}
    assert counted[play.slug] == ("standard", 4)


def test_money_that_was_taken_by_hand_for_our_invoice_pays_it(servers: Stack) -> None:
    """Somebody made a payment link at the gateway and wrote the number of a renewal's invoice on it."""
    play = MoneyPlay.of(servers)
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    [number] = play.numbers()
    play.process(reported(play, "payment.succeeded", 550, description=f"Thank you for paying {number}, Example!"))
    assert play.ledger() == {"clearing:standard": 550, "sales": -500, "tax:jp-10": -50}
    [payment] = play.payments()
    assert (payment.invoice_id, payment.outcome) == (invoice_id, "renewal")


def test_the_id_of_a_proforma_is_enough_and_two_invoices_are_one_too_many(servers: Stack) -> None:
    play, other = MoneyPlay.of(servers), MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    others = other.invoice(other.until_awaiting_payment("start")).id
    strange = reported(play, "payment.succeeded", 373, description=f"for {others}")
    assert process_often(play, strange).status == "ignored", "it is an invoice of another provider"
    assert play.process(reported(play, "payment.succeeded", 373, play.invoice(change_id).id)) == change_id
    assert play.ledger() == {"clearing:standard": 373, "held": -373}


def test_a_reference_of_ours_that_nobody_knows_is_shown_to_people(servers: Stack) -> None:
    """A restored database does not know the attempts of its last minutes: that money is ours."""
    play = MoneyPlay.of(servers)
    lost = reported(play, "payment.succeeded", 373, reference=new_id("pay"))
    assert process_often(play, lost).status == "processed"
    assert play.ledger() == {"clearing:standard": 373, "unmatched:standard": -373}
    refund = PART | {"amount": 100}
    orphan = reported(play, "refund.succeeded", reference=new_id("pay"), refund=refund, refunded=100)
    play.process(orphan)
    assert play.event(orphan).status == "processed", "the payment is known by the gateway's name"


def test_what_came_before_its_payment_is_not_lost(servers: Stack) -> None:
    """A dispute without a reference, so early that it was taken for a shop's: the payment it is about comes later."""
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    early = reported(play, "dispute.opened", dispute=PART | {"id": "dp_1", "amount": 373})
    assert process_often(play, early).status == "ignored"
    play.process(reported(play, "payment.succeeded", 373, reference=attempt.id))
    assert play.event(early).status == "processed"
    assert play.ledger() == {}, "held for the offer, and taken back by the gateway"
    with transaction() as session:
        assert play.slug not in [slug for slug, _, _ in foreign_events(session)]


def test_a_payment_before_its_attempt_has_a_name_is_parked(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    event_id = reported(play, "payment.succeeded", 373)
    play.process(event_id)
    assert play.event(event_id).status == "parked"
    change_id = play.until_awaiting_payment("start")
    with transaction() as session:
        attempt = session.merge(play.attempts(change_id)[0])
        attempt.gateway_ref = "gw_shop"
    assert play.process(event_id) == change_id
    assert play.ledger() == {"clearing:standard": 373, "held": -373}


def test_the_count_is_a_metric(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    process_often(play, reported(play, "payment.succeeded"))

    async def scraped() -> str:
        app: Any = create_api()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
            return (await client.get("/metrics", headers={"Authorization": f"Bearer {METRICS_KEY}"})).text

    line = f'planshift_foreign_events{{gateway="standard",provider="{play.slug}"}} 1.0'
    assert line in asyncio.run(scraped())
