"""Staff approve a change at a price of a unit: what is billed and kept of it, and what nobody accepted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from domain.money import Money
from engine.review import NotInReview, PriceNotAgreeable, approve_change
from local.stack import Stack
from models.audit import Attribution, OperatorAction
from models.database import transaction
from tests.support.play import Play

# The calendar year 2027 in Buenos Aires, and a morning in it.
JANUARY, NEXT_JANUARY = datetime(2027, 1, 1, 3, tzinfo=UTC), datetime(2028, 1, 1, 3, tzinfo=UTC)
NOW = datetime(2027, 7, 17, 12, tzinfo=UTC)
STAFF = Attribution("ana", "customer since 2019")


def in_review(servers: Stack) -> tuple[Play, str]:
    """Radio 100 for 2027, 80 dollars paid, asks for VPS 1 at 250: 170 accepted."""
    year: dict[str, Any] = {"cycle": "annual", "period_start": JANUARY, "period_end": NEXT_JANUARY}
    play = Play.of(servers, "hosting", "radio-100", **year)
    play.set_clock(NOW)
    change_id = play.request("vps-1", "annual", accept_total=Money(17_000, "USD"))
    assert play.step("quote", change_id) == "awaiting_review"
    return play, change_id


def approve(change_id: str, price: Money | None) -> str:
    with transaction() as session:
        return approve_change(session, NOW, change_id, STAFF, price).value


def test_less_is_billed_and_the_service_keeps_it(servers: Stack) -> None:
    play, change_id = in_review(servers)
    assert approve(change_id, Money(20_000, "USD")) == "requested"
    assert play.steps("quote issue print request_payment", change_id) == "awaiting_payment"
    assert play.invoice(change_id).due_minor == 12_000
    play.process(play.report(play.attempts(change_id)[-1].id, Money(12_000, "USD")))
    assert play.steps("settle apply", change_id) == "applied"
    with transaction() as session:
        assert play.service(session).unit_price_minor == 20_000
        action = session.execute(select(OperatorAction).where(OperatorAction.subject == change_id)).scalar_one()
        assert (action.action, action.actor, action.reason) == ("change.price", "ana", "customer since 2019")
        assert {name: money["amount"] for name, money in action.details.items()} == {
            "unit_price": 20_000,
            "instead_of": 25_000,
        }
    # What is credited later is what was billed: 200 for the year, and not 250.
    assert play.items() == [("vps-1", 1, 20_000, 0)]
    assert play.ledger() == {"clearing:standard": 12_000, "sales": -12_000}


@pytest.mark.parametrize("price", [Money(25_001, "USD"), Money(-1, "USD"), Money(20_000, "EUR")])
def test_what_was_not_accepted_is_refused(servers: Stack, price: Money) -> None:
    _, change_id = in_review(servers)
    with pytest.raises(PriceNotAgreeable, match=r"A unit costs 250\.00 USD in the catalogue"):
        approve(change_id, price)


def test_approved_twice_is_approved_once_at_one_price(servers: Stack) -> None:
    play, change_id = in_review(servers)
    assert approve(change_id, Money(20_000, "USD")) == "requested"
    assert approve(change_id, Money(20_000, "USD")) == "requested"
    assert approve(change_id, None) == "requested"
    with pytest.raises(NotInReview):
        approve(change_id, Money(19_000, "USD"))
    assert play.change(change_id).approved_unit_minor == 20_000


def test_without_a_price_the_catalogues_counts(servers: Stack) -> None:
    play, change_id = in_review(servers)
    approve(change_id, None)
    play.steps("quote issue", change_id)
    assert play.invoice(change_id).due_minor == 17_000
