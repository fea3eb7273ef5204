"""The two prices that every entry point shows: of a change, and of the next period."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from domain.catalog import Catalog, Outcome
from domain.money import Money, divide_rounded
from domain.periods import Period, advance, instant_text
from domain.pricing.explain import Formatter, line_of, tax_lines
from domain.pricing.items import Item
from domain.pricing.notes import notes_of
from domain.pricing.period_terms import PeriodTerms, new_terms
from domain.pricing.priced import Priced, price
from domain.pricing.proration import ALL_OF_IT
from domain.pricing.quote_values import NextRenewal, PlanTerms, Quote, QuoteLine, digest_of_quote
from domain.pricing.terms import Buyer, ServiceTerms, Target
from domain.tax import tax_on, treatment


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
        "catalog": slice_of(catalog, {service.plan, target.plan}),
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
    waiting = priced.timing is Outcome.AT_RENEWAL
    valid = timedelta(minutes=priced.catalog.policies.quote_valid_minutes)
    return Quote(
        kind=decision.direction.value,
        timing=priced.timing.value,
        from_=_terms(priced.old, currency),
        to=_terms(priced.new, currency),
        quantity=priced.new.quantity,
        lines=lines,
        net=Money(priced.total - tax, currency),
        tax=Money(tax, currency),
        total=Money(priced.total, currency),
        credit_applied=Money(priced.credit_applied, currency),
        total_due_today=Money(max(0, priced.total) - priced.credit_applied, currency),
        credit_created=Money(priced.credit_created, currency),
        refund=Money(priced.refund, currency),
        next_renewal=NextRenewal(
            priced.period.start if waiting else priced.period.end, Money(priced.renewal_total, currency)
        ),
        effective_at=priced.period.start if waiting else priced.now,
        expires_at=min(priced.now + valid, priced.service.period.end),
        new_period=priced.period,
        new_anchor_day=priced.anchor_day,
        period_paid_after=Money(priced.period_paid, currency),
        tax_treatment=treatment(priced.catalog, priced.buyer),
        notes=notes_of(formatter, priced),
        rule=decision.rule,
        proration=decision.proration.model_dump(mode="json") if decision.proration else {},
        catalog_digest=inputs["catalog_digest"],
        inputs=inputs,
        digest="",
    )


def _lines(formatter: Formatter, priced: Priced) -> tuple[QuoteLine, ...]:
    if priced.figures is None:
        return ()
    lines = [line_of(formatter, item) for item in priced.figures.items]
    return (*lines, *tax_lines(formatter, priced.figures.taxes))


def _terms(terms: PeriodTerms, currency: str) -> PlanTerms:
    return PlanTerms(
        plan=terms.plan.id,
        plan_name=terms.plan.name,
        cycle=terms.cycle,
        price=Money(terms.unit * terms.quantity, currency),
        unit_price=Money(terms.unit, currency),
        quantity=terms.quantity,
        limits=dict(terms.plan.limits),
    )


@dataclass(frozen=True, slots=True)
class RenewalPrice:
    """What the next period costs: total = net + tax, due = total - credit_applied. Same line kinds as a quote."""

    terms: PlanTerms
    period: Period
    lines: tuple[QuoteLine, ...]
    net: Money
    tax: Money
    total: Money
    credit_applied: Money
    due: Money
    period_paid_after: Money


def price_renewal(
    catalog: Catalog, service: ServiceTerms, buyer: Buyer, target: Target | None, now: datetime, account_credit: Money
) -> RenewalPrice:
    """The period after the running one, for the target of a scheduled change, or as it is where target is None.

    An unchanged plan and cycle keep the price the service bought. Raises UnknownPlan, UnknownCycle, PlanNotOffered.
    """
    currency, end = service.currency, service.period.end
    terms = new_terms(catalog, service, target or Target(service.plan, service.cycle), end)
    period = Period(end, advance(end, terms.months, service.anchor_day, catalog.timezone))
    amount = divide_rounded(*terms.full, catalog.policies.rounding.mode)
    item = Item("charge", amount, terms.plan.product, terms, ALL_OF_IT, terms.full, period)
    formatter = Formatter(catalog, buyer.locale, currency)
    lines = (line_of(formatter, item), *tax_lines(formatter, tax_on(catalog, buyer, [(terms.plan.product, amount)])))
    total = sum(line.amount.amount for line in lines)
    tax = sum(line.amount.amount for line in lines if line.kind == "tax")
    applied = min(max(0, account_credit.amount), total)
    return RenewalPrice(
        _terms(terms, currency),
        period,
        lines,
        Money(total - tax, currency),
        Money(tax, currency),
        Money(total, currency),
        Money(applied, currency),
        Money(total - applied, currency),
        Money(amount, currency),
    )
