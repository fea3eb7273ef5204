"""What a credit takes of an item where its units go one by one, or where another mode than today's billed it.

Start costs 12.00 a month, in November of 2026, which has 30 days.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.catalog import Catalog, Discount, MinimumCharge, RoundingPolicy
from domain.money import Money, Rounding
from domain.periods import Period, anchor_of
from domain.pricing.billed import BilledItem
from domain.pricing.credit_use import credit_used, rest_is_waived
from domain.pricing.modes import Anchor, ChangeDay, CreditBecomes, Fraction, Proration, RoundingPlace
from domain.pricing.priced import Priced, price
from domain.pricing.quote import price_change
from domain.pricing.terms import Buyer, ServiceTerms, Target
from tests.domain.making import at, percent_off, service, with_rule

TOKYO, AMERICAN, ZERO = "Asia/Tokyo", Buyer("US"), Money(0, "USD")
WHOLE = Proration(fraction=Fraction.WHOLE)


def november(catalog: Catalog, plan: str = "start", **changes: Any) -> ServiceTerms:
    return service(catalog, plan, "monthly", "2026-11-01", "2026-12-01", **changes)


def changed(catalog: Catalog, old: ServiceTerms, plan: str, quantity: int, day: str = "2026-11-16") -> Priced:
    return price(catalog, old, AMERICAN, Target(plan, "monthly", quantity), at(day, TOKYO), ZERO)


def lines(priced: Priced) -> list[tuple[str, int]]:
    assert priced.figures is not None
    return [(line.kind, line.amount) for line in priced.figures.lines]


def at_prices(catalog: Catalog, **prices: int) -> Catalog:
    """The catalogue with other prices of a month, in cents."""
    plans = tuple(
        plan.model_copy(update={"prices": {"monthly": {"USD": prices[plan.id]}}} if plan.id in prices else {})
        for plan in catalog.plans
    )
    return catalog.model_copy(update={"plans": plans})


def test_whole_prices_of_units_come_back_unit_by_unit_and_the_last_takes_the_rest(dns: Catalog) -> None:
    """A quarter of 1.01 is 25.25 cents: three times 25, and 26 are left for the last."""
    catalog, terms, given = with_rule(dns, WHOLE), november(dns, quantity=4, billed=101), []
    for quantity in (3, 2, 1):
        priced = changed(catalog, terms, "start", quantity)
        terms = priced.service_after
        given += lines(priced)
    assert given == [("credit", -25)] * 3
    assert lines(changed(catalog, terms, "business", 1))[0] == ("credit", -26)


@pytest.mark.parametrize("place", [RoundingPlace.NET, RoundingPlace.TOTAL])
def test_whole_prices_have_nothing_to_round(dns: Catalog, place: RoundingPlace) -> None:
    priced = changed(with_rule(dns, WHOLE.model_copy(update={"place": place})), november(dns), "business", 1)
    assert priced.figures is not None
    assert (lines(priced), priced.figures.rounding) == ([("credit", -1200), ("charge", 3000)], 0)


def test_a_difference_of_whole_prices_may_be_a_cent(dns: Catalog) -> None:
    catalog = with_rule(at_prices(dns, business=1201), WHOLE)
    assert lines(changed(catalog, november(catalog, billed=0), "business", 1)) == [("credit", 0), ("charge", 1)]


def test_what_is_left_counts_exactly_where_the_difference_is_rounded_once(dns: Catalog) -> None:
    """10.00 were billed for three. One is given back for 3.33, two for 6.6667, and two of Business less 12.5 % are
    21.0525: the difference is 14.3858, a cent more than its lines."""
    catalog = with_rule(at_prices(dns, business=1203), Proration(fraction=Fraction.DAYS, place=RoundingPlace.NET))
    old = november(catalog, quantity=3, billed=1000, discount=percent_off("12.5"))
    two = changed(catalog, old, "start", 2, "2026-11-01")
    assert lines(two) == [("credit", -333)]
    priced = changed(catalog, two.service_after, "business", 2, "2026-11-01")
    assert lines(priced) == [("credit", -667), ("charge", 2105), ("rounding", 1)]
    assert priced.figures is not None
    assert [one.item.net for one in priced.figures.opened] == [2106]


NOMINAL, DAYS = (Fraction.NOMINAL, ChangeDay.OLD), (Fraction.DAYS, ChangeDay.NEW)


@pytest.mark.parametrize(
    ("billed_by", "mode", "first", "nominal", "amount"),
    [
        # all of the period was billed: by today's mode, 14 or 15 of 30 days
        ((None, None), NOMINAL, "November 17", True, -560),
        ((None, None), DAYS, "November 16", False, -600),
        # a part of it was, by a mode of its own: 14 of the 29 days that were billed, or 15 of 30
        (NOMINAL, DAYS, "November 17", True, -579),
        (DAYS, NOMINAL, "November 16", False, -600),
    ],
)
def test_a_credit_tells_the_days_as_they_were_billed(
    dns: Catalog,
    billed_by: tuple[Fraction | None, ChangeDay | None],
    mode: tuple[Fraction, ChangeDay],
    first: str,
    nominal: bool,
    amount: int,
) -> None:
    catalog = with_rule(dns, Proration(fraction=mode[0], change_day=mode[1]))
    old = november(catalog)
    old = replace(old, items=(replace(old.items[0], fraction=billed_by[0], change_day=billed_by[1]),))
    quote = price_change(catalog, old, AMERICAN, Target("business", "monthly"), at("2026-11-16", TOKYO), ZERO)
    credit = quote.lines[0]
    assert f", {first}, 2026 – November 30, 2026" in credit.description
    assert ("not by the calendar" in credit.arithmetic) is nominal
    assert credit.amount.amount == amount


def test_a_month_that_was_billed_whole_is_thirty_nominal_days(dns: Catalog) -> None:
    """14 of the 30 days that February of 2027 counts, which has 28."""
    catalog = with_rule(dns, Proration(fraction=Fraction.NOMINAL))
    february = service(catalog, "start", "monthly", "2027-02-01", "2027-03-01")
    assert lines(changed(catalog, february, "business", 1, "2027-02-15"))[0] == ("credit", -560)


def test_a_credit_takes_the_tax_that_is_left_of_its_item(dns: Catalog) -> None:
    """¥15 was billed with 2 of tax (1.5); 10 % of 85 is 9 (8.5), so that the charge of ¥100 has 11."""
    plans = tuple(
        plan.model_copy(update={"prices": {"monthly": {"JPY": price}}})
        for plan, price in zip(dns.plans, (15, 100, 3000), strict=True)
    )
    catalog = with_rule(dns.model_copy(update={"plans": plans}), Proration(fraction=Fraction.DAYS))
    buyer = Buyer("JP")
    old = november(catalog, "basic", currency="JPY", buyer=buyer)
    priced = price(catalog, old, buyer, Target("start", "monthly"), at("2026-11-01", TOKYO), Money(0, "JPY"))
    assert priced.figures is not None
    assert [(one.net, one.tax) for one in priced.figures.taken] == [(15, 2)]
    assert [(one.item.net, one.item.tax) for one in priced.figures.opened] == [(100, 11)]


@pytest.mark.parametrize(
    ("buyer", "expected"),
    [
        # 8 of Start for all of November: the five of before and three that came on the 16th, 96.00 of which 48.00 are
        # for its rest. Basic costs 2.50: the three, worth 18.00, are lost whole and 27.50 of the five's 30.00
        (AMERICAN, [("credit", -3000), ("credit", -1800), ("charge", 250), ("forfeited", 1800), ("forfeited", 2750)]),
        (
            Buyer("JP"),
            [("credit", -3000), ("credit", -1800), ("charge", 250), ("forfeited", 1800), ("forfeited", 2750)],
        ),
    ],
)
def test_what_is_worth_more_than_the_new_plan_is_forfeited_newest_first(
    dns: Catalog, buyer: Buyer, expected: list[tuple[str, int]]
) -> None:
    nothing = Proration(fraction=Fraction.DAYS, credit_becomes=CreditBecomes.NOTHING)
    catalog, moment = with_rule(dns, nothing), at("2026-11-16", TOKYO)
    five = november(catalog, quantity=5, buyer=buyer)
    eight = price(catalog, five, buyer, Target("start", "monthly", 8), moment, ZERO).service_after
    priced = price(catalog, eight, buyer, Target("basic", "monthly", 1), moment, ZERO)
    assert (lines(priced), priced.total) == (expected, 0)
    # where the newest alone is worth more, the five come back whole: 45.00 for three of Business
    dear = price(catalog, eight, buyer, Target("business", "monthly", 3), moment, ZERO)
    assert lines(dear)[2:] == [("charge", 4500), ("forfeited", 300)]
    assert dear.total == 0


def test_what_is_forfeited_is_never_given_back_to_another_credit(dns: Catalog) -> None:
    """15 too much, with a tenth that is rounded down 16. Before tax that is 14.55, so that 15 of the newest are lost;
    with a tenth that is rounded they are 17, one more than too much."""
    tax = dns.tax.model_copy(update={"rounding": Rounding.DOWN})
    catalog = with_rule(
        at_prices(dns, business=3190).model_copy(update={"tax": tax}),
        Proration(fraction=Fraction.DAYS, credit_becomes=CreditBecomes.NOTHING),
    )
    buyer, moment = Buyer("JP"), at("2026-11-16", TOKYO)
    five = november(catalog, quantity=5, buyer=buyer)
    eight = price(catalog, five, buyer, Target("start", "monthly", 8), moment, ZERO).service_after
    priced = price(catalog, eight, buyer, Target("business", "monthly", 3), moment, ZERO)
    assert lines(priced)[2:] == [("charge", 4785), ("forfeited", 15)]
    assert priced.total == 0


@pytest.mark.parametrize("fraction", [Fraction.WHOLE, Fraction.DAYS, None])
def test_what_was_billed_whole_is_divided_by_the_change(dns: Catalog, fraction: Fraction | None) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    old = november(catalog)
    old = replace(old, items=(replace(old.items[0], fraction=fraction),))
    assert lines(changed(catalog, old, "business", 1))[0] == ("credit", -600)


def test_an_item_is_moved_again_and_again_and_stored_so(dns: Catalog) -> None:
    (item,) = november(dns).items
    moved = item.later(20, TOKYO).later(5, TOKYO)
    assert (moved.moved_days, moved.covers.start) == (25, at("2026-11-26", TOKYO))
    assert moved.later(-25, TOKYO) == item
    assert BilledItem.from_json(moved.as_json()) == moved
    assert "moved_days" not in item.as_json()


@pytest.mark.parametrize(
    ("total", "credit", "used", "waived"),
    [
        (500, 0, 0, False),
        (500, 100, 100, False),
        (500, 120, 120, False),
        # 3.80 must be left, and 3.79 are less
        (500, 121, 120, True),
        (500, 499, 120, True),
        (500, 500, 500, False),
        (500, 900, 500, False),
        # what is less by itself is none of the credit's doing
        (300, 0, 0, False),
        (300, -5, 0, False),
        (300, 1, 0, True),
        (300, 300, 300, False),
        (-300, 100, 0, False),
    ],
)
def test_credit_leaves_nothing_or_enough(dns: Catalog, total: int, credit: int, used: int, waived: bool) -> None:
    least = MinimumCharge(amounts={"USD": 380}, after_credit="waive")
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS), minimum_charge=least)
    held = Money(credit, "USD")
    assert (credit_used(catalog, total, held), rest_is_waived(catalog, total, held)) == (used, waived)
    assert not rest_is_waived(dns, total, held)
    assert credit_used(catalog, total, Money(credit, "EUR")) == min(max(0, credit), max(0, total))


def test_what_was_accepted_is_not_waived_again(dns: Catalog) -> None:
    """9.00 is due; with 1.00 of credit 8.00 would be left, too little to collect, so that all of it is waived."""
    least = MinimumCharge(amounts={"USD": 850}, after_credit="waive")
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS), minimum_charge=least)
    old, target, moment, credit = (
        november(catalog),
        Target("business", "monthly"),
        at("2026-11-16", TOKYO),
        Money(100, "USD"),
    )
    asked = price(catalog, old, AMERICAN, target, moment, credit)
    assert (lines(asked)[2:], asked.total) == ([("waived", -800)], 100)
    again = price(catalog, old, AMERICAN, target, moment, credit, ceiling=Money(900, "USD"))
    assert (lines(again)[2:], again.total) == ([], 900)


@pytest.mark.parametrize("becomes", CreditBecomes)
def test_what_a_credit_becomes_changes_nothing_where_more_is_due(dns: Catalog, becomes: CreditBecomes) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, credit_becomes=becomes))
    priced = changed(catalog, november(catalog), "business", 1)
    assert (lines(priced), priced.total) == ([("credit", -600), ("charge", 1500)], 900)


def test_nothing_is_not_raised_to_the_minimum(dns: Catalog) -> None:
    minimum = MinimumCharge(amounts={"USD": 500}, when_below="raise")
    catalog = with_rule(at_prices(dns, business=1200), Proration(fraction=Fraction.DAYS), minimum_charge=minimum)
    priced = changed(catalog, november(catalog), "business", 1)
    assert (lines(priced), priced.total) == ([("credit", -600), ("charge", 600)], 0)


def test_the_minimum_of_prices_that_hold_their_tax(dns: Catalog) -> None:
    inclusive = dns.model_copy(update={"tax": dns.tax.model_copy(update={"prices": "inclusive"})})
    minimum = MinimumCharge(amounts={"USD": 1000}, when_below="raise")
    catalog = with_rule(inclusive, Proration(fraction=Fraction.DAYS), minimum_charge=minimum)
    buyer = Buyer("JP")
    old, target = november(catalog, buyer=buyer), Target("business", "monthly")
    priced = price(catalog, old, buyer, target, at("2026-11-16", TOKYO), ZERO)
    assert (lines(priced), priced.total) == ([("credit", -600), ("charge", 1500), ("minimum", 100)], 1000)


@pytest.mark.parametrize(
    ("charge", "ceiling", "total", "line", "rounding"),
    [
        # 97 and 5.5 % are 102; so much is accepted, and more
        (97, 103, 102, None, 0),
        (97, 102, 102, None, 0),
        # 9.48 less before tax, and 9 leave 88 and 5; 10 leave 87 and 5
        (97, 92, 92, -10, 0),
        # 1.90 less, and 2 leave 98 and 5; 1 leaves 99 and 5
        (100, 104, 104, -1, 0),
        # 15.17 less: 15 leave 82 and 5, 16 leave 81 and 4
        (97, 86, 86, -15, -1),
    ],
)
def test_a_total_is_lowered_to_what_was_accepted(
    dns: Catalog, charge: int, ceiling: int, total: int, line: int | None, rounding: int
) -> None:
    tax = dns.tax.model_copy(update={"rates": (dns.tax.rates[0].model_copy(update={"percent": "5.5"}),)})
    cheap = at_prices(dns, start=0, business=charge).model_copy(update={"tax": tax})
    catalog, buyer = with_rule(cheap, Proration(fraction=Fraction.DAYS)), Buyer("JP")
    old, target = november(catalog, buyer=buyer), Target("business", "monthly")
    most = Money(ceiling, "USD")
    priced = price(catalog, old, buyer, target, at("2026-11-01", TOKYO), ZERO, ceiling=most)
    assert priced.figures is not None
    assert (priced.total, dict(lines(priced)).get("ceiling"), priced.figures.rounding) == (total, line, rounding)


@pytest.mark.parametrize(
    ("axes", "days"),
    [({"anchor": "reset"}, 0), ({}, 3)],
)
def test_the_service_after_a_change(dns: Catalog, axes: dict[str, Any], days: int) -> None:
    """A new period begins at the moment; one that goes on lies as many days later as it did."""
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, **axes))
    old = replace(november(catalog, "basic", quantity=2), moved_days=3)
    moment = at("2026-11-16T10:30", TOKYO)
    after = price(catalog, old, AMERICAN, Target("start", "monthly", 3), moment, ZERO).service_after
    assert (after.plan, after.cycle, after.quantity, after.unit_price) == ("start", "monthly", 3, Money(1200, "USD"))
    period = Period(moment, at("2026-12-16T10:30", TOKYO)) if axes else old.period
    assert (after.period, after.anchor) == (period, anchor_of(period, TOKYO))
    assert [item.units_left for item in after.items] == [0, 3]
    assert after.moved_days == days


def test_units_that_begin_a_new_period_are_all_charged(dns: Catalog) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, anchor=Anchor.RESET))
    assert lines(changed(catalog, november(catalog), "start", 2)) == [("credit", -600), ("charge", 2400)]


def test_an_amount_off_that_has_ended_makes_all_units_anew(dns: Catalog) -> None:
    """24.00 less 3.00 until the 10th: half of 21.00 back, half of three at 12.00."""
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    discount = Discount(amounts={"USD": 300}, until="2026-11-10T00:00:00+09:00")
    old = november(catalog, quantity=2, discount=discount)
    assert lines(changed(catalog, old, "start", 3)) == [("credit", -1050), ("charge", 1800)]


def test_the_provider_says_where_it_is_rounded_unless_the_rule_does(dns: Catalog) -> None:
    """11 of 30 days of 1.00 and 2.00: 0.37 and 0.73, and the difference of 0.3667 is a cent more."""
    cheap = at_prices(dns, start=100, business=200)
    rounding = RoundingPolicy(mode=Rounding.HALF_UP, place=RoundingPlace.NET)
    for place, more in ((None, [("rounding", 1)]), (RoundingPlace.LINE, [])):
        catalog = with_rule(cheap, Proration(fraction=Fraction.DAYS, place=place), rounding=rounding)
        found = lines(changed(catalog, november(catalog), "business", 1, "2026-11-20"))
        assert found == [("credit", -37), ("charge", 73), *more]


def test_what_is_not_begun_is_taken_back_from_its_beginning(dns: Catalog) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    old, tomorrow = november(catalog), at("2026-11-17", TOKYO)
    later = replace(old.items[0], covers=Period(tomorrow, old.period.end), fraction=Fraction.DAYS)
    priced = changed(catalog, replace(old, items=(later,)), "business", 1)
    assert priced.figures is not None
    assert [one.from_at for one in priced.figures.taken] == [tomorrow]
    # one of two is worth its half, and not a day more than was billed
    two = replace(old, quantity=2, items=(replace(later, units=2, units_left=2),))
    assert lines(changed(catalog, two, "start", 1)) == [("credit", -600)]


def test_what_is_waived_of_a_fee_makes_no_item_of_less_than_nothing(dns: Catalog) -> None:
    """15.00 of Business and a fee of 10.00 less 6.00 of Start are 19.00 and 1.90 of tax: too little, all is waived."""
    plans = tuple(plan.model_copy(update={"setup_fees": {"USD": 1000}}) for plan in dns.plans)
    minimum = MinimumCharge(amounts={"USD": 5000})
    catalog = with_rule(
        dns.model_copy(update={"plans": plans}), Proration(fraction=Fraction.DAYS), minimum_charge=minimum
    )
    buyer = Buyer("JP")
    old, target = november(catalog, buyer=buyer), Target("business", "monthly")
    priced = price(catalog, old, buyer, target, at("2026-11-16", TOKYO), ZERO)
    assert lines(priced) == [("credit", -600), ("charge", 1500), ("fee", 1000), ("waived", -1900)]
    (opened,) = [item for item in priced.service_after.items if item.units_left]
    assert (opened.net, opened.tax, opened.net_left, opened.tax_left) == (0, 0, 0, 0)


def test_a_scaled_price_is_that_of_a_unit_for_the_period(dns: Catalog) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP_END))
    priced = price(catalog, november(catalog), AMERICAN, Target("business", "annual", 2), at("2026-11-01", TOKYO), ZERO)
    (opened,) = [item for item in priced.service_after.items if item.units_left]
    assert (opened.unit_price, opened.units, opened.net) == (2500, 2, 5000)
    assert (opened.fraction, opened.change_day) == (Fraction.DAYS, ChangeDay.NEW)


def test_a_realigned_service_that_changes_its_cycle_may_begin_anew(dns: Catalog) -> None:
    mode = Proration(fraction=Fraction.DAYS, anchor=Anchor.REALIGN, realign_day=10, other_cycle=Anchor.RESET)
    assert mode.between(1, 12) == Proration(fraction=Fraction.DAYS, anchor=Anchor.RESET)
    assert mode.between(1, 1) is mode
    moment = at("2026-11-16", TOKYO)
    priced = price(with_rule(dns, mode), november(dns), AMERICAN, Target("start", "annual"), moment, ZERO)
    assert (priced.period.start, priced.anchor.day) == (moment, 16)


def test_approval_is_no_hurry(dns: Catalog) -> None:
    """Staff's approval answers a review; what waits for the renewal waits."""
    old, moment = november(dns), at("2026-11-16", TOKYO)
    assert price(dns, old, AMERICAN, Target("basic", "monthly"), moment, ZERO, override=True).timing == "at_renewal"


