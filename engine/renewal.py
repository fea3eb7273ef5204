"""A period ends: the next one is invoiced, and a change that was scheduled for this day is applied.

Beat scans for services whose period is over; each one is renewed in one transaction that rolls the period, decides
the plan, issues the invoice with its number, and moves a scheduled change on. Payment is not awaited; a service
whose renewal stays unpaid becomes past due. Missed periods are caught up one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.errors import ChangeError, PlanNotOffered, ScheduledPriceRose
from domain.fit import check_fit
from domain.lifecycle import Event, ServiceStatus, Status
from domain.money import Money
from domain.periods import MISSED_PERIODS_MAX, AnchorPoint, Period, in_service_from, instant_text
from domain.pricing.quote_values import Quote
from domain.pricing.renewals import Promise, RenewalPrice, price_renewal
from domain.pricing.terms import Target
from domain.refusals import refusal_text
from engine.accounts.providers import connected_host
from engine.accounts.services import buyer_of, terms_of
from engine.apply import give_generation
from engine.dunning import remind_from
from engine.invoicing.content import frozen_content
from engine.invoicing.invoice import Amounts, new_invoice
from engine.invoicing.numbering import give_number
from engine.jobs.external_call import ExternalStep
from engine.ledger import billed_items, postings
from engine.notifications import notices
from engine.payments.payable import means_of, with_payable_credit
from engine.review import ask_staff
from models.audit import OperatorAction
from models.base import new_id
from models.customer import WARNED_AHEAD, Service, lock_and_clock, lock_service
from models.invoice import Invoice
from models.moves import move
from models.plan_change import PlanChange, active_change, lock_change, scheduled_change
from models.provider import catalog_of
from models.renewal import Renewal
from models.resumption import outages_of
from provisioners.protocol import Host, ProvisionerUnknown
from provisioners.registry import PROVISIONERS


@dataclass(frozen=True, slots=True)
class UsageCall:
    """How much of its limits does the service use now?"""

    service_id: str
    service_ref: str
    provisioner: str
    host: Host


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a renewal left to do: an invoice to print and collect, a change to apply, maybe another period to roll.
    `parked` is why a service is renewed no further until a person looks at it."""

    invoice_id: str | None = None
    change_id: str | None = None
    more_due: bool = False
    parked: str | None = None


NOTHING = Renewed()


def begin_renewal(session: Session, now: datetime, service_id: str) -> UsageCall | Renewed:
    """Usage is measured outside the transaction, and only where a scheduled change must fit."""
    service = lock_service(session, service_id)
    if service.scheduled_ending is not None:
        return NOTHING
    scheduled = scheduled_change(session, service_id)
    if scheduled is None:
        return _renew(session, now, service, None)
    connected = connected_host(session, service.provider_id)
    if connected is None:
        return _renew_or_warn(session, now, service, scheduled)
    return UsageCall(service.id, service.ref, *connected)


def measure_usage(call: UsageCall) -> dict[str, int] | None:
    """What the host counts; None if it does not answer or does not know the service: what it last reported counts."""
    try:
        hosted = PROVISIONERS[call.provisioner].read(call.host, call.service_ref)
    except ProvisionerUnknown:
        return None
    return hosted.usage if hosted is not None else None


def finish_renewal(session: Session, now: datetime, call: UsageCall, usage: dict[str, int] | None) -> Renewed:
    """Takes over what was measured, then renews the service or warns its customer."""
    service = lock_service(session, call.service_id)
    if usage:
        service.usage = service.usage | usage
    scheduled = scheduled_change(session, service.id)
    if scheduled is None:
        return _renew(session, now, service, None)
    return _renew_or_warn(session, now, service, scheduled)


def _renew_or_warn(session: Session, now: datetime, service: Service, scheduled: PlanChange) -> Renewed:
    if service.period_end <= now:
        return _renew(session, now, service, scheduled)
    if scheduled.warned_at is None and service.period_end <= now + WARNED_AHEAD:
        _warn(session, now, service, scheduled)
    return NOTHING


