"""Walks sequences of changes through a catalogue: loops in which a customer gains money, changes dearer than anew.

Values are compared before tax. What a customer receives is counted by the day, each day at the price of the plan it
was served on; what is paid is every total, a credit being money. Sequences start in a fresh, paid period.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction as Exact
from zoneinfo import ZoneInfo

from domain.catalog import Catalog, Outcome
from domain.errors import ChangeError
from domain.money import Money, divide_rounded
from domain.money import Rounding as Round
from domain.periods import AnchorPoint, Period, advance, local_days, months_of
from domain.pricing.billed import BilledItem
from domain.pricing.priced import Priced, price
from domain.pricing.terms import Buyer, ServiceTerms, Target

NOBODY = Buyer("ZZ", tax_exempt=True)
START = datetime(2027, 1, 1)  # noqa: DTZ001 local midnight of a common year, in whatever zone the catalogue has
# Loops of three changes are walked in catalogues of up to this many plans x cycles, of two in larger ones: the work
# grows with the cube.
FEW_OFFERS, SHORT_LOOP, LONGEST_LOOP = 24, 2, 3
# Each line of each change may be rounded by half a minor unit.
ROUNDING_PER_CHANGE = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What a catalogue's author should look at. steps are "plan cycle", days count from the start of the period."""

    kind: str
    steps: tuple[str, ...]
    days: tuple[int, ...]
    amount: Money
    sentence: str


@dataclass(frozen=True, slots=True)
class Walk:
    """A customer on the way: what they have, what they paid and received so far, exactly."""

    service: ServiceTerms
    steps: tuple[str, ...]
    days: tuple[int, ...]
    paid: int
    received: Exact


def lint(catalog: Catalog) -> list[Finding]:
    """Every finding, the largest amount of each sequence of plans. Nothing found is an empty list."""
    worst: dict[tuple[str, tuple[str, ...]], Finding] = {}
    for currency in catalog.currencies:
        for start in _starts(catalog, currency):
            for finding in [*_loops(catalog, start), *_dearer(catalog, start)]:
                key = finding.kind + currency, finding.steps
                if key not in worst or finding.amount > worst[key].amount:
                    worst[key] = finding
    return sorted(worst.values(), key=lambda finding: (finding.kind, finding.steps))


def _starts(catalog: Catalog, currency: str) -> Iterator[Walk]:
    """Every plan and cycle that is sold, bought at the start of a period and paid."""
    begin = START.replace(tzinfo=ZoneInfo(catalog.timezone)).astimezone(UTC)
    for plan in catalog.plans:
        for cycle, prices in plan.prices.items():
            if not plan.sold or currency not in prices:
                continue
            unit = Money(prices[currency], currency)
            months = catalog.cycles[cycle].months
            period = Period(begin, advance(begin, months, AnchorPoint(1), catalog.timezone))
            item = BilledItem("itm_0", plan.id, cycle, 1, unit.amount, period, period, unit.amount).untouched()
            service = ServiceTerms(plan.id, cycle, currency, 1, unit, period, 1, (item,))
            yield Walk(service, (f"{plan.id} {cycle}",), (), unit.amount, Exact(0))


