"""A service ends: what is unpaid or scheduled ends with it, unused time is given back, and nothing is renewed.

All of it is one transaction, at the end of the period or at once. The host is told afterwards (ending_order.py), and
until it knows, a report of it that the service runs is not believed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from domain.lifecycle import OVER, SETTLED_UNAPPLIED, EndingStatus, ServiceStatus
from domain.periods import Period, instant_text
from domain.pricing.ending import EndingPrice, price_ending
from engine.accounts.services import buyer_of, terms_of
from engine.expiry import cancel_open_changes
from engine.invoicing.content import frozen_content
from engine.invoicing.invoice import Amounts, new_invoice
from engine.invoicing.numbering import give_number
from engine.ledger import billed_items, postings
from engine.notifications import notices
from engine.payments.credit_refunds import start_credit_refunds
from engine.payments.ended_invoices import unsupplied, void_unsupplied
from engine.payments.owed import settle_covered
from models.billed_item import items_of_invoice, numbers_of_items
from models.customer import Service
from models.ending import Ending, lock_ending
from models.invoice import Invoice
from models.moves import move
from models.plan_change import active_change
from models.provider import catalog_of


class StillEnding(Exception):
    """The service has ended here, and its host is being told."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(
            f"Service {ending.service.ref} ended at {instant_text(ending.ends_at)}, and its host is being told"
            f" ({ending.id}). Report it as canceled; one that goes on is reported once its host was told."
        )


def run_ending(session: Session, now: datetime, ending_id: str) -> EndingStatus:
    """scheduled → ending, when its date has come and no change is on its way."""
    return end_if_due(session, now, lock_ending(session, ending_id))


def end_if_due(session: Session, now: datetime, ending: Ending) -> EndingStatus:
    """The same for one whose service is locked; returns the status reached."""
    if ending.status == EndingStatus.SCHEDULED and not ending.date_to_come and not _is_held_up(session, ending):
        _end(session, now, ending)
    return EndingStatus(ending.status)


def price_at_once(session: Session, service: Service, at: datetime) -> EndingPrice:
    """What ending a service at this instant gives and takes. Where no credit is given, an unpaid bill that will be void
    is nothing that is lost."""
    catalog, buyer = catalog_of(session, service.provider), buyer_of(service.customer)
    terms = terms_of(session, service)
    price = price_ending(catalog, terms, buyer, at)
    void = [] if price.credit else unsupplied(session, service, at)
    if not void:
        return price
    billed = {item.id for invoice in void for item in items_of_invoice(session, invoice.id)}
    paid = tuple(item for item in terms.items if item.id not in billed)
    return price_ending(catalog, replace(terms, items=paid), buyer, at)


def after_host_report(session: Session, now: datetime, service: Service, before: str) -> None:
    """The host has reported a locked service, whose status was `before`: one that is over has no ending to come, and
    its unpaid renewal is void by policy. Raises StillEnding for one that ended here, and is said to run."""
    ending = service.open_ending
    if not service.is_over:
        if ending is not None and ending.status == EndingStatus.ENDING:
            raise StillEnding(ending)
        return
    if ending is not None:
        ending.ended_at = ending.ended_at or now
        move(session, ending, "report", EndingStatus.ENDED, now, actor="host")
    if before not in OVER:
        void_unsupplied(session, now, service, now)


def _is_held_up(session: Session, ending: Ending) -> bool:
    """At the period's end every change that is on its way is waited for: what is unpaid has run out by then. An ending
    at once waits only for what is paid."""
    if ending.at == "period_end":
        return bool(ending.change_on_its_way)
    change = active_change(session, ending.service_id)
    return change is not None and change.status in SETTLED_UNAPPLIED


def _end(session: Session, now: datetime, ending: Ending) -> None:
    service, ended_at = ending.service, ending.ends_at
    price = price_at_once(session, service, ended_at) if ending.at == "now" else None
    move(session, service, "end", ServiceStatus.CANCELED, now, reason=ending.id)
    cancel_open_changes(session, now, service, "system", "service_ended")
    service.generation += 1
    ending.ended_at, ending.generation = ended_at, service.generation
    if price is not None:
        _give_back(session, now, ending, price)
    void_unsupplied(session, now, service, ended_at)
    move(session, ending, "end", EndingStatus.ENDING, now)
    notices.write(session, ending, "service_ended")


def _give_back(session: Session, now: datetime, ending: Ending, price: EndingPrice) -> None:
    """Closes what was billed for the time after the ending; what that is worth goes where every credit goes."""
    ending.credit_minor, ending.lost_minor = price.credit.amount, price.lost.amount
    if not price.credit:
        billed_items.close(session, ending.provider_id, price.taken, "ending", now)
        return
    note = _credit_note(session, now, ending, price)
    billed_items.write_taken(session, note, price.taken, "ending", now)
    given = postings.settle_credit_note(session, note, now)
    settle_covered(session, now, ending.service)
    if catalog_of(session, ending.provider).policies.ending_credit_becomes == "refund":
        start_credit_refunds(session, now, ending, given)


def _credit_note(session: Session, now: datetime, ending: Ending, price: EndingPrice) -> Invoice:
    service, nothing = ending.service, price.credit - price.credit
    content = frozen_content(
        catalog_of(session, ending.provider),
        ending.customer,
        lines=price.lines,
        before=None,
        after=price.terms,
        supply=Period(ending.ends_at, service.period_end),
        next_renewal=None,
        notes=list(price.notes),
    )
    numbers = numbers_of_items(session, [taken.item for taken in price.taken if taken.net])
    note = new_invoice(
        ending,
        service,
        kind="credit_note",
        amounts=Amounts(-price.net, -price.tax, -price.credit, nothing, nothing),
        content=content | {"payment_instructions": None, "corrects": ", ".join(numbers) or None},
        now=now,
        due_at=now,
        settled_at=now,
    )
    give_number(session, ending.provider, note, now)
    session.add(note)
    session.flush()
    return note
