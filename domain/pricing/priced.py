"""A change that was checked, decided and priced: the figures behind a quote, without its sentences."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from domain.catalog import Catalog, Outcome, in_language
from domain.errors import Forbidden, InThePast, NothingToChange, PeriodEnded, ServiceNotActive, ServicePastDue
from domain.fit import check_fit
from domain.lifecycle import ServiceStatus
from domain.money import CurrencyMismatch, Money
from domain.periods import AnchorPoint, Period, next_period
from domain.policy import Decision, Situation, decide
from domain.pricing.billed import take_back
from domain.pricing.credit_use import credit_used, rest_is_waived
from domain.pricing.modes import CreditBecomes
from domain.pricing.period_terms import PeriodTerms, new_terms, old_terms, renewed
from domain.pricing.proration import share_of_part
from domain.pricing.terms import Buyer, ServiceTerms, Target
from domain.pricing.totals import Figures, fee_between, price_now, total_for

# The statuses of a service that can arise when a change is priced: rules match no other.
CHANGEABLE = (ServiceStatus.ACTIVE,)


class Priced(NamedTuple):
    """The figures of one change in minor units. figures is None where nothing happens before the renewal."""

    catalog: Catalog
    service: ServiceTerms
    buyer: Buyer
    old: PeriodTerms
    new: PeriodTerms
    decision: Decision
    timing: Outcome
    now: datetime
    figures: Figures | None
    total: int
    credit_applied: int
    credit_created: int
    refund: int
    period: Period
    anchor: AnchorPoint

    @property
    def renewal_total(self) -> int:
        """What the next period costs at today's prices, with tax; with the fee of a plan that it starts."""
        starts, tz = self.figures is None, self.catalog.timezone
        begin = self.period.start if starts else self.period.end
        share = share_of_part(*next_period(begin, self.new.months, self.anchor, tz), tz)
        fee = fee_between(self.old, self.new, self.service.currency) if starts else 0
        return total_for(self.catalog, self.buyer, renewed(self.new, begin, tz), share, fee)

    @property
    def service_after(self) -> ServiceTerms:
        """The service as the change leaves it, where it takes effect now."""
        figures = self.figures
        assert figures is not None, "a change at renewal leaves the service as it is"
        taken = {one.item: one for one in figures.taken}
        left = [take_back(item, taken[item.id]) if item.id in taken else item for item in self.service.items]
        opened = [replace(one.item, id=f"{len(left)}:{self.now.isoformat()}") for one in figures.opened]
        return replace(
            self.service,
            plan=self.new.plan.id,
            cycle=self.new.cycle,
            quantity=self.new.quantity,
            unit_price=Money(self.new.unit, self.service.currency),
            period=self.period,
            anchor_day=self.anchor.day,
            anchor_time=self.anchor.at,
            items=(*left, *opened),
            moved_days=self.service.moved_days if figures.frame.kept else 0,
        )


def price(
    catalog: Catalog,
    service: ServiceTerms,
    buyer: Buyer,
    target: Target,
    now: datetime,
    account_credit: Money,
    override: bool = False,
    ceiling: Money | None = None,
) -> Priced:
    """The figures of a change; arguments and errors as price_change has them. `ceiling` is the most that the total may
    come to: what was accepted of a change that is priced again."""
    now = _checked_moment(service, now, account_credit)
    old, new, decision = decided(catalog, service, target, now)
    if decision.outcome is Outcome.FORBIDDEN:
        assert decision.reason is not None, "a catalogue gives the reason for what it forbids"
        texts = decision.reason.text
        raise Forbidden(in_language(texts, "en"), decision.reason.code, texts)
    check_fit(catalog, new.plan, new.quantity, service.usage)
    timing = Outcome.NOW if override and decision.outcome is Outcome.MANUAL_REVIEW else decision.outcome
    if decision.proration is None:
        return _at_renewal(catalog, service, buyer, old, new, decision, timing, now)
    most = ceiling.amount if ceiling is not None else None
    figures = price_now(catalog, service, buyer, (old, new), decision.proration, now, most)
    if ceiling is None and rest_is_waived(catalog, figures.total, account_credit):
        figures = price_now(
            catalog, service, buyer, (old, new), decision.proration, now, account_credit.amount, "waived"
        )
    total, becomes = figures.total, decision.proration.credit_becomes
    created = max(0, -total)
    applied = credit_used(catalog, total, account_credit)
    refund = _refundable(service, created) if becomes is CreditBecomes.REFUND else 0
    return Priced(
        catalog,
        service,
        buyer,
        old,
        new,
        decision,
        timing,
        now,
        figures,
        total,
        applied,
        created - refund,
        refund,
        figures.frame.period,
        figures.frame.anchor,
    )


def _checked_moment(service: ServiceTerms, now: datetime, account_credit: Money) -> datetime:
    """The moment in UTC. Raises ValueError, CurrencyMismatch where the caller mixes zones or currencies."""
    if now.tzinfo is None:
        raise ValueError("the moment of a change needs a time zone; pass an aware datetime")
    if account_credit.currency != service.currency:
        raise CurrencyMismatch(
            f"account credit in {account_credit.currency} cannot pay a service in {service.currency}"
        )
    return now if now.tzinfo is UTC else now.astimezone(UTC)


def _refundable(service: ServiceTerms, created: int) -> int:
    """What goes back as money: no more than came as money; the rest becomes account credit."""
    return created if service.refundable is None else min(created, max(0, service.refundable.amount))


def _at_renewal(
    catalog: Catalog,
    service: ServiceTerms,
    buyer: Buyer,
    old: PeriodTerms,
    new: PeriodTerms,
    decision: Decision,
    timing: Outcome,
    now: datetime,
) -> Priced:
    """Nothing today; the next period is the new plan's."""
    period, _ = next_period(service.period.end, new.months, service.anchor, catalog.timezone)
    return Priced(
        catalog,
        service,
        buyer,
        old,
        new,
        decision,
        timing,
        now,
        None,
        0,
        0,
        0,
        0,
        period,
        service.anchor,
    )


def decided(
    catalog: Catalog, service: ServiceTerms, target: Target, now: datetime
) -> tuple[PeriodTerms, PeriodTerms, Decision]:
    """Old and new terms of a change that may be requested, and the rule that decides it. Raises ChangeErrors."""
    _check_service(service, now)
    listed = target if target.unit_price is None else replace(target, unit_price=None)
    old, new = old_terms(catalog, service), new_terms(catalog, service, listed, now)
    if (old.plan.id, old.cycle, old.quantity) == (new.plan.id, new.cycle, new.quantity):
        raise NothingToChange(f"the service already has {old.plan.name} {old.cycle}; choose another plan or cycle")
    situation = Situation(
        old.plan,
        new.plan,
        old.months,
        new.months,
        old.unit,
        new.unit,
        old.quantity,
        new.quantity,
        service.status,
    )
    # A price of one's own decides what is paid, and never which way the change goes.
    agreed = new if listed is target else new_terms(catalog, service, target, now)
    return old, agreed, decide(catalog, situation)


def _check_service(service: ServiceTerms, now: datetime) -> None:
    if service.status == "past_due":
        raise ServicePastDue("the last renewal is unpaid; pay its invoice, then change the plan", status=service.status)
    if service.status not in CHANGEABLE:
        raise ServiceNotActive(
            f"the service is {service.status}; only an active service changes plan", status=service.status
        )
    if now < service.period.start:
        raise InThePast("the moment lies before the running period; price the change as of now")
    if now >= service.period.end:
        raise PeriodEnded("the running period is over; renew the service first, then change the plan")