def test_whole_prices_for_who_owes_tax_today_and_owed_none_before(dns: Catalog) -> None:
    """Prices hold no tax here: what was billed for 5.00 is 5.00 of the new price, whoever owes tax on it."""
    catalog, buyer = with_rule(dns, WHOLE), Buyer("JP")
    old = november(catalog, "basic", buyer=AMERICAN)
    priced = price(catalog, old, buyer, Target("start", "monthly"), at("2026-11-16", TOKYO), ZERO)
    assert lines(priced) == [("credit", -500), ("charge", 1200)]


def test_a_price_of_a_day_is_for_modes_that_count_days(dns: Catalog) -> None:
    """The provider rounds the price of a day; a rule that counts seconds has none to round: 14.5 of 30 days."""
    rounding = RoundingPolicy(mode=Rounding.HALF_UP, place=RoundingPlace.DAY_RATE)
    by_second = with_rule(dns, Proration(fraction=Fraction.SECONDS), rounding=rounding)
    priced = changed(by_second, november(by_second), "business", 1, "2026-11-16T12:00")
    assert lines(priced) == [("credit", -580), ("charge", 1450)]
    by_day = with_rule(dns, Proration(fraction=Fraction.DAYS), rounding=rounding)
    target = Target("business", "monthly")
    texts = [
        price_change(by_day, november(by_day), AMERICAN, target, at(day, TOKYO), ZERO).lines[1].arithmetic
        for day in ("2026-11-01", "2026-11-02")
    ]
    assert texts == ["30 of 30 days at $30.00 = $30.00", "29 days at $1.00 a day = $29.00"]


