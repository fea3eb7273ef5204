"""What staff decide about money: where it belongs, what goes back, what came by bank, and events processed again."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select

from domain.money import Money
from domain.texts import UnfitText, check_line
from engine.operators.failed_refunds import decide_refund, report_failed
from engine.operators.manual_payments import StatementLine, UnknownInvoice, match_payment, record_payment
from engine.operators.replay import replay_event
from engine.payments.refunds import start_refund
from models.audit import Attribution
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.payment import Payment, Refund
from web.staff.deciding import BadForm, Decided, StaffDecision
from web.staff.pages import see
from web.staff.visit import RowId, StaffTransaction, transaction_for

router = APIRouter()

LINE_MAX = 500


@router.post("/payments/{payment_id}/match")
def match(payment_id: RowId, decision: Decided) -> RedirectResponse:
    """Allocates unmatched money to the invoice of this number or id."""

    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        payment = tx.own(Payment, payment_id)
        invoice = _invoice(tx, decision.fields.get("invoice", ""))
        return match_payment(tx.session, tx.now, tx.provider, payment.id, invoice.id, by)

    decision.once(act)
    return see(f"/payments/{payment_id}?notice=matched")


@router.post("/payments/{payment_id}/refund")
def refund(payment_id: RowId, decision: Decided) -> RedirectResponse:
    """Sends money back by the way that it came; all that is left where no amount is written."""

    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        payment = tx.own(Payment, payment_id)
        text = decision.fields.get("amount", "")
        amount = _money(text, payment.currency) if text else None
        return [start_refund(tx.session, tx.now, tx.provider, payment.id, amount, by).id]

    decision.once(act)
    return see(f"/payments/{payment_id}?notice=refunded")


@router.post("/refunds/{refund_id}/decision")
def answer_failed(refund_id: RowId, decision: Decided) -> RedirectResponse:
    """A refund that failed: account credit again, refunded once more, or transferred by hand."""
    choice: Any = decision.fields.get("decision")
    if choice not in ("credit", "again", "sent"):
        raise BadForm("Choose what becomes of the money.")

    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        refund_id_ = tx.own(Refund, refund_id).id
        decided = decide_refund(tx.session, tx.now, tx.provider, refund_id_, choice, by)
        return [decided.id] if choice == "again" else []

    decision.once(act)
    return see(f"/payments/{_payment_of(decision, refund_id)}?notice=decided")


@router.post("/refunds/{refund_id}/failure")
def tell_failure(refund_id: RowId, decision: Decided) -> RedirectResponse:
    """A transfer that was made by hand came back."""

    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        report_failed(tx.session, tx.now, tx.provider, tx.own(Refund, refund_id).id, by)
        return []

    decision.once(act)
    return see(f"/payments/{_payment_of(decision, refund_id)}?notice=decided")


@router.post("/money/record")
def record(decision: Decided) -> RedirectResponse:
    """Money that is seen on an account statement. The same line counts once."""

    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        event, _ = record_payment(tx.session, tx.now, tx.provider, _line(tx, decision.fields), by)
        return [event.id]

    decision.once(act)
    return see("/money?notice=recorded")


@router.post("/events/{event_id}/replay")
def replay(event_id: RowId, decision: Decided) -> RedirectResponse:
    """What is booked already is not booked again."""

    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        event = tx.own(InboxEvent, event_id)
        return [replay_event(tx.session, tx.now, tx.provider, event.id, by).id]

    decision.once(act)
    return see(f"/events/{event_id}?notice=replayed")


def _payment_of(decision: StaffDecision, refund_id: str) -> str:
    with transaction_for(decision.visit) as tx:
        return tx.own(Refund, refund_id).payment_id


def _invoice(tx: StaffTransaction, text: str) -> Invoice:
    """By its id, or by the number that is printed on it. Raises UnknownInvoice."""
    own = select(Invoice).where(Invoice.provider_id == tx.provider.id, Invoice.kind == "invoice")
    which = Invoice.id == text if text.startswith("inv_") else func.lower(Invoice.number) == text.lower()
    invoice = tx.session.scalar(own.where(which))
    if invoice is None:
        raise UnknownInvoice(text)
    return invoice


def _money(text: str, currency: str) -> Money:
    try:
        return Money.parse_major(text, currency)
    except ValueError as error:
        raise BadForm(f"The amount: {error}.") from error


def _line(tx: StaffTransaction, fields: dict[str, str]) -> StatementLine:
    """Raises BadForm, UnknownInvoice. A day is its noon in the provider's zone; no day is now."""
    line, text, currency = (fields.get(name, "") for name in ("line", "amount", "currency"))
    try:
        check_line(line)
        paid_on = fields.get("paid_on", "")
        zone = ZoneInfo(tx.catalog.timezone)
        paid_at = datetime.combine(datetime.fromisoformat(paid_on).date(), time(12), zone) if paid_on else tx.now
    except UnfitText as error:
        raise BadForm(f"The line of the statement: {error}.") from error
    except ValueError as error:
        raise BadForm("Write the day as 2027-07-17, or leave it empty for today.") from error
    if len(line) > LINE_MAX:
        raise BadForm(f"The line's name has at most {LINE_MAX} characters.")
    invoice = _invoice(tx, fields["invoice"]).id if fields.get("invoice") else None
    amount = _money(text, currency.upper())
    if amount.amount <= 0:
        raise BadForm("The amount: write what came, more than nothing.")
    return StatementLine(line, amount, paid_at, invoice)
