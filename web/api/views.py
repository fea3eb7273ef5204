"""Rows as JSON. Money is minor units with a currency, instants are RFC 3339 in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.catalog import Catalog, in_language
from domain.lifecycle import Status
from domain.money import Money
from domain.next_steps import PLAN_CHANGE, next_actions, phase_of
from domain.periods import instant_text
from domain.pricing.quote_values import Quote
from engine.offers import Option, category_name
from models.customer import Customer, Service
from models.invoice import Document, Invoice, StoredQuote, invoice_of_change
from models.ledger import LedgerEntry, LedgerTransaction
from models.moves import moves_of
from models.payment import PaymentAttempt, latest_attempt
from models.pending_work import next_of
from models.plan_change import PlanChange

Json = dict[str, Any]


def customer_view(customer: Customer) -> Json:
    return {
        "id": customer.id,
        "ref": customer.ref,
        "name": customer.name,
        "email": customer.email,
        "country": customer.country,
        "locale": customer.locale,
        "address": customer.address,
        "tax_id": customer.tax_id,
        "tax_exempt": customer.tax_exempt,
    }


def service_view(service: Service) -> Json:
    return {
        "id": service.id,
        "ref": service.ref,
        "customer": service.customer.ref,
        "status": service.status,
        "plan": service.plan,
        "cycle": service.cycle,
        "quantity": service.quantity,
        "price": service.money(service.unit_price_minor * service.quantity).as_json(),
        "currency": service.currency,
        "limits": service.limits,
        "usage": service.usage,
        "period_start": instant_text(service.period_start),
        "period_end": instant_text(service.period_end),
    }


def quote_view(stored: StoredQuote) -> Json:
    quote = Quote.from_json(stored.document)
    return {"id": stored.id} | quote.public_json()


def options_view(catalog: Catalog, service: Service, options: dict[str, list[Option]], locale: str) -> Json:
    categories = [
        {
            "category": category,
            "name": category_name(catalog, category, locale),
            "options": [_option_view(catalog, option, locale) for option in of_category],
        }
        for category, of_category in options.items()
    ]
    return {
        "service": service.ref,
        "current": {"plan": service.plan, "cycle": service.cycle},
        "categories": categories,
        "manual_request": any(option.manual_request for group in options.values() for option in group),
    }


def _option_view(catalog: Catalog, option: Option, locale: str) -> Json:
    view: Json = {
        "plan": option.plan.id,
        "name": option.plan.name,
        "cycle": option.cycle,
        "cycle_name": in_language(catalog.cycles[option.cycle].label, locale),
        "price": option.price.as_json(),
        "limits": option.plan.limits,
        "available": option.available,
        "manual_request": option.manual_request,
    }
    if option.quote is not None:
        view["kind"] = option.quote.kind
        view["effective"] = option.quote.effective
        view["total_due_today"] = option.quote.total_due_today.as_json()
    if option.reason is not None:
        code, sentence, details = option.reason
        view["reason"] = {"code": code, "text": sentence, **details}
    return view


def work_view(session: Session, change: PlanChange) -> Json:
    """For operators: what is next for a change, when it is tried (machine time), how often it was and what went
    wrong last."""
    label = select(next_of(PlanChange, PLAN_CHANGE)).where(PlanChange.id == change.id)
    return {
        "next": session.scalar(label),
        "next_attempt_at": _instant(change.next_attempt_at),
        "attempts": change.attempts,
        "last_error": change.last_error,
    }


def change_view(session: Session, change: PlanChange) -> Json:
    status = Status(change.status)
    invoice = invoice_of_change(session, change.id)
    attempt = latest_attempt(session, invoice.id) if invoice else None
    return {
        "id": change.id,
        "service": change.service.ref,
        "customer": change.customer.ref,
        "status": status.value,
        "phase": phase_of(status).value,
        "kind": change.kind,
        "from": {"plan": change.from_plan, "cycle": change.from_cycle},
        "to": {"plan": change.target_plan, "cycle": change.target_cycle, "quantity": change.target_quantity},
        "quote": _public(change.quote),
        "settled": _public(change.settled_quote),
        "invoice": _invoice_summary(invoice) if invoice else None,
        "payment": attempt_view(attempt, status) if attempt else None,
        "payable_until": _instant(change.payable_until),
        "effective_at": _instant(change.effective_at),
        "reason": change.reason,
        "reason_text": change.reason_text,
        "reason_details": change.reason_details,
        "idempotency_key": change.idempotency_key,
        "received_at": instant_text(change.received_at),
        "next_actions": list(next_actions(status)),
        "timeline": [
            {
                "at": instant_text(move.at),
                "event": move.event,
                "from": move.from_status,
                "to": move.to_status,
                "actor": move.actor,
                "reason": move.reason,
            }
            for move in moves_of(session, PlanChange, change.id)
        ],
    }


def _public(quote: Json | None) -> Json | None:
    return Quote.from_json(quote).public_json() if quote else None


def attempt_view(attempt: PaymentAttempt, status: Status) -> Json:
    """The checkout page is shown only while it can be paid."""
    payable = status is Status.AWAITING_PAYMENT and attempt.status in ("open", "action_required")
    return {
        "id": attempt.id,
        "status": attempt.status,
        "amount": attempt.amount.as_json(),
        "checkout_url": attempt.checkout_url if payable else None,
        "client_token": attempt.client_token if payable else None,
        "error": attempt.error,
    }


def _invoice_summary(invoice: Invoice) -> Json:
    return {
        "id": invoice.id,
        "number": invoice.number,
        "kind": invoice.kind,
        "status": invoice.status,
        "total": invoice.total.as_json(),
        "amount_due": (invoice.due if invoice.status == "open" else Money.zero(invoice.currency)).as_json(),
        "documents": [document_view(invoice, document) for document in invoice.documents],
    }


def invoice_view(session: Session, invoice: Invoice) -> Json:
    attempt = latest_attempt(session, invoice.id)
    checkout = attempt.checkout_url if attempt and attempt.status == "open" and invoice.status == "open" else None
    return _invoice_summary(invoice) | {
        "customer": invoice.customer.ref,
        "service": invoice.service.ref,
        "plan_change": invoice.change_id,
        "title": invoice.content["title"],
        "currency": invoice.currency,
        "net": Money(invoice.net_minor, invoice.currency).as_json(),
        "tax": Money(invoice.tax_minor, invoice.currency).as_json(),
        "rounding": Money(invoice.rounding_minor, invoice.currency).as_json(),
        "credit_applied": Money(invoice.credit_applied_minor, invoice.currency).as_json(),
        "lines": [*invoice.content["lines"], *invoice.content["taxes"]],
        "issued_at": instant_text(invoice.issued_at),
        "due_at": instant_text(invoice.due_at),
        "settled_at": _instant(invoice.settled_at),
        "checkout_url": checkout,
    }


def document_view(invoice: Invoice, document: Document) -> Json:
    return {
        "kind": document.kind,
        "sha256": document.sha256,
        "url": f"/v1/invoices/{invoice.id}/documents/{document.kind}/pdf",
    }


def ledger_view(rows: list[tuple[LedgerTransaction, LedgerEntry]]) -> list[Json]:
    """Account credit: what came in is positive, what was used is negative."""
    return [
        {
            "at": instant_text(transaction.at),
            "event": transaction.source_kind,
            "source": transaction.source_id,
            "amount": Money(-entry.amount_minor, entry.currency).as_json(),
        }
        for transaction, entry in rows
    ]


def _instant(moment: datetime | None) -> str | None:
    return instant_text(moment) if moment else None
