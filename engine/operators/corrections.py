"""An invoice that was settled for a change that did not come about is corrected: never changed, but answered by a
credit note with its own number. What was paid becomes spendable credit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.money import Money
from domain.periods import Period
from domain.pricing.quote import price_renewal
from engine.accounts.services import buyer_of, terms_of
from engine.invoicing.invoice import Amounts, new_invoice
from engine.invoicing.numbering import give_number
from engine.ledger import postings
from engine.renewal import issue_period
from models.customer import Service
from models.invoice import Invoice, invoice_of_change
from models.ledger import Entry, balance, credit, post, receivable_of
from models.payment import unresolved_attempts
from models.plan_change import PlanChange
from models.provider import catalog_of
from models.renewal import Renewal


class CreditSpent(Exception):
    """The change gave credit, and the customer has spent it."""

    def __init__(self, missing: Money) -> None:
        super().__init__(
            f"The change gave credit that is spent: {missing.major()} {missing.currency} are missing."
            " Retry the change, or settle it with the customer first."
        )


def correct_change(session: Session, now: datetime, change: PlanChange) -> Invoice:
    """The opposite of the change's invoice: sales and tax back, and its total to the customer's credit.

    Raises CreditSpent where the invoice was a credit note whose credit is gone.
    """
    invoice = invoice_of_change(session, change.id)
    assert invoice is not None, "a settled change has an invoice"
    return _correct(session, now, invoice)


def reprice_renewal(session: Session, now: datetime, service: Service, renewal: Renewal) -> Invoice:
    """The period was renewed for a plan that the service did not get: that invoice is corrected, and the period is
    invoiced for the plan that it has, at the price that it had."""
    wrong = session.execute(select(Invoice).where(Invoice.renewal_id == renewal.id)).scalar_one()
    _correct(session, now, wrong)
    catalog = catalog_of(session, service.provider)
    length = renewal.period_end - renewal.period_start
    terms = replace(terms_of(service), period=Period(renewal.period_start - length, renewal.period_start))
    held_credit = postings.credit_of(session, service.provider_id, service.customer_id, service.currency)
    priced = price_renewal(catalog, terms, buyer_of(service.customer), None, now, held_credit)
    invoice = issue_period(session, now, catalog, service, priced, wrong)
    renewal.plan, renewal.period_end = priced.terms.plan, priced.period.end
    session.flush()
    return invoice


def _correct(session: Session, now: datetime, wrong: Invoice) -> Invoice:
    owed = receivable_of(session, wrong.id, wrong.currency)
    for attempt in unresolved_attempts(session, wrong.id):
        attempt.status = "canceling"
    content = wrong.content | {
        "lines": [_opposite(line) for line in wrong.content["lines"]],
        "taxes": [_opposite(tax) for tax in wrong.content["taxes"]],
        "next_renewal": None,
        "payment_instructions": None,
        "corrects": wrong.number,
    }
    amounts = Amounts.taking_back(wrong)
    note = new_invoice(
        wrong,
        wrong.customer_id,
        kind="invoice" if wrong.total_minor < 0 else "credit_note",
        # A debt that was given as credit before is taken from the credit again.
        amounts=replace(amounts, credit_applied=max(amounts.credit_applied, amounts.total)),
        content=content,
        now=now,
        due_at=now,
        settled_at=now,
    )
    wrong.settled_at = wrong.settled_at or now
    give_number(session, wrong.provider, note, now)
    session.add(note)
    session.flush()
    post(session, wrong.provider_id, ("correction", note.id), now, _entries(session, wrong, note, owed))
    return note


def _entries(session: Session, wrong: Invoice, note: Invoice, owed: Money) -> list[Entry]:
    """sales N, tax V → what is still owed on the invoice, then credit. Raises CreditSpent."""
    given = wrong.total
    still_owed = max(Money.zero(wrong.currency), min(owed, given))
    to_credit = given - still_owed
    spendable = balance(session, wrong.provider_id, "credit", wrong.customer_id, wrong.currency)
    if (spendable + to_credit).amount < 0:
        raise CreditSpent(-(spendable + to_credit))
    taxes = [(f"tax:{tax['code']}", Money.from_json(tax["amount"])) for tax in note.content["taxes"]]
    return [
        credit("sales", "", Money(note.net_minor, note.currency)),
        *(credit(account, "", amount) for account, amount in taxes),
        credit("receivable", wrong.id, still_owed),
        credit("credit", wrong.customer_id, to_credit),
    ]


def _opposite(line: dict[str, Any]) -> dict[str, Any]:
    """The same line with the sign of its amounts turned round."""
    amounts = {key: (-Money.from_json(line[key])).as_json() for key in ("amount", "base") if line.get(key)}
    return line | amounts
