"""Whose a gateway event is, and what it pays: another application may sell on the same account.

Ours carries the id of our attempt, which every adapter gives the payment, or is about a payment of which we know the
gateway's name. Money that a person took by hand for one of our invoices names that invoice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from gateways.protocol import GatewayEvent
from models.base import is_id
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.payment import PaymentAttempt

_WORD = re.compile(r"[^\s,;:()\"'#]+")
# Of what somebody wrote so many words are looked up.
_WORDS_MAX = 50


@dataclass(frozen=True, slots=True)
class PaymentTarget:
    """What a payment pays: an invoice, by an attempt of ours unless it came by itself."""

    invoice: Invoice
    attempt: PaymentAttempt | None


def target_of(session: Session, event: InboxEvent, gateway_event: GatewayEvent) -> PaymentTarget | None:
    """By our own reference, else by the gateway's, always within the account that signed; else by the invoice that is
    named. An operator names the invoice itself."""
    ours = select(PaymentAttempt).where(PaymentAttempt.connection_id == event.connection_id)
    ours = ours.options(joinedload(PaymentAttempt.invoice, innerjoin=True))
    if event.source == "operator":
        invoice = session.get(Invoice, gateway_event.reference) if gateway_event.reference else None
        if invoice is None or invoice.provider_id != event.provider_id:
            return None
        latest = ours.where(PaymentAttempt.invoice_id == invoice.id).order_by(PaymentAttempt.id.desc()).limit(1)
        return PaymentTarget(invoice, session.scalar(latest))
    attempt = None
    if gateway_event.reference is not None:
        attempt = session.scalar(ours.where(PaymentAttempt.id == gateway_event.reference))
    if attempt is None:
        attempt = session.scalar(ours.where(PaymentAttempt.gateway_ref == gateway_event.gateway_ref))
    if attempt is not None:
        return PaymentTarget(attempt.invoice, attempt)
    invoice = _named_invoice(session, event, gateway_event)
    return PaymentTarget(invoice, None) if invoice is not None else None


def is_ours(session: Session, event: InboxEvent, gateway_event: GatewayEvent) -> bool:
    """Whether it carries a reference that only we give, also of an attempt that a restored database does not know; or
    the gateway's name of a payment that we asked for."""
    if gateway_event.reference is not None and is_id("pay", gateway_event.reference):
        return True
    known = select(PaymentAttempt.id).where(
        PaymentAttempt.connection_id == event.connection_id, PaymentAttempt.gateway_ref == gateway_event.gateway_ref
    )
    return session.scalar(known.limit(1)) is not None


def _named_invoice(session: Session, event: InboxEvent, gateway_event: GatewayEvent) -> Invoice | None:
    """The one invoice whose number or id stands in the reference or in the text."""
    words = _WORD.findall(f"{gateway_event.reference or ''} {gateway_event.text or ''}")[:_WORDS_MAX]
    if not words:
        return None
    query = select(Invoice).where(
        Invoice.provider_id == event.provider_id,
        Invoice.kind == "invoice",
        or_(Invoice.id.in_(words), Invoice.number.in_(words)),
    )
    found = session.scalars(query.limit(2)).all()
    return found[0] if len(found) == 1 else None
