"""Notices to customers and staff. One is written to the outbox in the transaction of what it reports, with every value
it needs; mail.py delivers it afterwards."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.money import Money
from domain.pricing.explain import Formatter
from domain.pricing.quote_values import Quote
from domain.web_addresses import with_return
from engine.notifications.bill_links import bill_link
from models.customer import Customer, Service
from models.ending import Ending
from models.invoice import Invoice
from models.outbox import FOR_STAFF, OutboxMessage, write_message
from models.payment import Refund
from models.plan_change import PlanChange
from models.provider import Provider, catalog_of
from settings import settings


class AboutService(Protocol):
    """A row that belongs to a service."""

    id: Any

    @property
    def service(self) -> Any: ...


def write(
    session: Session,
    subject: AboutService | Service,
    event: str,
    occasion: int = 1,
    **extra: Any,
) -> None:
    """Adds one notice about a row, in the customer's language; the same event of the same row is reported once for
    each `occasion`. `attached` is {"sha256", "name"} of a document that goes with it; money is written as text.

    Each event has its template in mails/. Those of a plan change: payment_requested, plan_changed, compensated,
    scheduled, refused, canceled, expired, superseded, at_risk, late_payment_credited, late_payment_used, paid_twice,
    plan_reversed, review_asked, review_requested. Of a renewal's invoice: renewal_invoice, renewal_reminder,
    renewal_past_due. Of either: payment_declined, payment_did_not_come, paid_from_credit, money_returned. Of an
    invoice whose money went back: owed_again. Of an ending: ending_scheduled, ending_withdrawn, service_ended. Of a
    refund: refunded, refund_failed, refund_failed_for_staff.
    """
    session.flush()
    service: Service = subject if isinstance(subject, Service) else subject.service
    catalog = catalog_of(session, service.provider)
    locale = "en" if event in FOR_STAFF else service.customer.locale
    formatter = Formatter(catalog, locale, service.currency)
    told = {name: formatter.money(one.amount) if isinstance(one, Money) else one for name, one in extra.items()}
    write_message(
        session,
        {
            "provider_id": service.provider_id,
            "customer_id": service.customer_id,
            "subject": subject.id,
            "event": event,
            "occasion": occasion,
            "channel": "mail",
            "recipient": _recipient(catalog, service.customer, event),
            "locale": locale,
            "values": _values(session, catalog, formatter, service, subject) | _staff_link(event, subject) | told,
        },
    )


def _staff_link(event: str, subject: AboutService | Service) -> dict[str, str]:
    """Staff decide on pages of their own."""
    if event not in FOR_STAFF:
        return {}
    place = "refunds" if isinstance(subject, Refund) else "invoices" if isinstance(subject, Invoice) else "changes"
    return {"link": f"{settings().public_url}/staff/{place}/{subject.id}"}


def address_again(session: Session, message: OutboxMessage) -> None:
    """To where its reader is reached now: the address may have been what was wrong."""
    provider = session.get_one(Provider, message.provider_id)
    message.recipient = _recipient(catalog_of(session, provider), message.customer, message.event)


def _recipient(catalog: Catalog, customer: Customer, event: str) -> str:
    if event in FOR_STAFF:
        return catalog.seller.email or settings().mail_from
    return customer.email


def _values(
    session: Session, catalog: Catalog, formatter: Formatter, service: Service, subject: AboutService | Service
) -> dict[str, Any]:
    values = {
        "provider": catalog.name,
        "colour": catalog.invoice.colour,
        "sender": catalog.mail.sender,
        "reply_to": catalog.mail.reply_to or catalog.seller.email,
        "customer": service.customer.name,
        "service": service.ref,
        "plan": _plan_name(catalog, service.plan),
        "link": _link(catalog, f"/portal/services/{service.id}"),
    }
    if isinstance(subject, PlanChange):
        return values | _of_change(session, catalog, formatter, subject)
    if isinstance(subject, Invoice):
        return values | _of_invoice(catalog, formatter, subject)
    if isinstance(subject, Ending):
        return values | _of_ending(formatter, subject)
    if isinstance(subject, Refund):
        return values | _of_refund(formatter, subject)
    return values


def _link(catalog: Catalog, page: str, invoice: Invoice | None = None) -> str:
    """The page in the portal: by way of the provider's own sign-in, where the catalogue names one; else the bill's own
    page, which needs none."""
    if login_url := catalog.web.login_url:
        return with_return(login_url, page)
    return bill_link(invoice.id) if invoice is not None else f"{settings().public_url}{page}"


def _of_change(session: Session, catalog: Catalog, formatter: Formatter, change: PlanChange) -> dict[str, Any]:
    quote = change.billed_quote() if change.quote else None
    invoice = change.invoice
    return {
        "from_plan": _plan_name(catalog, change.from_plan),
        "to_plan": _plan_name(catalog, change.target_plan),
        "total": formatter.money(invoice.due_minor) if invoice else None,
        "payable_until": formatter.moment(change.payable_until) if change.payable_until else None,
        "effective_on": formatter.moment(change.effective_at) if change.effective_at else None,
        "due_today": formatter.money(quote.total_due_today.amount) if quote else None,
        "renewal_price": formatter.money(quote.next_renewal.amount.amount) if quote else None,
        "saved": _saved(formatter, change),
        "reason": change.reason_text,
        "why": change.reason,
        "note": change.note,
        "link": _link(catalog, f"/portal/changes/{change.id}", invoice),
    }


def _saved(formatter: Formatter, change: PlanChange) -> str | None:
    """By how much less a change was settled than was accepted."""
    if not change.settled_quote:
        return None
    less = Quote.from_json(change.quote or {}).total - change.billed_quote().total
    return formatter.money(less.amount) if less else None


def _of_invoice(catalog: Catalog, formatter: Formatter, invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number or invoice.id,  # the reference of a proforma
        "total": formatter.money(invoice.total_minor),
        "due": formatter.money(invoice.due_minor),
        "is_due": invoice.due_minor > 0,
        "due_on": formatter.date(invoice.due_at),
        "link": _link(catalog, f"/portal/invoices/{invoice.id}", invoice),
    }


def _of_ending(formatter: Formatter, ending: Ending) -> dict[str, Any]:
    return {
        "ends_on": formatter.moment(ending.ends_at),
        "at_once": ending.at == "now",
        "credit": formatter.money(ending.credit_minor) if ending.credit_minor else None,
        "lost": formatter.money(ending.lost_minor) if ending.lost_minor else None,
    }


def _of_refund(formatter: Formatter, refund: Refund) -> dict[str, Any]:
    invoice = refund.payment.invoice
    return {
        "refund": refund.id,
        "amount": formatter.money(refund.amount_minor),
        "to_decide": formatter.money(refund.to_decide_minor) if refund.to_decide_minor else None,
        "number": invoice.number if invoice is not None else None,
        "at_gateway": refund.actor == "gateway",
        "error": refund.error,
    }


def _plan_name(catalog: Catalog, plan_id: str) -> str:
    plan = catalog.plan(plan_id)
    return plan.name if plan else plan_id
