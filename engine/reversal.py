"""The payment of an applied change was returned: the catalogue's policy says whether the plan is kept.

`reverse` opens a change of the system's own back to the old plan, as paid as the old plan was. Its credit note is
written when it is applied, not before: a host that cannot go back leaves the sale as it is. Where the old plan no
longer fits, or the period has moved on, the service is suspended instead and staff are notified.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, case, func, select
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.errors import ChangeError
from domain.fit import check_fit
from domain.lifecycle import ENDED, Event, ServiceStatus, Status
from domain.money import Money
from domain.pricing.quote_values import NextRenewal, Quote, digest_of_quote
from domain.pricing.renewals import price_renewal
from domain.pricing.terms import ServiceTerms
from engine.accounts.services import buyer_of
from engine.expiry import cancel_open_changes, supersede_scheduled
from engine.invoicing.content import opposite_content
from engine.invoicing.invoice import Amounts, new_invoice
from engine.invoicing.numbering import give_number
from engine.ledger import billed_items, postings
from engine.ledger.open_claims import disputed_of
from engine.notifications import notices
from engine.payments.owed import settle_covered
from models.customer import Service
from models.invoice import Invoice
from models.ledger import claim_on, returned_of
from models.moves import begin, move
from models.payment import CAME_AGAIN, WENT_BACK, Payment, newest_return
from models.pending_work import built_once
from models.plan_change import PlanChange, active_change, lock_change
from models.provider import catalog_of

_OPPOSITE = {"upgrade": "downgrade", "downgrade": "upgrade"}


class CannotReverse(Exception):
    """The old plan cannot simply be had back."""


def net_received(session: Session, invoice: Invoice) -> Money:
    """What came for an invoice less what went back of it; money of other currencies never counts for it."""
    sign = case((Payment.kind.in_(("payment", *CAME_AGAIN)), 1), (Payment.kind.in_(WENT_BACK), -1), else_=0)
    total = session.scalar(
        select(func.coalesce(func.sum(Payment.amount_minor * sign), 0)).where(
            Payment.invoice_id == invoice.id, Payment.currency == invoice.currency, Payment.outcome != "unmatched"
        )
    )
    return Money(int(total or 0), invoice.currency)


def answer_return(session: Session, now: datetime, change: PlanChange | None, invoice: Invoice) -> list[str]:
    """Does what the policy says once nothing is left of what was paid; a part that went back is staff's matter, and so
    is what went back of a change that has ended.

    A change that is not applied yet is answered once it is (after_apply), and a dispute is decided when it is lost.
    Returns the change to enqueue.
    """
    if change is None:
        notices.write(session, invoice, "money_returned")
        if net_received(session, invoice).amount <= 0 and not disputed_of(session, invoice):
            _follow_without_change(session, now, invoice)
        return []
    if net_received(session, invoice).amount > 0:
        notices.write(session, change, "money_returned")
        return []
    if change.status not in ENDED or disputed_of(session, invoice):
        return []
    if change.status != Status.APPLIED:
        notices.write(session, change, "money_returned")
        return []
    policy = catalog_of(session, change.provider).policies.money_returned
    if policy == "keep":
        _lose(session, now, invoice)
    if policy == "reverse":
        try:
            return [_open_reversal(session, now, change, invoice)]
        except (CannotReverse, ChangeError) as error:
            change.reason_text = f"The plan could not be taken back: {error}"
            policy = "suspend"
    if policy == "suspend":
        suspend(session, now, change.service)
    notices.write(session, change, "money_returned")
    return []


def after_apply(session: Session, now: datetime, change: PlanChange) -> None:
    """A change was applied: if it reverses another one, that one is reversed now; if its own payment was returned
    meanwhile, the policy decides."""
    if change.reverses_id is not None:
        _finish_reversal(session, now, change, change.reverses_id)
        return
    invoice = _returned_invoice(session, change)
    if invoice is not None:
        answer_return(session, now, change, invoice)


def _returned_invoice(session: Session, change: PlanChange) -> Invoice | None:
    """The invoice of a change, where money of it went back and that is not decided yet."""
    return session.scalar(_returned(), {"change_id": change.id})


@built_once
def _returned() -> Select[Invoice]:
    undecided = claim_on("returned", Invoice, Invoice.id) != 0
    return select(Invoice).where(Invoice.change_id == bindparam("change_id"), undecided)


def suspend(session: Session, now: datetime, service: Service) -> None:
    """Changes are refused until the host makes the service active again; what is open and unpaid ends."""
    if service.status in (ServiceStatus.PENDING, ServiceStatus.ACTIVE, ServiceStatus.PAST_DUE):
        move(session, service, "suspend", ServiceStatus.SUSPENDED, now, reason="money_returned")
    cancel_open_changes(session, now, service, "system", "service_suspended")


def _follow_without_change(session: Session, now: datetime, invoice: Invoice) -> None:
    """A renewal's payment was returned: with no plan to go back to, the service is suspended or the money is lost."""
    if catalog_of(session, invoice.provider).policies.money_returned == "keep":
        _lose(session, now, invoice)
    else:
        suspend(session, now, invoice.service)


