"""Discounts, quantities, exempt customers and credits that are refunded, from the host's report to the ledger."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from cli.sandbox import sample_catalogs
from domain.catalog import Discount, Outcome, Rule
from domain.money import Money
from domain.pricing.modes import Anchor, CreditBecomes, Fraction, Proration
from engine.host_reports import UnknownDiscount
from engine.payments.refunds import begin_refund
from local.stack import Stack
from models.database import transaction
from models.payment import Payment, Refund
from tests.support.play import Play

HALF = {"half": Discount(percent="50")}
REFUND = Proration(fraction=Fraction.DAYS, credit=True, anchor=Anchor.KEEP, credit_becomes=CreditBecomes.REFUND)


def test_a_discount_is_taken_off_old_and_new_terms_and_was_taken_off_what_was_paid(servers: Stack) -> None:
    play = Play.of(servers, catalog={"discounts": HALF}, discount="half")
    assert play.items() == [("basic", 1, 250, 25)]
    change_id = play.request("business")
    play.steps("quote issue", change_id)
    # 15 of 31 days: 1500 → 726, 250 → 121; 605 and 10 %, 61 (60.5 half up).
    invoice = play.invoice(change_id)
    assert (invoice.net_minor, invoice.tax_minor, invoice.total_minor) == (605, 61, 666)


def test_a_discount_that_the_catalogue_does_not_have(servers: Stack) -> None:
    with pytest.raises(UnknownDiscount, match="no discount spring"):
        Play.of(servers, discount="spring")


def test_three_units_are_priced_as_three(servers: Stack) -> None:
    play = Play.of(servers, quantity=3)
    change_id = play.request("business")
    play.steps("quote issue", change_id)
    # 9000 × 15/31 = 4354.8 → 4355, 1500 × 15/31 = 725.8 → 726; 3629 and 363.
    assert play.invoice(change_id).total_minor == 3629 + 363


def test_a_customer_who_becomes_exempt_gets_the_tax_back_that_was_charged(servers: Stack) -> None:
    """1452 without tax; 242 of Basic back with the 10 % that it was sold with."""
    play = Play.of(servers)
    with transaction() as session:
        play.service(session).customer.tax_exempt = True
    change_id = play.request("business")
    play.steps("quote issue", change_id)
    assert (play.invoice(change_id).tax_minor, play.invoice(change_id).total_minor) == (-24, 1186)


def test_a_credit_goes_back_as_money_as_far_as_money_came(servers: Stack) -> None:
    [dns] = [catalog for catalog in sample_catalogs() if catalog.provider == "dns"]
    downgrade_now = Rule(direction="downgrade", outcome=Outcome.NOW, proration=REFUND)
    play = Play.of(servers, catalog={"rules": (downgrade_now, *dns.rules)})
    up = play.until_awaiting_payment("business")
    play.process(play.report(play.attempts(up)[-1].id, Money(1331, "JPY")))
    play.steps("settle apply", up)

    down = play.request("basic")
    assert play.steps("quote issue print request_payment", down) == "invoiced"
    # 15 of 31 days back at once: 242 - 1452 = -1210, tax -121. 1331 came through the gateway and can go back.
    quote = play.change(down).quote
    assert quote is not None
    assert (quote["total"]["amount"], quote["refund"]["amount"], quote["credit_created"]["amount"]) == (-1331, 1331, 0)
    assert play.step("settle", down) == "paid"
    assert play.ledger() == {"clearing:standard": 1331, "refunding": -1331}
    with transaction() as session:
        refund = session.scalars(
            select(Refund).join(Payment).where(Payment.attempt_id == play.attempts(up)[0].id)
        ).one()
        call = begin_refund(session, play.change(down).received_at, refund.id)
    assert not isinstance(call, str)
    assert call.amount == Money(1331, "JPY")
