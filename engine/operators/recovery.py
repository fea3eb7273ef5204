"""A change is stuck, and an operator decides: retry, or compensate.

Both are written into the change's history with actor and reason. Compensation first makes sure that the host has the
old plan, under a generation of its own: an order of ours that is still on its way is refused from then on. So the host
is asked only once the invoice can be corrected, and a retry after it is a newer order again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.lifecycle import Event, Status
from engine.accounts.providers import host_of
from engine.apply import give_generation
from engine.expiry import cancel_change
from engine.jobs.external_call import ExternalStep, machine_time, take_lease
from engine.notifications import notices
from engine.operators.corrections import correct_change, reprice_renewal
from engine.operators.dead_letter_retry import NotADeadLetter, retry_dead_letter
from engine.payments.credit_notes import CreditSpent, check_credit
from models.audit import Attribution, record_action
from models.moves import move
from models.plan_change import ChangeMove, PlanChange, lock_change
from models.renewal import Renewal
from provisioners.protocol import Host, HostedService, PlanOrder, ProvisionerRefused, ProvisionerUnknown
from provisioners.registry import PROVISIONERS
from settings import settings


class NotStuck(Exception):
    """Only a stuck change can be retried or compensated."""

    def __init__(self, change: PlanChange) -> None:
        super().__init__(f"{change.id} is {change.status}; only a change that is stuck can be retried or compensated.")


def retry(session: Session, now: datetime, change_id: str, attribution: Attribution) -> Status:
    """stuck → applying: the host is read, and ordered again if it does not show the target. Raises NotStuck.

    A change that was given up before it was paid goes on from its status.
    After a definite no the host gets a new key, or it would repeat its answer, and so it does where a compensation has
    ordered the old plan since; otherwise the same one.
    """
    change = lock_change(session, change_id)
    if change.status != Status.STUCK:
        try:
            retry_dead_letter(session, now, change_id, attribution)
        except NotADeadLetter:
            raise NotStuck(change) from None
        return change.lifecycle_status
    newest = change.service.generation
    if change.reason == "host_refused" or change.generation not in (None, newest):
        change.apply_round += 1
    if change.generation != newest:
        give_generation(change)  # it was given up before the host was called, or the host was ordered back since
    change.apply_attempts = 1  # not 0: what was tried before may have been done, so it is read first
    change.reason = change.reason_text = change.lease_until = None
    move(session, change, Event.RETRY, Status.APPLYING, now, actor=attribution.operator, reason=attribution.reason)
    return Status.APPLYING


def cancel(session: Session, now: datetime, change_id: str, attribution: Attribution) -> Status:
    """A change that is unpaid or scheduled is canceled for the customer, who is told. Raises NotCancelable."""
    status = cancel_change(session, now, change_id, actor="operator")
    provider_id = session.get_one(PlanChange, change_id).provider_id
    record_action(session, provider_id, now, "change.cancel", change_id, attribution)
    return status


@dataclass(frozen=True, slots=True)
class CompensateCall:
    """An order for the plan that the service had. `may_read`: no call for the new plan can be under way any more."""

    change_id: str
    fence: int
    provisioner: str
    host: Host
    order: PlanOrder
    may_read: bool


@dataclass(frozen=True, slots=True)
class CompensateOutcome:
    """What the service has now, or why we do not know; neither where the host does not know the service."""

    service: HostedService | None
    error: str | None = None


def begin_compensation(session: Session, now: datetime, change_id: str) -> CompensateCall | Status:
    """Takes the lease, and a generation for the order of the old plan. Stays stuck, with the reason, where the credit
    that the change gave is spent. Raises NotStuck."""
    change = lock_change(session, change_id)
    if change.status == Status.COMPENSATED:
        return Status.COMPENSATED
    if change.status != Status.STUCK:
        raise NotStuck(change)
    try:
        if change.invoice is not None:
            check_credit(session, change.invoice)
    except CreditSpent as error:
        return _stays_stuck(session, change, str(error))
    fence = take_lease(change)
    if fence is None:
        return Status.STUCK
    service = change.service
    service.generation += 1
    session.flush()
    provisioner, host = host_of(session, change.provider_id)
    order = PlanOrder(
        service_ref=service.ref,
        plan=service.plan,
        limits=service.limits,
        generation=service.generation,
        key=f"{change.id}:compensate:{service.generation}",
    )
    return CompensateCall(change.id, fence, provisioner, host, order, _may_read(session, change))


def perform_compensation(call: CompensateCall) -> CompensateOutcome:
    """Orders the old plan. Where the host takes no order, it is enough that it shows the old plan."""
    provisioner = PROVISIONERS[call.provisioner]
    try:
        return CompensateOutcome(provisioner.apply(call.host, call.order))
    except ProvisionerRefused as refused:
        if not call.may_read:
            return CompensateOutcome(None, f"{refused} Ask again in a minute: an earlier call may be under way.")
    except ProvisionerUnknown as error:
        return CompensateOutcome(None, str(error))
    try:
        return CompensateOutcome(provisioner.read(call.host, call.order.service_ref))
    except (ProvisionerRefused, ProvisionerUnknown) as error:
        return CompensateOutcome(None, str(error))


def finish_compensation(
    session: Session, now: datetime, call: CompensateCall, outcome: CompensateOutcome, attribution: Attribution
) -> Status:
    """stuck → compensated: the invoice is corrected, the money is credit. Stays stuck, with the reason, otherwise."""
    change = lock_change(session, call.change_id)
    if change.status != Status.STUCK or change.fence != call.fence:
        return change.lifecycle_status
    change.lease_until = None
    obstacle = _obstacle(change, call.order, outcome)
    if obstacle is not None:
        return _stays_stuck(session, change, obstacle)
    try:
        with session.begin_nested():
            _correct_invoice(session, now, change)
    except CreditSpent as error:
        return _stays_stuck(session, change, str(error))
    move(
        session,
        change,
        Event.COMPENSATE,
        Status.COMPENSATED,
        now,
        actor=attribution.operator,
        reason=attribution.reason,
    )
    notices.write(session, change, "compensated")
    return Status.COMPENSATED


def compensation(attribution: Attribution) -> ExternalStep[CompensateCall, CompensateOutcome, Status]:
    """The step, in the name of an operator."""
    return ExternalStep(
        begin_compensation, perform_compensation, partial(finish_compensation, attribution=attribution), CompensateCall
    )


def _obstacle(change: PlanChange, order: PlanOrder, outcome: CompensateOutcome) -> str | None:
    """Why it is not compensated yet; None where the host has the old plan, or the service is over and nobody has it."""
    hosted = outcome.service
    if outcome.error is not None:
        return outcome.error
    if hosted is None and not change.service.is_over:
        return "The host does not know the service. Report it as canceled or terminated first, then compensate again."
    if hosted is not None and (hosted.plan, hosted.limits) != (order.plan, order.limits):
        return "The host does not show the old plan. Try again, or retry the change."
    return None


def _stays_stuck(session: Session, change: PlanChange, sentence: str) -> Status:
    change.reason_text = sentence
    session.flush()
    return Status.STUCK


def _correct_invoice(session: Session, now: datetime, change: PlanChange) -> None:
    if change.reverses_id is not None:
        return  # a reversal is invoiced when it is applied: the sale stands, and so does what is returned
    renewal = session.scalar(select(Renewal).where(Renewal.change_id == change.id))
    if renewal is None:
        correct_change(session, now, change)
    else:
        reprice_renewal(session, now, change.service, renewal)


def _may_read(session: Session, change: PlanChange) -> bool:
    """Whether it was stuck for longer than a lease: whoever called then has given up by now."""
    stuck_at = session.scalar(
        select(func.max(ChangeMove.recorded_at)).where(
            ChangeMove.change_id == change.id, ChangeMove.to_status == Status.STUCK
        )
    )
    assert stuck_at is not None, "a stuck change has moved there"
    return machine_time(session) - stuck_at > timedelta(seconds=settings().lease_seconds)