def _days_to_try(catalog: Catalog, walk: Walk) -> list[int]:
    """The first day, a third, the middle, the last day; never before the last step."""
    length = local_days(walk.service.period.start, walk.service.period.end, catalog.timezone)
    return sorted({0, length // 3, length // 2, length - 1})


def _loops(catalog: Catalog, start: Walk) -> Iterator[Finding]:
    days, longest = _days_to_try(catalog, start), _longest_loop(catalog)
    begin, open_walks = start.service.period.start, [start]
    while open_walks:
        walk = open_walks.pop()
        for day in days:
            if walk.days and day < walk.days[-1]:
                continue
            for taken in _steps(catalog, walk, begin, day):
                if taken.steps[-1] == start.steps[0]:
                    yield from _gained(catalog, taken, begin, day)
                elif len(taken.days) < longest:
                    open_walks.append(taken)


def _longest_loop(catalog: Catalog) -> int:
    offers = sum(len(plan.prices) for plan in catalog.plans if plan.sold)
    return LONGEST_LOOP if offers <= FEW_OFFERS else SHORT_LOOP


def _steps(catalog: Catalog, walk: Walk, begin: datetime, day: int) -> Iterator[Walk]:
    """Every change that the catalogue makes now, on this day."""
    moment = _midnight(catalog, begin, day)
    for plan in catalog.plans:
        for cycle in plan.prices:
            priced = _priced(catalog, walk.service, Target(plan.id, cycle), moment)
            if priced is not None:
                yield _taken(catalog, walk, priced, begin, day)


def _priced(catalog: Catalog, service: ServiceTerms, target: Target, moment: datetime) -> Priced | None:
    try:
        priced = price(catalog, service, NOBODY, target, moment, Money.zero(service.currency))
    except ChangeError:
        return None
    return priced if priced.timing is Outcome.NOW else None


def _taken(catalog: Catalog, walk: Walk, priced: Priced, begin: datetime, day: int) -> Walk:
    service = walk.service
    before = _midnight(catalog, begin, walk.days[-1]) if walk.days else service.period.start
    used = _worth(catalog, service, before, priced.now)
    after = priced.service_after
    steps = (*walk.steps, f"{after.plan} {after.cycle}")
    return Walk(after, steps, (*walk.days, day), walk.paid + priced.total + priced.refund, walk.received + used)


def _worth(catalog: Catalog, service: ServiceTerms, start: datetime, end: datetime) -> Exact:
    """The days from start to end at the price of a day of the running period, which need not be of its cycle."""
    tz, period = catalog.timezone, service.full_period(start)
    cycles = Exact(months_of(period, tz), catalog.cycles[service.cycle].months)
    days = Exact(local_days(start, end, tz), local_days(period.start, period.end, tz))
    return service.unit_price.amount * cycles * days


def _midnight(catalog: Catalog, begin: datetime, day: int) -> datetime:
    local = begin.astimezone(ZoneInfo(catalog.timezone)).replace(tzinfo=None) + timedelta(days=day)
    return local.replace(tzinfo=ZoneInfo(catalog.timezone)).astimezone(UTC)


def _gained(catalog: Catalog, walk: Walk, begin: datetime, day: int) -> Iterator[Finding]:
    remaining = _worth(catalog, walk.service, _midnight(catalog, begin, day), walk.service.period.end)
    gain = walk.received + remaining - walk.paid
    if gain <= ROUNDING_PER_CHANGE * len(walk.days):
        return
    amount = Money(divide_rounded(gain.numerator, gain.denominator, Round.HALF_UP), walk.service.currency)
    on = ", ".join(str(number + 1) for number in walk.days)
    yield Finding(
        "gain",
        walk.steps,
        walk.days,
        amount,
        f"{' → '.join(walk.steps)} on day {on}: the customer receives {amount} more than they pay",
    )


def _dearer(catalog: Catalog, start: Walk) -> Iterator[Finding]:
    """Changes that cost more than the new plan ordered anew for the same time, giving the old one up for nothing."""
    service = start.service
    length = local_days(service.period.start, service.period.end, catalog.timezone)
    for plan in catalog.plans:
        for cycle in plan.prices:
            for day in range(length):
                moment = _midnight(catalog, service.period.start, day)
                priced = _priced(catalog, service, Target(plan.id, cycle), moment)
                if priced is None:
                    break
                finding = _compared(catalog, start, priced, day)
                if finding is not None:
                    yield finding
                    break


def _compared(catalog: Catalog, start: Walk, priced: Priced, day: int) -> Finding | None:
    new, period = priced.new, priced.period
    fee = new.plan.setup_fees.get(start.service.currency, 0)
    months = Exact(catalog.cycles[start.service.cycle].months, new.months)
    full = new.unit * (months if period == start.service.period else 1)
    served = Exact(
        local_days(max(priced.now, period.start), period.end, catalog.timezone),
        local_days(period.start, period.end, catalog.timezone),
    )
    anew = full * served + fee
    if priced.total <= anew + ROUNDING_PER_CHANGE:
        return None
    more = priced.total - anew
    amount = Money(divide_rounded(more.numerator, more.denominator, Round.HALF_UP), start.service.currency)
    steps = (*start.steps, f"{new.plan.id} {new.cycle}")
    sentence = (
        f"{' → '.join(steps)} from day {day + 1} on: the change costs {Money(priced.total, amount.currency)}, "
        f"{amount} more than the same days of {new.plan.id} ordered anew"
    )
    return Finding("dearer", steps, (day,), amount, sentence)
