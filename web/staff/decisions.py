"""What staff decide about a change, a mail, an invoice or a row that was given up."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from domain.lifecycle import Status
from domain.money import Money
from engine.operators import recovery
from engine.operators.dead_letter_retry import retry_dead_letter
from engine.operators.ended_invoices import decide
from engine.operators.mails import send_again
from engine.operators.returned_money import decide_returned
from engine.review import approve_change, reject_change
from models.audit import Attribution
from models.invoice import Invoice
from models.outbox import OutboxMessage
from models.plan_change import PlanChange
from tasks.run import external_step
from tasks.story import enqueue_task
from web.staff.deciding import BadForm, Decided, StaffDecision
from web.staff.pages import page_of_row, see
from web.staff.visit import COOKIE_PATH, RowId, StaffTransaction, transaction_for

router = APIRouter()


@router.post("/changes/{change_id}/approve")
def approve(change_id: RowId, decision: Decided) -> RedirectResponse:
    """The change goes on at the price that was accepted, or at the lower one that is written beside it."""

    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        change = tx.own(PlanChange, change_id)
        approve_change(tx.session, tx.now, change.id, by, _price(decision, change.service.currency))
        return [change_id]

    decision.once(act)
    return see(f"/changes/{change_id}?notice=approved")


@router.post("/changes/{change_id}/reject")
def reject(change_id: RowId, decision: Decided) -> RedirectResponse:
    """The reason is what the customer reads."""

    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        reject_change(tx.session, tx.now, tx.own(PlanChange, change_id).id, by)
        return []

    decision.once(act)
    return see(f"/changes/{change_id}?notice=rejected")


@router.post("/changes/{change_id}/retry")
def retry(change_id: RowId, decision: Decided) -> RedirectResponse:
    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        recovery.retry(tx.session, tx.now, tx.own(PlanChange, change_id).id, by)
        return [change_id]

    decision.once(act)
    return see(f"/changes/{change_id}?notice=retried")


@router.post("/changes/{change_id}/cancel")
def cancel(change_id: RowId, decision: Decided) -> RedirectResponse:
    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        recovery.cancel(tx.session, tx.now, tx.own(PlanChange, change_id).id, by)
        return []

    decision.once(act)
    return see(f"/changes/{change_id}?notice=canceled")


@router.post("/changes/{change_id}/compensate")
def compensate(change_id: RowId, decision: Decided) -> RedirectResponse:
    """The host is ordered the old plan first; a crash in between does no harm: it is not compensated twice."""
    if not decision.was_done():
        with transaction_for(decision.visit) as tx:
            tx.own(PlanChange, change_id)
        reached = external_step(recovery.compensation(decision.attribution), PlanChange, change_id)

        def act(tx: StaffTransaction, by: Attribution) -> list[str]:
            if reached is not Status.COMPENSATED:
                text = tx.own(PlanChange, change_id).reason_text
                raise BadForm(text or "Another call to the host is under way. Try again shortly.")
            return []

        decision.once(act)
    enqueue_task("plan_change.notify", change_id=change_id)
    return see(f"/changes/{change_id}?notice=compensated")


@router.post("/changes/{change_id}/returns")
def answer_returned(change_id: RowId, decision: Decided) -> RedirectResponse:
    """Money that a gateway took back: the loss is kept, or the customer owes it again."""
    _answer_returned(PlanChange, change_id, decision)
    return see(f"/changes/{change_id}?notice=decided")


@router.post("/invoices/{invoice_id}/returns")
def answer_returned_of_invoice(invoice_id: RowId, decision: Decided) -> RedirectResponse:
    """The same, on the page of its invoice: a renewal has no other."""
    _answer_returned(Invoice, invoice_id, decision)
    return see(f"/invoices/{invoice_id}?notice=decided")


def _answer_returned(row: type[PlanChange | Invoice], row_id: str, decision: StaffDecision) -> None:
    choice: Any = decision.fields.get("decision")
    if choice not in ("keep", "owe"):
        raise BadForm("Choose who bears the loss.")

    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        decide_returned(tx.session, tx.now, tx.own(row, row_id).id, choice, by)
        return []

    decision.once(act)


@router.post("/invoices/{invoice_id}/ended")
def answer_ended(invoice_id: RowId, decision: Decided) -> RedirectResponse:
    """The renewal's invoice of a service that has ended."""
    choice: Any = decision.fields.get("decision")
    if choice not in ("void", "credit", "keep"):
        raise BadForm("Choose what becomes of the invoice.")

    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        note = decide(tx.session, tx.now, tx.provider, tx.own(Invoice, invoice_id).id, choice, by)
        return [note.id] if note else []

    decision.once(act)
    return see(f"/invoices/{invoice_id}?notice=decided")


@router.post("/rows/{row_id}/again")
def try_again(row_id: RowId, decision: Decided) -> RedirectResponse:
    """Whatever was given up gets all its attempts again."""

    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        return [retry_dead_letter(tx.session, tx.now, row_id, by, tx.provider.id)]

    decision.once(act)
    return _see_row(decision, row_id, "retried")


@router.post("/mails/{message_id}/again")
def resend(message_id: RowId, decision: Decided) -> RedirectResponse:
    def act(tx: StaffTransaction, by: Attribution) -> list[str]:
        return [send_again(tx.session, tx.now, tx.provider, tx.own(OutboxMessage, message_id).id, by).id]

    decision.once(act)
    return _see_row(decision, message_id, "resent")


def _see_row(decision: StaffDecision, row_id: str, notice: str) -> RedirectResponse:
    with transaction_for(decision.visit) as tx:
        page = page_of_row(tx.session, row_id)
    return see(f"{page.removeprefix(COOKIE_PATH)}?notice={notice}")


def _price(decision: StaffDecision, currency: str) -> Money | None:
    """As it was written; None where it was left empty."""
    text = decision.fields.get("unit_price", "")
    if not text:
        return None
    try:
        return Money.parse_major(text, currency)
    except ValueError as error:
        raise BadForm(f"The price: {error}.") from error