def test_a_credit_of_several_units_says_what_they_cost(dns: Catalog) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    old, target = november(catalog, quantity=3), Target("business", "monthly")
    quote = price_change(catalog, old, AMERICAN, target, at("2026-11-16", TOKYO), ZERO)
    assert quote.lines[0].arithmetic == "3 × $12.00 = $36.00; 15 of 30 days at $36.00 = $18.00"


def test_a_credit_of_less_than_its_units_cost_is_told_by_what_was_billed(dns: Catalog) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS))
    old, target = november(catalog, quantity=3, billed=100), Target("business", "monthly")
    quote = price_change(catalog, old, AMERICAN, target, at("2026-11-16", TOKYO), ZERO)
    assert quote.lines[0].arithmetic == "15 of 30 days at $1.00 = $0.50"


def test_a_period_that_begins_anew_is_charged_whole_in_every_mode(dns: Catalog) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.NOMINAL, anchor=Anchor.RESET))
    target = Target("business", "monthly")
    quote = price_change(catalog, november(catalog), AMERICAN, target, at("2026-11-16", TOKYO), ZERO)
    assert quote.lines[1].arithmetic == "full price = $30.00"


def test_seconds_begin_on_the_day_of_the_change_and_may_be_of_one_day(dns: Catalog) -> None:
    """Whom the day of a change belongs to is a question for modes that count days."""
    catalog = with_rule(dns, Proration(fraction=Fraction.SECONDS), change_day=ChangeDay.OLD)
    old = service(catalog, "start", "monthly", "2026-11-01T10:00", "2026-12-01T10:00")
    for moment, days in (
        ("2026-11-16T09:00", "November 16, 2026 – November 30, 2026"),
        ("2026-12-01T09:00", "December 1, 2026 – December 1, 2026"),
    ):
        target = Target("business", "monthly")
        quote = price_change(catalog, old, AMERICAN, target, at(moment, TOKYO), ZERO)
        assert [line.description.split(", ", 1)[1] for line in quote.lines] == [days, days]
