"""The price of a change as every entry point shows it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from domain.catalog import Catalog, Outcome
from domain.money import Money
from domain.periods import end_of_day, instant_text
from domain.pricing.explain import Formatter, line_of, tax_lines
from domain.pricing.notes import notes_of
from domain.pricing.priced import Priced, price
from domain.pricing.quote_values import NextRenewal, Quote, QuoteLine, digest_of_quote
from domain.pricing.renewals import plan_terms, price_renewal
from domain.pricing.terms import Buyer, ServiceTerms, Target
from domain.tax import treatment


def price_change(
    catalog: Catalog,
    service: ServiceTerms,
    buyer: Buyer,
    target: Target,
    now: datetime,
    account_credit: Money,
    override: bool = False,
) -> Quote:
    """What the change costs at `now` (aware), with `account_credit` to spend, in the buyer's language.

    override is staff's approval: manual_review then counts as now. Raises the ChangeErrors: ServiceNotActive,
    ServicePastDue, InThePast, PeriodEnded, UnknownPlan, UnknownCycle, PlanNotOffered, BadQuantity, NothingToChange,
    NoRule, Forbidden, OverLimit.
    """
    priced = price(catalog, service, buyer, target, now, account_credit, override)
    inputs = {
        "catalog": slice_of(catalog, {service.plan, target.plan, *(item.plan for item in service.items)}),
        "catalog_digest": catalog.digest,
        "service": service.as_json(),
        "buyer": buyer.as_json(),
        "target": target.as_json(),
        "now": instant_text(priced.now),
        "account_credit": account_credit.as_json(),
        "override": override,
    }
    quote = quote_of(priced, inputs)
    return replace(quote, digest=digest_of_quote(quote))


def slice_of(catalog: Catalog, plans: set[str]) -> dict[str, Any]:
    """The catalogue with only these plans: all that a recomputation of one quote needs."""
    kept = tuple(plan for plan in catalog.plans if plan.id in plans)
    return catalog.model_copy(update={"plans": kept}).as_json()


def quote_of(priced: Priced, inputs: dict[str, Any]) -> Quote:
    """The quote of these figures, its digest still empty."""
    currency, decision = priced.service.currency, priced.decision
    formatter = Formatter(priced.catalog, priced.buyer.locale, currency)
    lines = _lines(formatter, priced)
    tax = sum(line.amount.amount for line in lines if line.kind == "tax")
    figures = priced.figures
    rounding = figures.rounding if figures else 0
    waiting = priced.timing is Outcome.AT_RENEWAL
    return Quote(
        kind=decision.direction.value,
        timing=priced.timing.value,
        from_=plan_terms(priced.old, currency),
        to=plan_terms(priced.new, currency),
        quantity=priced.new.quantity,
        lines=lines,
        net=Money(priced.total - tax - rounding, currency),
        tax=Money(tax, currency),
        rounding=Money(rounding, currency),
        total=Money(priced.total, currency),
        credit_applied=Money(priced.credit_applied, currency),
        total_due_today=Money(max(0, priced.total) - priced.credit_applied, currency),
        credit_created=Money(priced.credit_created, currency),
        refund=Money(priced.refund, currency),
        next_renewal=NextRenewal(
            priced.period.start if waiting else priced.period.end, Money(priced.renewal_total, currency)
        ),
        effective_at=priced.period.start if waiting else priced.now,
        expires_at=_expires_at(priced),
        new_period=priced.period,
        new_anchor_day=priced.anchor.day,
        new_anchor_time=priced.anchor.at,
        opened=figures.opened if figures else (),
        taken=figures.taken if figures else (),
        renewal_lines=_renewal_lines(formatter, priced) if figures is None else (),
        tax_treatment=treatment(priced.catalog, priced.buyer),
        notes=notes_of(formatter, priced),
        rule=decision.rule,
        proration=decision.proration.model_dump(mode="json") if decision.proration else {},
        catalog_digest=inputs["catalog_digest"],
        inputs=inputs,
        digest="",
    )


def _expires_at(priced: Priced) -> datetime:
    """An offer outlives neither its period nor, where its price is that of its day, the day."""
    policies, period = priced.catalog.policies, priced.service.period
    until = min(priced.now + timedelta(minutes=policies.quote_valid_minutes), period.end)
    by_day = policies.priced_at == "request" and priced.figures is not None and priced.figures.frame.by_time
    return min(until, end_of_day(priced.now, priced.catalog.timezone)) if by_day else until


def _lines(formatter: Formatter, priced: Priced) -> tuple[QuoteLine, ...]:
    if priced.figures is None:
        return ()
    lines = [line_of(formatter, item) for item in priced.figures.lines]
    return (*lines, *tax_lines(formatter, priced.figures.taxes))


def _renewal_lines(formatter: Formatter, priced: Priced) -> tuple[QuoteLine, ...]:
    """The lines of the renewal that the change waits for, at the price that it is promised."""
    new = priced.new
    target = Target(new.plan.id, new.cycle, new.quantity, new.unit)
    nothing = Money.zero(priced.service.currency)
    renewal = price_renewal(priced.catalog, priced.service, priced.buyer, target, priced.now, nothing)
    if not renewal.rounding:
        return renewal.lines
    return (*renewal.lines, QuoteLine("rounding", formatter.translate("rounding"), "", renewal.rounding))
