"""Rows as the shapes that the API answers. Money is minor units with a currency, instants are RFC 3339 in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.catalog import Catalog, Plan, in_language
from domain.lifecycle import Status
from domain.money import Money
from domain.next_steps import PLAN_CHANGE, next_actions, phase_of
from domain.periods import instant_text
from domain.pricing.quote_values import Quote
from domain.words import sentence
from engine.host_reports import Taken
from engine.offers import Option, category_name
from engine.payments.attempts import owed_again_of_each
from models.customer import Customer, Service
from models.invoice import Document, Invoice, StoredQuote, invoices_of_changes
from models.ledger import LedgerEntry, LedgerTransaction
from models.moves import moves_of_each
from models.payment import PaymentAttempt, latest_attempts, refused_among
from models.pending_work import next_of
from models.plan_change import ChangeMove, PlanChange
from planshift_client import shapes


def money_view(money: Money) -> shapes.Money:
    return shapes.Money(amount=money.amount, currency=money.currency)


def customer_view(customer: Customer) -> shapes.Customer:
    names = shapes.Customer.model_fields
    return shapes.Customer(**{name: getattr(customer, name) for name in names})


def service_values(service: Service) -> dict[str, Any]:
    names = "id ref status plan cycle quantity currency limits usage period_start period_end anchor_day"
    names += " anchor_assumed"
    price = money_view(service.money(service.unit_price_minor * service.quantity))
    return {name: getattr(service, name) for name in names.split()} | {
        "customer": service.customer.ref,
        "price": price,
        "ends_at": service.scheduled_ending.ends_at if service.scheduled_ending else None,
    }


def service_view(service: Service) -> shapes.Service:
    return shapes.Service(**service_values(service))


def reported_view(taken: Taken) -> shapes.ReportedService:
    resumed = taken.resumed
    return shapes.ReportedService(
        **service_values(taken.service),
        canceled_plan_changes=taken.canceled,
        resumed=shapes.Resumption(
            policy=resumed.policy,
            outcome=resumed.outcome.value,
            out_since=resumed.out_since,
            period_start=resumed.period.start,
            period_end=resumed.period.end,
            anchor_day=resumed.anchor.day,
            moved_days=resumed.moved_days,
        )
        if resumed
        else None,
        corrected={one.field: shapes.Correction(before=one.held, after=one.reported) for one in taken.corrected},
    )


def plan_view(plan: Plan, category_name: str, cycle_names: dict[str, str]) -> shapes.Plan:
    prices = [
        shapes.PlanPrice(
            cycle=cycle, cycle_name=cycle_names[cycle], price=shapes.Money(amount=amount, currency=currency)
        )
        for cycle, by_currency in plan.prices.items()
        for currency, amount in by_currency.items()
    ]
    names = ("id", "name", "category", "rank", "limits", "sold")
    return shapes.Plan(**{name: getattr(plan, name) for name in names}, category_name=category_name, prices=prices)


def quote_view(stored: StoredQuote) -> shapes.Quote:
    return shapes.Quote.model_validate({"id": stored.id} | Quote.from_json(stored.document).public_json())


def options_view(
    catalog: Catalog, service: Service, options: dict[str, list[Option]], locale: str
) -> shapes.PlanOptions:
    groups = [
        shapes.PlanOptionGroup(
            category=category,
            name=category_name(catalog, category, locale),
            options=[_option_view(catalog, option, locale) for option in of_category],
        )
        for category, of_category in options.items()
    ]
    return shapes.PlanOptions(
        service=service.ref,
        current=shapes.CurrentPlan(plan=service.plan, cycle=service.cycle),
        categories=groups,
        manual_request=any(option.manual_request for group in options.values() for option in group),
    )


def _option_view(catalog: Catalog, option: Option, locale: str) -> shapes.PlanOption:
    quote = option.quote
    return shapes.PlanOption(
        plan=option.plan.id,
        name=option.plan.name,
        cycle=option.cycle,
        cycle_name=in_language(catalog.cycles[option.cycle].label, locale),
        price=money_view(option.price),
        limits=option.plan.limits,
        available=option.available,
        manual_request=option.manual_request,
        kind=quote.kind if quote else None,
        effective=quote.effective if quote else None,
        total_due_today=money_view(quote.total_due_today) if quote else None,
        reason=_refusal(*option.reason) if option.reason else None,
    )


def _refusal(code: str, sentence: str, details: dict[str, Any]) -> shapes.Refusal:
    return shapes.Refusal.model_validate({"code": code, "text": sentence} | details)


def work_view(session: Session, change: PlanChange) -> dict[str, Any]:
    """For operators: what is next for a change, when it is tried (machine time), how often it was and what went
    wrong last."""
    label = select(next_of(PlanChange, PLAN_CHANGE)).where(PlanChange.id == change.id)
    invoice = change.invoice
    return {
        "document_error": invoice.print_error if invoice else None,
        "next": session.scalar(label),
        "next_attempt_at": instant_text(change.next_attempt_at) if change.next_attempt_at else None,
        "attempts": change.attempts,
        "last_error": change.last_error,
    }


def change_view(
    session: Session, change: PlanChange, price: type[shapes.PriceSummary] = shapes.Price
) -> shapes.PlanChange:
    """`price`: how much of it is said."""
    return change_views(session, [change], price)[0]


def change_views(
    session: Session, changes: list[PlanChange], price: type[shapes.PriceSummary] = shapes.Price
) -> list[shapes.PlanChange]:
    """Of changes of one provider, in as many statements as of one."""
    ids = [change.id for change in changes]
    bills = {bill.invoice.change_id: bill for bill in _bills(session, invoices_of_changes(session, ids))}
    moves = moves_of_each(session, PlanChange, ids)
    return [_change_view(change, bills.get(change.id), moves[change.id], price) for change in changes]


@dataclass(frozen=True, slots=True)
class _Bill:
    """An invoice, the last attempt to collect it, whether its gateway has refused that, and what is owed of it once
    more."""

    invoice: Invoice
    attempt: PaymentAttempt | None
    refused: bool
    again: Money


def _bills(session: Session, invoices: list[Invoice]) -> list[_Bill]:
    attempts = latest_attempts(session, [invoice.id for invoice in invoices])
    refused = refused_among(session, attempts.values())
    again = owed_again_of_each(session, invoices)

    def bill_of(invoice: Invoice) -> _Bill:
        attempt = attempts.get(invoice.id)
        return _Bill(invoice, attempt, attempt is not None and attempt.id in refused, again[invoice.id])

    return [bill_of(invoice) for invoice in invoices]


def _change_view(
    change: PlanChange, bill: _Bill | None, moves: list[ChangeMove], price: type[shapes.PriceSummary]
) -> shapes.PlanChange:
    status = Status(change.status)
    attempt, again = (bill.attempt, bool(bill.again)) if bill else (None, False)
    refused = attempt if bill is not None and bill.refused else None
    payable = refused is None and not (attempt is not None and attempt.money_on_its_way)
    return shapes.PlanChange(
        id=change.id,
        service=change.service.ref,
        customer=change.customer.ref,
        status=status.value,
        phase=phase_of(status).value,
        kind=change.kind,
        from_=shapes.Side(plan=change.from_plan, cycle=change.from_cycle),
        to=shapes.Target(plan=change.target_plan, cycle=change.target_cycle, quantity=change.target_quantity),
        quote=_price(change.quote, price),
        settled=_price(change.settled_quote, price),
        invoice=shapes.InvoiceSummary(**_summary_values(bill)) if bill else None,
        payment=attempt_view(attempt, again or status is Status.AWAITING_PAYMENT) if attempt else None,
        payable_until=change.payable_until,
        effective_at=change.effective_at,
        **_reason(change, refused),
        idempotency_key=change.idempotency_key,
        received_at=change.received_at,
        next_actions=list(next_actions(status, payable, again)),
        timeline=[
            shapes.TimelineEntry(
                at=move.at,
                event=move.event,
                from_=move.from_status,
                to=move.to_status,
                actor=move.actor,
                reason=move.reason,
            )
            for move in moves
        ],
    )


def _reason(change: PlanChange, refused: PaymentAttempt | None) -> dict[str, Any]:
    """Why it ended, or why it goes no further: the gateway will not open its payment."""
    if refused is not None:
        text = sentence(change.customer.locale, "payment_refused")
        details = {"payment": refused.id, "gateway_said": refused.error}
        return {"reason": "payment_refused", "reason_text": text, "reason_details": details}
    return {"reason": change.reason, "reason_text": change.reason_text, "reason_details": change.reason_details}


def _price(quote: dict[str, Any] | None, price: type[shapes.PriceSummary]) -> shapes.PriceSummary | None:
    """The sums are said as they were written down; lines, which quotes of before have in another form, are read."""
    if not quote:
        return None
    return price.model_validate(quote if price is shapes.PriceSummary else Quote.from_json(quote).public_json())


def attempt_view(attempt: PaymentAttempt, to_pay: bool) -> shapes.PaymentAttempt:
    """The checkout page is shown only while there is something to pay, and it can be paid there."""
    payable = to_pay and attempt.status in ("open", "action_required")
    return shapes.PaymentAttempt(
        id=attempt.id,
        status=attempt.status,
        amount=money_view(attempt.amount),
        checkout_url=attempt.checkout_url if payable else None,
        client_token=attempt.client_token if payable else None,
        error=attempt.error,
        pending_since=attempt.pending_since if attempt.money_on_its_way else None,
        pending_until=attempt.pending_until if attempt.money_on_its_way else None,
        message=sentence(attempt.invoice.customer.locale, "money_on_its_way") if attempt.money_on_its_way else None,
    )


def _summary_values(bill: _Bill) -> dict[str, Any]:
    invoice = bill.invoice
    return {
        "id": invoice.id,
        "number": invoice.number,
        "kind": invoice.kind,
        "status": invoice.status.value,
        "total": money_view(invoice.total),
        "amount_due": money_view(invoice.due if invoice.status == "open" else bill.again),
        "documents": [document_view(invoice, document) for document in invoice.documents],
    }


def invoice_view(session: Session, invoice: Invoice) -> shapes.Invoice:
    return invoice_views(session, [invoice])[0]


def invoice_views(session: Session, invoices: list[Invoice]) -> list[shapes.Invoice]:
    """Of invoices of one provider, in as many statements as of one."""
    return [_invoice_view(bill) for bill in _bills(session, invoices)]


def _invoice_view(bill: _Bill) -> shapes.Invoice:
    invoice, attempt = bill.invoice, bill.attempt
    to_pay = invoice.status == "open" or bool(bill.again)
    payable = attempt is not None and attempt.status in ("open", "action_required") and to_pay
    checkout = attempt.checkout_url if attempt and payable else None
    amounts = {
        name: shapes.Money(amount=getattr(invoice, f"{name}_minor"), currency=invoice.currency)
        for name in ("net", "tax", "rounding", "credit_applied")
    }
    return shapes.Invoice(
        **_summary_values(bill),
        **amounts,
        customer=invoice.customer.ref,
        service=invoice.service.ref,
        plan_change=invoice.change_id,
        title=invoice.content["title"],
        currency=invoice.currency,
        lines=[*invoice.content["lines"], *invoice.content["taxes"]],
        issued_at=invoice.issued_at,
        due_at=invoice.due_at,
        settled_at=invoice.settled_at,
        checkout_url=checkout,
    )


def document_view(invoice: Invoice, document: Document) -> shapes.Document:
    return shapes.Document(
        kind=document.kind,
        sha256=document.sha256,
        url=f"/v1/invoices/{invoice.id}/documents/{document.kind}/pdf",
    )


def ledger_view(rows: Sequence[tuple[LedgerTransaction, LedgerEntry]]) -> list[shapes.CreditEntry]:
    """Account credit: what came in is positive, what was used is negative."""
    return [
        shapes.CreditEntry(
            at=transaction.at,
            event=transaction.source_kind,
            source=transaction.source_id,
            amount=shapes.Money(amount=-entry.amount_minor, currency=entry.currency),
        )
        for transaction, entry in rows
    ]
