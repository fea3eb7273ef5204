"""One change priced on every day of a period, by the catalogue's rules or under named ways to prorate it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.catalog import Catalog
from domain.catalog_file import NAMED_PRORATIONS
from domain.errors import NothingToChange, PlanNotOffered
from domain.money import Money, divide_rounded
from domain.periods import AnchorPoint, Period, advance
from domain.policy import Decision
from domain.pricing.bill import billed, net_of
from domain.pricing.billed import BilledItem
from domain.pricing.modes import Fraction
from domain.pricing.period_terms import new_terms, old_terms
from domain.pricing.priced import decided, price
from domain.pricing.terms import Buyer, ServiceTerms, Target
from domain.pricing.totals import price_now
from domain.tax import TaxableLine, tax_on, taxation_of

# The column of what the catalogue's own rules make of a change.
OWN_RULES = "catalogue"


@dataclass(frozen=True, slots=True)
class Simulation:
    """Totals in minor units, tax included: totals[mode][i] is the price on days[i]; negative is credit.

    decision is what the catalogue's rules say, where they were followed.
    """

    currency: str
    days: tuple[date, ...]
    totals: dict[str, tuple[int, ...]]
    decision: Decision | None = None


def fresh_service(catalog: Catalog, plan: str, cycle: str, currency: str, start: date) -> ServiceTerms:
    """A service whose period starts on this local day, bought at the catalogue's price and paid.

    Raises PlanNotOffered.
    """
    unit = catalog.price(plan, cycle, currency)
    if unit is None or cycle not in catalog.cycles:
        raise PlanNotOffered(f"{plan} has no price {cycle} in {currency}; choose a plan and cycle of the catalogue")
    begin = datetime.combine(start, datetime.min.time(), ZoneInfo(catalog.timezone)).astimezone(UTC)
    anchor = AnchorPoint(start.day)
    period = Period(begin, advance(begin, catalog.cycles[cycle].months, anchor, catalog.timezone))
    service = ServiceTerms(plan, cycle, currency, 1, unit, period, start.day)
    return replace(service, items=(listed_item(catalog, service, Buyer("ZZ", tax_exempt=True)),))


def listed_item(catalog: Catalog, service: ServiceTerms, buyer: Buyer) -> BilledItem:
    """The running period as it is billed at the service's price, whole and with today's tax.

    Raises UnknownPlan, UnknownCycle.
    """
    terms = old_terms(catalog, service)
    amount = divide_rounded(*terms.full, catalog.policies.rounding.mode)
    taxation = taxation_of(catalog, buyer, terms.plan.product)
    _, (tax,) = tax_on(catalog.tax, [TaxableLine(amount, taxation)])
    amounts = net_of(amount, tax, taxation), tax
    return replace(billed(terms, taxation, amounts, (service.period, service.period)), id="itm_0")


def follow_rules(catalog: Catalog, service: ServiceTerms, target: Target, buyer: Buyer) -> Simulation:
    """The price of the change on each local day at noon, as the rule that matches it says; the period is billed to the
    buyer, whole.

    What staff decide is priced as if they approved; a change at renewal costs nothing before. Raises ChangeErrors.
    """
    decision = decided(catalog, service, target, service.period.start)[2]
    service = replace(service, items=(listed_item(catalog, service, buyer),))
    noons, nothing = _noons(catalog, service), Money.zero(service.currency)
    totals = tuple(price(catalog, service, buyer, target, noon, nothing).total for noon in noons.values())
    return Simulation(service.currency, tuple(noons), {OWN_RULES: totals}, decision)


def simulate(
    catalog: Catalog, service: ServiceTerms, target: Target, buyer: Buyer, modes: Iterable[str] = NAMED_PRORATIONS
) -> Simulation:
    """The price of the change on each local day at noon, under each of these presets, whatever the rules say; the
    period is billed to the buyer, whole.

    The full difference is left out where the cycle changes, as a catalogue would refuse it. Raises ChangeErrors.
    """
    service = replace(service, items=(listed_item(catalog, service, buyer),))
    old = old_terms(catalog, service)
    new = new_terms(catalog, service, target, service.period.start)
    if (old.plan.id, old.cycle, old.quantity) == (new.plan.id, new.cycle, new.quantity):
        raise NothingToChange(f"the service already has {old.plan.name} {old.cycle}; choose another plan or cycle")
    noons, totals = _noons(catalog, service), {}
    for mode in modes:
        proration = NAMED_PRORATIONS[mode]
        if proration.fraction is Fraction.WHOLE and old.months != new.months:
            continue
        totals[mode] = tuple(
            price_now(catalog, service, buyer, (old, new), proration, noon).total for noon in noons.values()
        )
    return Simulation(service.currency, tuple(noons), totals)


def _noons(catalog: Catalog, service: ServiceTerms) -> dict[date, datetime]:
    """Each local day of the running period with its noon, in UTC; the first one no sooner than the period."""
    zone = ZoneInfo(catalog.timezone)
    first, last = service.period.start.astimezone(zone).date(), service.period.end.astimezone(zone).date()
    days = (first + timedelta(days=number) for number in range((last - first).days))
    return {day: _noon(day, service, zone) for day in days}


def _noon(day: date, service: ServiceTerms, zone: ZoneInfo) -> datetime:
    noon = datetime.combine(day, datetime.min.time(), zone).replace(hour=12).astimezone(UTC)
    return max(noon, service.period.start)


def table_of(simulation: Simulation) -> list[list[str]]:
    """Rows of text: a header, then the date and each mode's total in major units."""
    header = ["date", *simulation.totals]
    rows = [
        [day.isoformat(), *(Money(totals[index], simulation.currency).major() for totals in simulation.totals.values())]
        for index, day in enumerate(simulation.days)
    ]
    return [header, *rows]
