"""An invoice that was settled for a change that did not come about is corrected: never changed, but answered by a
credit note with its own number. What was paid becomes spendable credit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.money import Money
from domain.periods import Period
from domain.quote import price_renewal
from engine import postings
from engine.invoice import frozen_content
from engine.services import buyer_of, terms_of
from engine.settle import give_number
from models.base import new_id
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
    content = frozen_content(
        catalog,
        service.customer,
        lines=priced.lines,
        before=None,
        after=priced.terms,
        supply=priced.period,
        next_renewal=None,
        notes=[],
    )
    amounts = (priced.net.amount, priced.tax.amount, priced.total.amount)
    invoice = _new_invoice(wrong, "invoice", content, amounts, now)
    invoice.credit_applied_minor, invoice.due_minor = priced.credit_applied.amount, priced.due.amount
    invoice.due_at = now + timedelta(days=catalog.invoice.due_days)
    invoice.settled_at = None if priced.due else now
    _number(session, now, invoice)
    postings.issue_renewal(session, invoice, now)
    renewal.plan, renewal.period_end = priced.terms.plan, priced.period.end
    service.period_start, service.period_end = priced.period.start, priced.period.end
    service.period_paid_minor = invoice.net_minor if invoice.settled_at else 0
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
    kind = "invoice" if wrong.total_minor < 0 else "credit_note"
    note = _new_invoice(wrong, kind, content, (-wrong.net_minor, -wrong.tax_minor, -wrong.total_minor), now)
    note.settled_at = now
    wrong.settled_at = wrong.settled_at or now
    # A debt that was given as credit before is taken from the credit again.
    note.credit_applied_minor = max(0, note.total_minor)
    _number(session, now, note)
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


def _new_invoice(
    wrong: Invoice, kind: str, content: dict[str, Any], amounts: tuple[int, int, int], now: datetime
) -> Invoice:
    net, tax, total = amounts
    return Invoice(
        id=new_id("inv"),
        provider_id=wrong.provider_id,
        customer_id=wrong.customer_id,
        service_id=wrong.service_id,
        corrects_id=wrong.id,
        kind=kind,
        currency=wrong.currency,
        net_minor=net,
        tax_minor=tax,
        total_minor=total,
        credit_applied_minor=0,
        due_minor=0,
        content=content,
        issued_at=now,
        due_at=now,
    )


def _number(session: Session, now: datetime, invoice: Invoice) -> None:
    """Through the invoice it corrects, which is loaded: the new row has no relationships yet."""
    wrong = session.get_one(Invoice, invoice.corrects_id)
    give_number(session, wrong.provider, invoice, now)
    session.add(invoice)
    session.flush()


def _opposite(line: dict[str, Any]) -> dict[str, Any]:
    """The same line with the sign of its amounts turned round."""
    amounts = {key: (-Money.from_json(line[key])).as_json() for key in ("amount", "base") if line.get(key)}
    return line | amounts
