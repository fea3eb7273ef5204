"""What holds for every price, period, zone and moment, searched by Hypothesis."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction as Exact
from functools import cache
from itertools import pairwise
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.catalog import Catalog
from domain.money import Money, Rounding
from domain.peers.cases import compute_case
from domain.peers.modes import PEER_PRESETS
from domain.periods import AnchorPoint, Period, advance, instant_text
from domain.pricing.billed import BilledItem
from domain.pricing.modes import Anchor, ChangeDay, CreditBecomes, Fraction, Proration, RoundingPlace
from domain.pricing.priced import Priced, price
from domain.pricing.proration import share_left
from domain.pricing.quote import price_change
from domain.pricing.quote_values import Quote
from domain.pricing.terms import Buyer, ServiceTerms, Target
from domain.pricing.verify import verify_quote
from tests.domain.conftest import load
from tests.domain.making import with_rule

ZONES = ["UTC", "Asia/Tokyo", "America/New_York", "America/Argentina/Buenos_Aires", "Australia/Lord_Howe"]
AMERICAN = Buyer("US")


@cache
def _base() -> Catalog:
    return load("dns")


@dataclass(frozen=True)
class Case:
    """Two plans in one cycle, a period in a zone, and a part of a second from its start to its end."""

    old: int
    new: int
    tz: str
    months: int
    start: datetime

    @property
    def period(self) -> Period:
        return Period(self.start, advance(self.start, self.months, AnchorPoint.of(self.start, self.tz), self.tz))

    def catalog(self, proration: Proration, currency: str = "USD", scale: int = 1) -> Catalog:
        prices = {"basic": self.old, "start": self.new}
        plans = tuple(
            plan.model_copy(update={"prices": {"monthly": {currency: prices[plan.id] * scale}}})
            for plan in _base().plans
            if plan.id in prices
        )
        cycle = _base().cycles["monthly"].model_copy(update={"months": self.months})
        made = with_rule(_base(), proration)
        return made.model_copy(
            update={
                "plans": plans,
                "currencies": (currency,),
                "timezone": self.tz,
                "cycles": {"monthly": cycle, "annual": made.cycles["annual"]},
            }
        )

    def service(self, catalog: Catalog, plan: str = "basic", paid: int | None = None) -> ServiceTerms:
        currency = catalog.currencies[0]
        unit = catalog.price(plan, "monthly", currency)
        assert unit is not None
        net, whole = unit.amount if paid is None else paid, self.period
        item = BilledItem("itm_0", plan, "monthly", 1, unit.amount, whole, whole, net).untouched()
        anchor = AnchorPoint.of(self.start, self.tz)
        return ServiceTerms(plan, "monthly", currency, 1, unit, whole, anchor.day, (item,), anchor.at)

    def moment(self, part: float) -> datetime:
        seconds = int((self.period.end - self.start).total_seconds() * part)
        return min(self.start + timedelta(seconds=seconds), self.period.end - timedelta(seconds=1))


cases = st.builds(
    Case,
    old=st.integers(0, 10**7),
    new=st.integers(0, 10**7),
    tz=st.sampled_from(ZONES),
    months=st.sampled_from([1, 3, 12]),
    start=st.datetimes(datetime(2019, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 bounds
        lambda moment: moment.replace(microsecond=0)
    ),
)
parts = st.floats(0, 1, exclude_max=True)
by_time = st.sampled_from([Fraction.DAYS, Fraction.SECONDS])


def _axes(draw: Any) -> Proration:
    fraction = draw(st.sampled_from(list(Fraction)))
    by_day = fraction in (Fraction.DAYS, Fraction.FIXED_30, Fraction.NOMINAL)
    timed = by_day or fraction is Fraction.SECONDS
    credit = fraction is not Fraction.ZERO and (not timed or draw(st.booleans()))
    anchor = draw(st.sampled_from(list(Anchor))) if timed else Anchor.KEEP
    places = list(RoundingPlace) if by_day else [RoundingPlace.LINE, RoundingPlace.NET, RoundingPlace.TOTAL]
    place = draw(st.sampled_from(places))
    ratio = draw(st.none() | st.integers(3, 12)) if timed and place is not RoundingPlace.DAY_RATE else None
    return Proration(
        fraction=fraction,
        credit=credit,
        anchor=anchor,
        credit_becomes=draw(st.sampled_from(list(CreditBecomes))) if credit else CreditBecomes.NOTHING,
        change_day=draw(st.sampled_from(list(ChangeDay))) if by_day else None,
        rounding=draw(st.sampled_from(list(Rounding))),
        place=place,
        ratio_decimals=ratio,
        realign_day=draw(st.integers(1, 31)) if anchor is Anchor.REALIGN else None,
    )


prorations = st.composite(_axes)()
buyers = st.sampled_from([Buyer("US"), Buyer("JP"), Buyer("JP", locale="ja"), Buyer("JP", tax_exempt=True)])


def _quote(case: Case, proration: Proration, part: float, buyer: Buyer, paid: int | None = None) -> Quote:
    catalog = case.catalog(proration)
    held, target = Money(777, "USD"), Target("start", "monthly")
    return price_change(catalog, case.service(catalog, paid=paid), buyer, target, case.moment(part), held)


@given(cases, prorations, parts, buyers, st.none() | st.integers(0, 10**6))
def test_lines_add_up(case: Case, proration: Proration, part: float, buyer: Buyer, paid: int | None) -> None:
    """Lines make the total, the total splits into net and tax, into what is due, paid by credit or given back."""
    quote = _quote(case, proration, part, buyer, paid)
    amounts = [line.amount.amount for line in quote.lines]
    assert sum(amounts) == quote.net.amount + quote.tax.amount == quote.total.amount - quote.rounding.amount
    assert quote.total_due_today.amount + quote.credit_applied.amount == max(0, quote.total.amount)
    assert quote.credit_created.amount + quote.refund.amount == max(0, -quote.total.amount)
    assert quote.total_due_today.amount >= 0
    credits = -sum(line.amount.amount for line in quote.lines if line.kind == "credit")
    assert 0 <= credits <= (case.old if paid is None else paid)


@settings(max_examples=30)
@given(cases, prorations, parts, buyers)
def test_a_stored_quote_verifies(case: Case, proration: Proration, part: float, buyer: Buyer) -> None:
    quote = _quote(case, proration, part, buyer)
    stored = json.loads(json.dumps(quote.as_json()))
    assert Quote.from_json(stored) == quote
    assert verify_quote(stored) == []


def _there_and_back(case: Case, fraction: Fraction, first: float, second: float) -> tuple[Priced, Priced]:
    catalog = case.catalog(Proration(fraction=fraction))
    there = price(
        catalog, case.service(catalog), AMERICAN, Target("start", "monthly"), case.moment(first), Money(0, "USD")
    )
    back = price(
        catalog, there.service_after, AMERICAN, Target("basic", "monthly"), case.moment(second), Money(0, "USD")
    )
    return there, back


@given(cases, by_time, parts)
def test_a_change_and_its_reverse_cancel_out(case: Case, fraction: Fraction, part: float) -> None:
    """There and back at one moment costs nothing and earns nothing."""
    there, back = _there_and_back(case, fraction, part, part)
    assert there.total + back.total == 0


@given(cases, by_time, parts, parts)
def test_there_and_back_pays_for_the_time_between(case: Case, fraction: Fraction, first: float, second: float) -> None:
    """Nobody makes money: what both changes cost is the difference for the time between, to four half cents."""
    first, second = min(first, second), max(first, second)
    there, back = _there_and_back(case, fraction, first, second)
    shares = [share_left(fraction, case.period, case.moment(part), case.tz, ChangeDay.NEW) for part in (first, second)]
    between = Exact(shares[0].part - shares[1].part, shares[0].whole)
    assert abs(there.total + back.total - between * (case.new - case.old)) <= 2


dearer = cases.map(lambda case: case if case.new >= case.old else replace(case, old=case.new, new=case.old))
keeping = prorations.filter(
    lambda proration: (
        proration.anchor in (Anchor.KEEP, Anchor.KEEP_END) and proration.place is not RoundingPlace.DAY_RATE
    )
)


@given(dearer, keeping, parts, parts)
def test_the_price_is_monotone_in_the_day_of_change(
    case: Case, proration: Proration, first: float, second: float
) -> None:
    """Later never costs more for a dearer plan; where lines are rounded one by one, to a cent."""
    catalog = case.catalog(replace_becomes(proration))
    early, late = (
        price(catalog, case.service(catalog), AMERICAN, Target("start", "monthly"), case.moment(part), Money(0, "USD"))
        for part in sorted((first, second))
    )
    slack = 0 if proration.place in (RoundingPlace.NET, RoundingPlace.TOTAL) else 1
    assert late.total <= early.total + slack
    assert late.figures is not None
    assert early.figures is not None
    assert sum(one.item.net for one in late.figures.opened) <= sum(one.item.net for one in early.figures.opened)


def replace_becomes(proration: Proration) -> Proration:
    """A lost credit would hide what is compared."""
    becomes = CreditBecomes.ACCOUNT_CREDIT if proration.credit else CreditBecomes.NOTHING
    return proration.model_copy(update={"credit_becomes": becomes})


@given(cases, by_time, st.lists(parts, max_size=6))
def test_the_parts_of_a_period_make_the_whole(case: Case, fraction: Fraction, cuts: list[float]) -> None:
    moments = [case.period.start, *sorted(case.moment(cut) for cut in cuts), case.period.end]
    shares = [share_left(fraction, case.period, moment, case.tz, ChangeDay.NEW) for moment in moments]
    pieces = [Exact(a.part - b.part, a.whole) for a, b in pairwise(shares)]
    assert all(piece >= 0 for piece in pieces)
    assert sum(pieces) == 1


@given(cases, prorations, parts)
def test_the_exponent_scales_nothing_else(case: Case, proration: Proration, part: float) -> None:
    """Ten times the minor units in a currency of one more decimal: the same shares, dates and kinds, each amount ten
    times as much, to the rounding of the coarser one."""
    assume(proration.place is not RoundingPlace.DAY_RATE)
    two, three = case.catalog(proration), case.catalog(proration, "KWD", 10)
    moment, target = case.moment(part), Target("start", "monthly")
    coarse = price(two, case.service(two), AMERICAN, target, moment, Money(0, "USD"))
    fine = price(three, case.service(three), AMERICAN, target, moment, Money(0, "KWD"))
    assert (coarse.period, coarse.anchor) == (fine.period, fine.anchor)
    assert coarse.figures is not None
    assert fine.figures is not None
    moved = [[item for item in figures.lines if item.share is not None] for figures in (coarse.figures, fine.figures)]
    for left, right in zip(*moved, strict=True):
        assert (left.kind, left.share, left.covers) == (right.kind, right.share, right.covers)
        assert abs(10 * left.amount - right.amount) <= 10
    assert abs(10 * coarse.total - fine.total) <= 20


@given(cases, st.sampled_from(sorted(PEER_PRESETS)), parts)
def test_a_preset_prices_a_change_as_it_prices_the_case(case: Case, biller: str, part: float) -> None:
    """The catalogue's preset and the same biller's cases file are one rule."""
    catalog = case.catalog(PEER_PRESETS[biller])
    moment, target = case.moment(part), Target("start", "monthly")
    priced = price(catalog, case.service(catalog), AMERICAN, target, moment, Money(0, "USD"))
    assert priced.figures is not None
    moved = {item.kind: Money(abs(item.amount), "USD").major() for item in priced.figures.lines}
    computed = compute_case(
        {
            "preset": biller,
            "currency": "USD",
            "timezone": case.tz,
            "old": {"price": Money(case.old, "USD").major(), "interval_count": case.months},
            "new": {"price": Money(case.new, "USD").major(), "interval_count": case.months},
            "period_start": instant_text(case.period.start),
            "period_end": instant_text(case.period.end),
            "change_at": instant_text(moment),
            "nominal_days": 365 if case.months == 12 else None,
        }
    )
    assert (computed["credit"], computed["charge"]) == (moved["credit"], moved["charge"])
    assert computed["net"] == Money(priced.total, "USD").major()


@given(
    cases, by_time, st.lists(st.tuples(parts, st.sampled_from(["basic", "start"])), max_size=6), st.integers(0, 10**7)
)
def test_no_sequence_of_changes_gives_back_more_than_was_paid(
    case: Case, fraction: Fraction, steps: list[tuple[float, str]], paid: int
) -> None:
    catalog = case.catalog(Proration(fraction=fraction))
    service = case.service(catalog, paid=min(paid, case.old))
    balance = service.items[0].net
    for part, plan in sorted(steps):
        if plan == service.plan:
            continue
        priced = price(catalog, service, AMERICAN, Target(plan, "monthly"), case.moment(part), Money(0, "USD"))
        balance += priced.total
        service = priced.service_after
        assert balance >= 0
        assert all(0 <= item.net_left <= item.net for item in service.items)