def _renew(session: Session, now: datetime, service: Service, scheduled: PlanChange | None) -> Renewed:
    """Rolls one period of a locked service, unless it ends with that period. Waits (returns nothing to do) while a
    change is on its way: one that is settled is applied first, one that is unpaid has run out and expires first."""
    if service.status != ServiceStatus.ACTIVE or service.period_end > now or service.scheduled_ending is not None:
        return NOTHING
    open_change = active_change(session, service.id)
    if open_change is not None and open_change.status != Status.AWAITING_REVIEW:
        return NOTHING
    if _caught_up(session, now, service) >= MISSED_PERIODS_MAX:
        return _park(session, service)
    catalog = catalog_of(session, service.provider)
    change = scheduled if scheduled is not None and _still_fits(session, now, catalog, service, scheduled) else None
    priced, anchor = _price(session, now, catalog, service, change)
    renewal = Renewal(
        id=new_id("rnw"),
        provider_id=service.provider_id,
        service_id=service.id,
        change_id=change.id if change else None,
        plan=priced.terms.plan,
        period_start=priced.period.start,
        period_end=priced.period.end,
        renewed_at=now,
    )
    session.add(renewal)
    session.flush()
    invoice = bill_period(session, now, catalog, service, priced, renewal)
    if anchor is not None:
        service.renew_on(anchor)
    service.schedule_now()
    if change is not None:
        change = lock_change(session, change.id)
        give_generation(change)
        move(session, change, Event.RENEWAL, Status.APPLYING, now)
    session.flush()
    return Renewed(invoice.id if invoice else None, change.id if change else None, more_due=service.period_end <= now)


def _caught_up(session: Session, now: datetime, service: Service) -> int:
    """How many periods of this service were renewed within a day, since a person has last had it tried again."""
    retried = select(func.max(OperatorAction.recorded_at)).where(
        OperatorAction.subject == service.id, OperatorAction.action == "dead_letter.retry"
    )
    renewed = select(func.count(Renewal.id)).where(
        Renewal.service_id == service.id, Renewal.renewed_at > now - timedelta(days=1)
    )
    since = func.coalesce(retried.scalar_subquery(), text("'-infinity'::timestamptz"))
    return session.scalar(renewed.where(Renewal.recorded_at > since)) or 0


def _park(session: Session, service: Service) -> Renewed:
    """Missed periods are for an outage of ours; more of them than that are a person's matter: a dead letter."""
    reason = (
        f"{MISSED_PERIODS_MAX} missed periods were renewed within a day, and the next one ended at"
        f" {instant_text(service.period_end)}. Check the service, then have it tried again."
    )
    service.next_attempt_at, service.last_error = None, reason
    session.flush()
    return Renewed(parked=reason)


def _price(
    session: Session, now: datetime, catalog: Catalog, service: Service, change: PlanChange | None
) -> tuple[RenewalPrice, AnchorPoint | None]:
    """The next period in which the service was, or is, in service; with the day of renewal that time out of service
    has led to."""
    terms, promise = terms_of(session, service), _promise_of(change) if change else None
    target = Target(change.target_plan, change.target_cycle, change.target_quantity) if change else None
    start, anchor, until = in_service_from(terms.period.end, outages_of(session, service.id), catalog.timezone)
    if anchor is not None:
        period = Period(terms.period.start, start)
        terms = replace(terms, period=period, anchor_day=anchor.day, anchor_time=anchor.at)

    def price(credit: Money) -> RenewalPrice:
        return price_renewal(catalog, terms, buyer_of(service.customer), target, now, credit, promise, until)

    return with_payable_credit(*means_of(session, service), price), anchor


def _promise_of(change: PlanChange) -> Promise:
    assert change.quote is not None, "a scheduled change has its quote"
    return Promise.of(Quote.from_json(change.quote))


