"""Where the total alone is rounded, what it was rounded by after tax is on each kind of page and in its XML (BT-114).

Basic costs nothing, Start ¥200 and Business ¥405 a month, with 25 % of tax; of September 29 of 30 days are left on the
2nd, which are 193.33 of 200.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import pytest

from domain.catalog import Outcome, Rule
from domain.money import Money
from domain.pricing.modes import Fraction, Proration, RoundingPlace
from engine.audit.checks import PATIENCE, audit_books
from engine.invoicing.documents import document_values
from local.stack import Stack
from models.database import snapshot, transaction
from models.invoice import Invoice
from pdf.facturx import invoice_xml
from pdf.layout_table import sums
from pdf.values import checked
from pdf.words import WORDS
from tests.conftest import catalog_named
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import SEPTEMBER

THE_2ND, OCTOBER = SEPTEMBER + timedelta(days=1), SEPTEMBER + timedelta(days=30)
PRICES = {"basic": 0, "start": 200, "business": 405}
PRINTING = ("numbered_invoices_are_printed", "nothing_is_overdue")


def selling(
    servers: Stack, plan: str, prices: Literal["exclusive", "inclusive"] = "exclusive", **service: Any
) -> MoneyPlay:
    """A service of September whose changes are billed at once, by the day."""
    dns = catalog_named("x", "dns")
    rate = dns.tax.rates[0].model_copy(update={"percent": "25"})
    rounding = dns.policies.rounding.model_copy(update={"place": RoundingPlace.TOTAL})
    changed = {
        "plans": tuple(
            one.model_copy(update={"prices": {"monthly": {"JPY": PRICES[one.id]}}}) for one in dns.plans
        ),
        "tax": dns.tax.model_copy(update={"rates": (rate,), "prices": prices}),
        "policies": dns.policies.model_copy(update={"rounding": rounding}),
        "rules": (Rule(outcome=Outcome.NOW, proration=Proration(fraction=Fraction.DAYS)),),
    }  # fmt: skip
    period = {"period_start": SEPTEMBER, "period_end": OCTOBER}
    play = MoneyPlay.of(servers, plan=plan, catalog=changed, **(period | service))
    play.set_clock(THE_2ND)
    return play


def changed_to(play: MoneyPlay, plan: str) -> str:
    """Paid on the same day; returns its id."""
    change_id = play.request(plan)
    if play.steps("quote issue print request_payment", change_id) == "awaiting_payment":
        due = yen(play.invoice(change_id).due_minor)
        play.process(play.report(play.attempts(change_id)[-1].id, due, at=THE_2ND.isoformat()))
    assert play.steps("settle apply", change_id) == "applied"
    return change_id


def upgrade(servers: Stack) -> tuple[MoneyPlay, Invoice]:
    play = selling(servers, "basic")
    return play, play.invoice(changed_to(play, "start"))


def upgrade_with_tax_inside(servers: Stack) -> tuple[MoneyPlay, Invoice]:
    """405 for 29 of 30 days are 391.5, less 193.33: 198.17, where the lines come to 392 - 193."""
    play = selling(servers, "start", "inclusive")
    return play, play.invoice(changed_to(play, "business"))


def downgrade(servers: Stack) -> tuple[MoneyPlay, Invoice]:
    play = selling(servers, "start")
    return play, play.invoice(changed_to(play, "basic"))


def reversal(servers: Stack) -> tuple[MoneyPlay, Invoice]:
    play = selling(servers, "basic")
    change_id = changed_to(play, "start")
    back = play.process(play.report_refund(play.attempts(change_id)[0].id, 242, of=242))
    assert back is not None
    assert play.step("apply", back) == "applied"
    return play, play.invoice(back)


def renewal(servers: Stack) -> tuple[MoneyPlay, Invoice]:
    """From the 2nd to the 1st, on which it renews."""
    play = selling(
        servers, "start", period_start=THE_2ND - timedelta(days=31), period_end=THE_2ND, anchor_day=1
    )  # fmt: skip
    invoice_id = play.renew().invoice_id
    with transaction() as session:
        return play, session.get_one(Invoice, invoice_id)


@pytest.mark.parametrize(
    ("billed", "net", "tax", "rounding", "total"),
    [
        (upgrade, 193, 48, 1, 242),
        (upgrade_with_tax_inside, 159, 40, -1, 198),
        (downgrade, -193, -48, -1, -242),
        (reversal, -193, -48, -1, -242),
        (renewal, 193, 48, 1, 242),
    ],
)
def test_what_the_total_was_rounded_by_is_on_the_page_and_in_the_xml(
    servers: Stack,
    billed: Callable[[Stack], tuple[MoneyPlay, Invoice]],
    net: int,
    tax: int,
    rounding: int,
    total: int,
) -> None:
    play, invoice = billed(servers)
    assert (invoice.net_minor, invoice.tax_minor, invoice.rounding_minor, invoice.total_minor) == (
        net, tax, rounding, total)  # fmt: skip
    with transaction() as session:
        merged = session.merge(invoice, load=False)
        assert merged.document_kind is not None
        document = checked(document_values(merged, merged.document_kind))
    [told] = re.findall("<ram:RoundingAmount>(.*)</ram:RoundingAmount>", invoice_xml(document).decode())
    assert abs(int(told)) == 1
    assert document.rounding in (Money(rounding, "JPY"), Money(-rounding, "JPY"))
    assert WORDS["en"].rounding in [label for label, _, _ in sums(document, WORDS["en"])]
    with snapshot() as session:
        results = audit_books(session, [play.provider(session).id], PATIENCE)
    assert [one for one in results if not one.holds and one.name not in PRINTING] == []