def _lose(session: Session, now: datetime, invoice: Invoice) -> None:
    """By the return that it answers: money that came in again after it was lost may go back once more."""
    newest = newest_return(session, invoice.id)
    assert newest is not None, "something went back"
    postings.lose_returned(session, invoice, returned_of(session, invoice), now, newest.id)


def _open_reversal(session: Session, now: datetime, change: PlanChange, sold: Invoice) -> str:
    """A paid change of the system's own, back to where that one came from. Raises CannotReverse, ChangeError."""
    service, forward = change.service, change.billed_quote()
    catalog = catalog_of(session, change.provider)
    _check_way_back(session, catalog, service, forward, sold)
    back = _quote_back(catalog, change, forward)
    reversal = PlanChange(
        provider_id=change.provider_id,
        service=service,
        customer_id=change.customer_id,
        invoice=None,
        status=Status.REQUESTED,
        idempotency_key=f"reversal:{change.id}",
        request_sha256="",
        channel="system",
        received_at=now,
        from_plan=service.plan,
        from_cycle=service.cycle,
        target_plan=forward.from_.plan,
        target_cycle=forward.from_.cycle,
        kind=back.kind,
        quote=back.as_json(),
        effective_at=now,
        reverses_id=change.id,
    )
    begin(session, reversal, now, actor="system")
    move(session, reversal, Event.REVERSE, Status.PAID, now, reason=f"reverses:{change.id}")
    supersede_scheduled(session, now, reversal)
    return reversal.id


def _check_way_back(session: Session, catalog: Catalog, service: Service, forward: Quote, sold: Invoice) -> None:
    if active_change(session, service.id) is not None:
        raise CannotReverse("another change of this service is open.")
    if session.scalar(select(PlanChange.id).where(PlanChange.reverses_id == sold.change_id)) is not None:
        raise CannotReverse("it was tried before, and the service kept its plan.")
    if (service.plan, service.cycle) != (forward.to.plan, forward.to.cycle) or service.period != forward.new_period:
        raise CannotReverse("the service has changed or was renewed since.")
    if not billed_items.is_last_bill(session, sold):
        raise CannotReverse("a later bill has taken back what it charged.")
    if service.is_over:
        raise CannotReverse("the service has ended.")
    plan = catalog.plan(forward.from_.plan)
    if plan is None:
        raise CannotReverse(f"there is no plan {forward.from_.plan} any more.")
    check_fit(catalog, plan, forward.from_.quantity, service.usage)


def _quote_back(catalog: Catalog, change: PlanChange, forward: Quote) -> Quote:
    """The change undone: the terms before it, with the period and what had been paid for it."""
    before = ServiceTerms.from_json(forward.inputs["service"])
    zero = Money.zero(forward.currency)
    renewal = price_renewal(catalog, before, buyer_of(change.customer), None, before.period.end, zero)
    quote = replace(
        forward,
        kind=_OPPOSITE.get(forward.kind, forward.kind),
        timing="now",
        from_=forward.to,
        to=forward.from_,
        quantity=forward.from_.quantity,
        lines=tuple(replace(line, amount=-line.amount) for line in forward.lines),
        net=-forward.net,
        tax=-forward.tax,
        rounding=-forward.rounding,
        total=-forward.total,
        credit_applied=zero,
        total_due_today=zero,
        credit_created=zero,
        refund=forward.total,
        next_renewal=NextRenewal(before.period.end, renewal.total),
        new_period=before.period,
        new_anchor_day=before.anchor_day,
        new_anchor_time=before.anchor_time,
        opened=(),
        taken=(),
        notes=(),
        inputs={"reverses": change.id, "digest": forward.digest},
        digest="",
    )
    return replace(quote, digest=digest_of_quote(quote))


def _finish_reversal(session: Session, now: datetime, reversal: PlanChange, reversed_id: str) -> None:
    """The old plan is back: the credit note is written, the sale undone, and the first change reads reversed."""
    change = lock_change(session, reversed_id)
    sold = change.invoice
    assert sold is not None, "a change whose money came has its invoice"
    note = new_invoice(
        reversal,
        sold.service,
        kind="credit_note",
        amounts=Amounts.taking_back(sold),
        content=_content_back(sold),
        now=now,
        due_at=now,
        settled_at=now,
    )
    give_number(session, sold.provider, note, now)
    reversal.invoice = note
    session.flush()
    billed_items.undo(session, sold.service, sold, note, "reversal", now)
    postings.reverse_sale(session, note, sold, now)
    settle_covered(session, now, sold.service)
    move(session, change, Event.REVERSE, Status.REVERSED, now, reason=f"reversed_by:{reversal.id}")
    notices.write(session, reversal, "plan_reversed")


def _content_back(sold: Invoice) -> dict[str, Any]:
    """As it answers the sale, with the plans the other way round."""
    before, after = sold.content["after"], sold.content["before"] or sold.content["after"]
    return opposite_content(sold) | {"before": before, "after": after, "notes": []}