def bill_period(
    session: Session, now: datetime, catalog: Catalog, service: Service, priced: RenewalPrice, cause: Renewal | Invoice
) -> Invoice | None:
    """Gives a period to the service, and invoices it; one that costs nothing only where the policy says so."""
    if priced.total or catalog.policies.zero_renewals == "invoice":
        return _issue_period(session, now, catalog, service, priced, cause)
    _begin_period(service, priced)
    return None


def _issue_period(
    session: Session, now: datetime, catalog: Catalog, service: Service, priced: RenewalPrice, cause: Renewal | Invoice
) -> Invoice:
    """Supplied before it is paid: the invoice has its number from the start, and account credit is used at once."""
    invoice = new_invoice(
        cause,
        service,
        kind="invoice",
        amounts=Amounts(priced.net, priced.tax, priced.total, priced.credit_applied, priced.due, priced.rounding),
        content=frozen_content(
            catalog,
            service.customer,
            lines=priced.lines,
            before=None,
            after=priced.terms,
            supply=priced.period,
            next_renewal=None,
            notes=[],
        ),
        now=now,
        due_at=now + timedelta(days=catalog.invoice.due_days),
        settled_at=None if priced.due else now,
    )
    give_number(session, service.provider, invoice, now)
    remind_from(catalog, invoice)
    session.add(invoice)
    session.flush()
    postings.issue_renewal(session, invoice, now)
    _begin_period(service, priced)
    billed_items.write_opened(session, service, invoice, priced.opened, now)
    return invoice


def _begin_period(service: Service, priced: RenewalPrice) -> None:
    service.run_for(priced.period)
    service.unpaid_import = None  # that bill was for the time before


def _still_fits(session: Session, now: datetime, catalog: Catalog, service: Service, scheduled: PlanChange) -> bool:
    """Whether the scheduled change may be applied; if not, the policy refuses it, or asks staff."""
    try:
        _check_target(catalog, service, scheduled)
    except ChangeError as error:
        change = lock_change(session, scheduled.id)
        sentence = refusal_text(error, catalog, service.customer.locale)
        change.reason, change.reason_text, change.reason_details = error.code, sentence, dict(error.details)
        asks_staff = catalog.policies.over_limit_at_renewal == "ask"
        # A service has one active change; where that place is taken, staff are busy with the other one.
        if asks_staff and active_change(session, service.id) is None:
            ask_staff(session, now, change, Event.RENEWAL, error.code)
        else:
            move(session, change, Event.RENEWAL, Status.REFUSED, now, reason=error.code)
            notices.write(session, change, "refused")
        return False
    return True


def _warn(session: Session, now: datetime, service: Service, scheduled: PlanChange) -> None:
    catalog = catalog_of(session, service.provider)
    scheduled.warned_at = now
    service.schedule_now()
    try:
        _check_target(catalog, service, scheduled)
    except ChangeError as error:
        problem = refusal_text(error, catalog, service.customer.locale)
        notices.write(session, lock_change(session, scheduled.id), "at_risk", problem=problem)
    session.flush()


def _check_target(catalog: Catalog, service: Service, scheduled: PlanChange) -> None:
    """Raises OverLimit; PlanNotOffered where the catalogue has lost the plan (one that is not sold any more is kept as
    promised); ScheduledPriceRose where the catalogue promises no price and it has risen."""
    plan = catalog.plan(scheduled.target_plan)
    if plan is None or scheduled.target_cycle not in catalog.cycles:
        raise PlanNotOffered(f"{scheduled.target_plan} is no longer sold {scheduled.target_cycle}; choose another plan")
    check_fit(catalog, plan, scheduled.target_quantity or service.quantity, service.usage)
    if catalog.policies.scheduled_price == "current_with_notice":
        price = catalog.price(plan.id, scheduled.target_cycle, service.currency)
        promised = _promise_of(scheduled).unit
        if price is None or price.amount > promised:
            raise ScheduledPriceRose(
                f"{plan.name} costs more than when the change was scheduled; ask again at today's price", plan=plan.id
            )


renew_service = ExternalStep(begin_renewal, measure_usage, finish_renewal, UsageCall, opens=lock_and_clock)
