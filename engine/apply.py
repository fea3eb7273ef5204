"""The host is ordered to give the service its new plan, and what the service has then is read back.

Two workers may call at once after a lease ran out, so each call carries the service's generation (the host refuses a
lower one) and the change's key (the host answers a repetition with the first answer): calls may overlap, effects not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from domain.lifecycle import Event, Status
from domain.periods import AnchorPoint
from domain.pricing.quote_values import Quote
from domain.pricing.terms import ServiceTerms
from engine import reversal
from engine.accounts.providers import host_of
from engine.jobs.external_call import ExternalStep, retry_at, take_lease
from engine.notifications import notices
from models.customer import lock_and_clock
from models.moves import move
from models.plan_change import PlanChange, lock_change
from models.provider import catalog_of
from models.resumption import days_moved_since
from provisioners.protocol import (
    Host,
    HostedService,
    PlanOrder,
    ProvisionerNotAsked,
    ProvisionerRefused,
    ProvisionerUnknown,
)
from provisioners.registry import PROVISIONERS
from settings import settings


@dataclass(frozen=True, slots=True)
class ApplyCall:
    """One order to the host. `read_first`: an earlier call may have done it already."""

    change_id: str
    fence: int
    provisioner: str
    host: Host
    order: PlanOrder
    read_first: bool


@dataclass(frozen=True, slots=True)
class ApplyOutcome:
    """What the service has, or why we do not know; `refused` is a definite no, and `not_asked` says that no call was
    made, and may be after `retry_after` seconds."""

    service: HostedService | None
    error: str | None = None
    refused: bool = False
    not_asked: bool = False
    retry_after: float | None = None


def begin_apply(session: Session, now: datetime, change_id: str) -> ApplyCall | Status:
    """paid → applying, or takes up an applying change whose lease is over; one whose tries all ended before they had
    an outcome is stuck."""
    change = lock_change(session, change_id)
    if change.status not in (Status.PAID, Status.APPLYING) or change.quote is None:
        return Status(change.status)
    fence = take_lease(change)
    if fence is None:
        return Status(change.status)
    if change.apply_attempts >= settings().apply_attempts_max:
        return _give_up(session, now, change, f"The host was called {change.apply_attempts} times, and no call ended.")
    if change.status == Status.PAID:
        give_generation(change)
        move(session, change, Event.APPLY, Status.APPLYING, now)
    change.apply_attempts += 1
    return _call_for(session, change, fence)


def give_generation(change: PlanChange) -> None:
    """A new order for this service: the host will refuse every older one."""
    change.service.generation += 1
    change.generation = change.service.generation


def perform_apply(call: ApplyCall) -> ApplyOutcome:
    """Reads before repeating: an answer that got lost may have been a yes."""
    provisioner = PROVISIONERS[call.provisioner]
    try:
        if call.read_first:
            service = provisioner.read(call.host, call.order.service_ref)
            if service is not None and _has_target(service, call.order):
                return ApplyOutcome(service)
        return ApplyOutcome(provisioner.apply(call.host, call.order))
    except ProvisionerNotAsked as error:
        return ApplyOutcome(None, str(error), not_asked=True, retry_after=error.retry_after)
    except ProvisionerUnknown as error:
        return ApplyOutcome(None, str(error))
    except ProvisionerRefused as error:
        return ApplyOutcome(None, str(error), refused=True)


def finish_apply(session: Session, now: datetime, call: ApplyCall, outcome: ApplyOutcome) -> Status:
    """applying → applied | applying (again later) | stuck; nothing, if somebody else has taken over."""
    change = lock_change(session, call.change_id)
    if change.status != Status.APPLYING or change.fence != call.fence:
        return Status(change.status)
    if outcome.service is not None and _has_target(outcome.service, call.order):
        return _applied(session, now, change)
    if outcome.refused:
        error = outcome.error or "The host refused the change."
        return _stuck(session, now, change, Event.APPLY, "host_refused", error)
    if outcome.not_asked:
        change.apply_attempts -= 1
    elif change.apply_attempts >= settings().apply_attempts_max:
        error = outcome.error or "The host does not show the new plan."
        return _stuck(session, now, change, Event.APPLY, "host_unreachable", error)
    change.reason_text = outcome.error
    # The lease is kept for the pause between two tries, so that an early message finds it taken.
    tried = change.attempts if outcome.not_asked else change.apply_attempts
    change.lease_until = change.next_attempt_at = retry_at(session, tried, asked_seconds=outcome.retry_after)
    session.flush()
    return Status.APPLYING


def give_up(session: Session, now: datetime, change_id: str) -> Status:
    """paid, applying → stuck, after all attempts that the settings allow: the money is in, the plan is not there."""
    change = lock_change(session, change_id)
    if change.status not in (Status.PAID, Status.APPLYING) or not change.spent or change.lease_runs:
        return change.lifecycle_status
    return _give_up(session, now, change, f"It was enqueued {change.attempts} times, and no step came to its end.")


def _give_up(session: Session, now: datetime, change: PlanChange, sentence: str) -> Status:
    error = change.last_error or "none was seen, so a process died, or messages were lost"
    return _stuck(session, now, change, Event.GIVE_UP, "given_up", f"{sentence} The last error: {error}")


def _call_for(session: Session, change: PlanChange, fence: int) -> ApplyCall:
    target = change.billed_quote().to
    with session.no_autoflush:  # the change is written once, when the step ends
        provisioner, host = host_of(session, change.provider_id)
    assert change.generation is not None, "a change is given its generation before it is applied"
    order = PlanOrder(
        service_ref=change.service.ref,
        plan=target.plan,
        limits=target.limits,
        generation=change.generation,
        key=change.apply_key,
    )
    return ApplyCall(change.id, fence, provisioner, host, order, read_first=change.apply_attempts > 1)


def _has_target(service: HostedService, order: PlanOrder) -> bool:
    return (service.plan, service.generation, service.limits) == (order.plan, order.generation, order.limits)


def _applied(session: Session, now: datetime, change: PlanChange) -> Status:
    quote = change.billed_quote()
    service = change.service
    service.plan = quote.to.plan
    service.cycle = quote.to.cycle
    service.quantity = quote.quantity
    service.unit_price_minor = quote.to.unit_price.amount
    service.limits = quote.to.limits
    if quote.timing != "at_renewal":  # a renewal has rolled the period already
        _take_over_period(session, change, quote)
    change.reason_text = change.lease_until = None
    move(session, change, Event.APPLY, Status.APPLIED, now)
    if change.reverses_id is None:
        notices.write(session, change, "plan_changed")
    reversal.after_apply(session, now, change)
    return Status.APPLIED


def _take_over_period(session: Session, change: PlanChange, quote: Quote) -> None:
    """The period that the change leads to, if it is another one than it found: that one may have been moved since."""
    service, anchor = change.service, AnchorPoint(quote.new_anchor_day, quote.new_anchor_time)
    found = ServiceTerms.from_json(quote.inputs["service"]) if "service" in quote.inputs else None
    if found is not None and (found.period, found.anchor) == (quote.new_period, anchor):
        return
    if found is None or found.period != quote.new_period:
        tz = catalog_of(session, change.provider).timezone
        days = days_moved_since(session, service.id, change.received_at)
        period = quote.new_period.later(days, tz)
        service.run_for(period, days)
        anchor = AnchorPoint.of(period.end, tz) if days else anchor
    service.renew_on(anchor)


def _stuck(session: Session, now: datetime, change: PlanChange, event: Event, code: str, sentence: str) -> Status:
    change.reason, change.reason_text = code, sentence
    change.lease_until = None
    move(session, change, event, Status.STUCK, now, reason=code)
    return Status.STUCK


apply_plan = ExternalStep(begin_apply, perform_apply, finish_apply, ApplyCall, opens=lock_and_clock)
