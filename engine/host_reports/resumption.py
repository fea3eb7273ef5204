"""A service is back in service: what becomes of its period.

Nothing is billed for time out of service. The running period goes on to its end; under `extend_period` its paid rest
is moved to where the service is back. Where no such time is left, the next period begins when the service is back, or
is the one that the host says. Periods that were missed before it went out are still caught up, up to that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.lifecycle import IN_SERVICE, SETTLED_UNAPPLIED, ResumptionOutcome, ServiceStatus
from domain.periods import AnchorPoint, Period, anchor_of, check_resumed, local_days, next_period
from engine.host_reports.differences import OF_A_NEW_PERIOD, FieldDifference, ServiceDiffers, remember
from engine.host_reports.imports import unpaid_item, write_import
from engine.host_reports.reports import BillingReport, ServiceReport
from engine.ledger import billed_items
from models.customer import Service, ServiceMove
from models.moves import moves_of
from models.plan_change import active_change, scheduled_change
from models.resumption import Resumption, moved_days_since


@dataclass(frozen=True, slots=True)
class Resumed:
    """What became of the period, by which policy. `period` is the one that runs now; where it begins anew, its renewal
    comes next and invoices it, unless the host has billed it."""

    policy: str
    outcome: ResumptionOutcome
    out_since: datetime
    period: Period
    anchor: AnchorPoint
    moved_days: int = 0
    renews_now: bool = False


@dataclass(frozen=True, slots=True)
class _Back:
    """A service that is back, as long as it is decided what becomes of its period. `held` is the running one, with a
    change that is paid."""

    now: datetime
    catalog: Catalog
    service: Service
    report: ServiceReport
    out_since: datetime
    held: Period
    months: int

    @property
    def tz(self) -> str:
        return self.catalog.timezone

    def anchor(self, assumed: AnchorPoint) -> AnchorPoint:
        """Where the host says a day, that one."""
        return assumed._replace(day=self.report.anchor_day or assumed.day)

    def resumed(self, outcome: ResumptionOutcome, period: Period, anchor: AnchorPoint, moved_days: int = 0) -> Resumed:
        return Resumed(self.catalog.policies.resume, outcome, self.out_since, period, anchor, moved_days)


def resume(session: Session, now: datetime, catalog: Catalog, service: Service, report: ServiceReport) -> Resumed:
    """Does what the report says, or else the policy. Raises ServiceDiffers for a new period beside one that still
    runs, ImplausiblePeriod for one that does not run now."""
    out_since = min(_out_since(session, service), now)
    _end_what_was_given_back(session, service, out_since)
    months = catalog.cycles[_next_cycle(session, service)].months
    back = _Back(now, catalog, service, report, out_since, _held_period(session, catalog, service), months)
    told = _told_period(service, report)
    if told is not None and back.held.end > now:
        raise ServiceDiffers(service, [FieldDifference("period", back.held.as_json(), told.as_json())])
    lost = local_days(max(out_since, back.held.start), now, back.tz) if out_since < back.held.end else 0
    if told is not None:
        resumed = _as_told(session, back, told)
    elif lost > 0 and catalog.policies.resume == "extend_period":
        resumed = _extend(back, lost)
    elif local_days(back.held.end, now, back.tz) <= 0:
        resumed = back.resumed(ResumptionOutcome.KEPT, back.held, back.anchor(_anchor_of(service)))
        _renew_on(service, resumed.anchor, assumed=service.anchor_assumed and report.anchor_day is None)
    else:
        resumed = _restart(back, ResumptionOutcome.RESTARTED, now, back.anchor(AnchorPoint.of(now, back.tz)))
    _write_down(session, back, resumed)
    return resumed


def _as_told(session: Session, back: _Back, told: Period) -> Resumed:
    """The period that the host says: billed by the host where it says so, else by its renewal, from the day on which
    the service is back."""
    anchor = back.anchor(anchor_of(told, back.tz))
    check_resumed(told, back.months, anchor, back.tz, back.now)
    report, service = back.report, back.service
    if report.paid is None and report.billing is None:
        start = told.start if local_days(told.start, back.now, back.tz) <= 0 else back.now
        return _restart(back, ResumptionOutcome.REPORTED, max(start, back.out_since, back.held.end), anchor)
    service.period_start, service.period_end, service.moved_days = told.start, told.end, 0
    _renew_on(service, anchor)
    write_import(session, back.now, back.catalog, service, report.billing or BillingReport(), report.paid is not False)
    return back.resumed(ResumptionOutcome.REPORTED, told, anchor)


def _extend(back: _Back, days: int) -> Resumed:
    """What was paid and not had is had now: the period, and all that was billed for it, lie so many days later."""
    service = back.service
    later = service.period.later(days, back.tz)
    service.period_start, service.period_end = later.start, later.end
    service.moved_days += days
    if service.unpaid_import is not None:
        moved = unpaid_item(service).later(days, back.tz)
        service.unpaid_import = moved.as_json() | {"pay_url": service.unpaid_import["pay_url"]}
    period = back.held.later(days, back.tz)
    anchor = back.anchor(AnchorPoint.of(period.end, back.tz))
    _renew_on(service, anchor)
    return back.resumed(ResumptionOutcome.EXTENDED, period, anchor, days)


def _restart(back: _Back, outcome: ResumptionOutcome, start: datetime, anchor: AnchorPoint) -> Resumed:
    """The next period begins here; its renewal skips the time before (domain.periods.in_service_from)."""
    period, _ = next_period(start, back.months, anchor, back.tz)
    policy = back.catalog.policies.resume
    return Resumed(policy, outcome, back.out_since, period, anchor, renews_now=True)


def _renew_on(service: Service, anchor: AnchorPoint, assumed: bool = False) -> None:
    service.anchor_day, service.anchor_time, service.anchor_assumed = anchor.day, anchor.at, assumed


def _write_down(session: Session, back: _Back, resumed: Resumed) -> None:
    service, said = back.service, back.report.said()
    remember(service, {field: said[field] for field in OF_A_NEW_PERIOD if field in said})
    session.add(
        Resumption(
            provider_id=service.provider_id,
            service_id=service.id,
            policy=resumed.policy,
            outcome=resumed.outcome,
            out_since=resumed.out_since,
            resumed_at=back.now,
            starts_at=resumed.period.start if resumed.renews_now else back.now,
            anchor_day=resumed.anchor.day,
            anchor_time=resumed.anchor.at,
            moved_days=resumed.moved_days,
        )
    )
    scheduled = scheduled_change(session, service.id)
    if scheduled is not None:
        scheduled.effective_at = resumed.period.start if resumed.renews_now else resumed.period.end
    session.flush()


def _out_since(session: Session, service: Service) -> datetime:
    """When the service went out. One that is new and was never in service has had nothing of its period."""
    moves: list[ServiceMove] = moves_of(session, Service, service.id)
    left = next((place for place in reversed(range(len(moves))) if moves[place].to_status in IN_SERVICE), None)
    if left is not None:
        return moves[left + 1].at
    began = moves[0]
    if began.to_status == ServiceStatus.PENDING:
        return service.period_start
    return min(max(began.at, service.period_start), service.period_end)


def _end_what_was_given_back(session: Session, service: Service, out_since: datetime) -> None:
    """A service that ended with its credit, or without one, has no paid rest: its period was over then."""
    if service.unpaid_import is None and not billed_items.open_items(session, service):
        first = service.period_start + timedelta(microseconds=1)
        service.period_end = min(service.period_end, max(out_since, first))


def _held_period(session: Session, catalog: Catalog, service: Service) -> Period:
    """The running period; where a change is paid and not applied yet, the one that it leads to."""
    change = active_change(session, service.id)
    if change is None or change.status not in SETTLED_UNAPPLIED or change.quote is None:
        return service.period
    if change.quote["timing"] == "at_renewal":
        return service.period
    days = session.scalar(select(moved_days_since(service.id, change.received_at))) or 0
    return Period.from_json(change.quote["new_period"]).later(int(days), catalog.timezone)


def _next_cycle(session: Session, service: Service) -> str:
    scheduled = scheduled_change(session, service.id)
    return scheduled.target_cycle if scheduled is not None else service.cycle


def _told_period(service: Service, report: ServiceReport) -> Period | None:
    """A period of the report that is neither the one that we hold nor one that was reported before."""
    period = report.period
    known = (service.reported or {}).get("period", [])
    return None if period == service.period or period.as_json() in known else period


def _anchor_of(service: Service) -> AnchorPoint:
    return AnchorPoint(service.anchor_day, service.anchor_time)
