"""What was billed is remembered from one change to the next: dates and yen, the arithmetic above each row."""

import json
from dataclasses import replace
from typing import Any

import pytest

from domain.catalog import Catalog, Discount, MinimumCharge, Outcome, TaxRate
from domain.money import Money
from domain.periods import Period
from domain.pricing.billed import BilledItem, TakeBack, rate_of, take_back
from domain.pricing.modes import ChangeDay, CreditBecomes, Fraction, PriceDifference, Proration, RoundingPlace
from domain.pricing.priced import Priced, price
from domain.pricing.terms import Buyer, ServiceTerms, Target
from tests.domain.making import at, percent_off, service, with_rule

TOKYO, JAPANESE, AMERICAN = "Asia/Tokyo", Buyer("JP"), Buyer("US")
YEN, CENTS = Money(0, "JPY"), Money(0, "USD")
BY_DAY = Proration(fraction=Fraction.DAYS)
WHOLE = Proration(fraction=Fraction.WHOLE)
LOST: dict[str, Any] = {"credit": False, "credit_becomes": CreditBecomes.NOTHING}


def july(catalog: Catalog, plan: str = "basic", buyer: Buyer = JAPANESE, **changes: Any) -> ServiceTerms:
    return service(catalog, plan, "monthly", "2027-07-01", "2027-08-01", currency="JPY", buyer=buyer, **changes)


def changed(
    catalog: Catalog, old: ServiceTerms, plan: str, day: str, buyer: Buyer = JAPANESE, quantity: int | None = None
) -> Priced:
    moment = at(day, catalog.timezone)
    return price(catalog, old, buyer, Target(plan, "monthly", quantity), moment, Money(0, old.currency))


def lines(priced: Priced) -> list[tuple[str, int]]:
    assert priced.figures is not None
    taxes = [(f"tax {tax.rate.percent}", tax.amount) for tax in priced.figures.taxes]
    return [(line.kind, line.amount) for line in priced.figures.lines] + taxes


def left(terms: ServiceTerms) -> list[tuple[str, int, int]]:
    """Plan, units and net of what is still open."""
    return [(item.plan, item.units_left, item.net_left) for item in terms.items if item.units_left]


def test_a_part_of_a_period_is_divided_by_what_it_billed(dns: Catalog) -> None:
    # Start from the 18th: 14 of 31 days of 1200 = 541.9; on the 21st 11 of those 14 days are left: 542 x 11/14 = 425.9
    catalog = with_rule(dns, BY_DAY)
    first = changed(catalog, july(catalog), "start", "2027-07-18")
    assert lines(first)[1] == ("charge", 542)
    second = changed(catalog, first.service_after, "business", "2027-07-21")
    assert lines(second)[:2] == [("credit", -426), ("charge", 1065)]


def test_a_closed_item_gives_nothing_again(dns: Catalog) -> None:
    # 500 x 15/31 = 241.9 on the 17th; on the 19th there is the new plan's alone: 581 x 13/15 = 503.5
    catalog = with_rule(dns, BY_DAY)
    first = changed(catalog, july(catalog), "start", "2027-07-17")
    assert lines(first) == [("credit", -242), ("charge", 581), ("tax 10", 34)]
    assert left(first.service_after) == [("start", 1, 581)]
    second = changed(catalog, first.service_after, "business", "2027-07-19")
    assert lines(second) == [("credit", -504), ("charge", 1258), ("tax 10", 75)]
    third = changed(catalog, second.service_after, "basic", "2027-07-19")
    assert lines(third)[0] == ("credit", -1258)


def test_a_change_without_credit_closes_what_was_billed(dns: Catalog) -> None:
    no_credit = with_rule(dns, Proration(fraction=Fraction.DAYS, **LOST))
    first = changed(no_credit, july(no_credit), "start", "2027-07-17")
    assert lines(first) == [("charge", 581), ("tax 10", 58)]
    assert first.figures is not None
    assert first.figures.taken == (TakeBack("itm_0", 1, 0, 0, at("2027-07-17", TOKYO), None),)
    back = changed(with_rule(dns, BY_DAY), first.service_after, "basic", "2027-07-17")
    assert lines(back)[:2] == [("credit", -581), ("charge", 242)]


def test_inclusive_prices_give_back_what_they_cost(dns: Catalog) -> None:
    """On the first day 1200 - 500 = 700 is due: the 500 held 45 of tax, which comes back with them."""
    inclusive = dns.model_copy(update={"tax": dns.tax.model_copy(update={"prices": "inclusive"})})
    for proration in (BY_DAY, WHOLE):
        catalog = with_rule(inclusive, proration)
        old = july(catalog)
        assert (old.items[0].net, old.items[0].tax) == (455, 45)
        priced = changed(catalog, old, "start", "2027-07-01")
        assert (priced.total, lines(priced)[:2]) == (700, [("credit", -500), ("charge", 1200)])
        assert left(priced.service_after) == [("start", 1, 1091)]
    annual = service(inclusive, "basic", "annual", "2027-01-01", "2028-01-01", currency="JPY", buyer=JAPANESE)
    for day in ("2027-01-01", "2027-07-17", "2027-12-31"):
        moment = at(day, TOKYO)
        whole = price(with_rule(inclusive, WHOLE), annual, JAPANESE, Target("start", "annual"), moment, YEN)
        assert whole.total == 7000


def test_a_discount_that_ended_does_not_lower_the_credit(dns: Catalog) -> None:
    """Basic was billed with half off, which ended on the 10th: Start was charged in full, and comes back in full."""
    catalog = with_rule(dns, BY_DAY)
    old = july(catalog, discount=percent_off("50", "2027-07-10T00:00:00+09:00"))
    assert old.items[0].net == 250
    first = changed(catalog, old, "start", "2027-07-17")
    assert lines(first)[:2] == [("credit", -121), ("charge", 581)]
    second = changed(catalog, first.service_after, "business", "2027-07-17")
    assert lines(second)[:2] == [("credit", -581), ("charge", 1452)]


def test_what_was_waived_does_not_come_back(dns: Catalog) -> None:
    """With a minimum of 800 up is waived and down gives back what was billed before, for ever: no pump."""
    minimum = MinimumCharge(amounts={"JPY": 800}, when_below="waive")
    catalog = with_rule(dns, BY_DAY, minimum_charge=minimum)
    terms, paid = july(catalog), 0
    for plan, expected, total in (("start", 242, 0), ("basic", 242, 0), ("start", 242, 0), ("basic", 242, 0)):
        priced = changed(catalog, terms, plan, "2027-07-17")
        terms, paid = priced.service_after, paid + priced.total
        assert (sum(net for _, _, net in left(terms)), priced.total) == (expected, total)
    assert paid == 0


def test_a_waived_charge_is_worth_what_was_credited_against_it(dns: Catalog) -> None:
    # 20 of 30 days of 12.00 is 8.00, 3.33 back: 4.67 is waived, and the new item is worth 3.33
    catalog = with_rule(dns, BY_DAY, minimum_charge=MinimumCharge(amounts={"USD": 1000}, when_below="waive"))
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01")
    priced = changed(catalog, old, "start", "2026-11-11", AMERICAN)
    assert lines(priced) == [("credit", -333), ("charge", 800), ("waived", -467)]
    assert left(priced.service_after) == [("start", 1, 333)]
    raised = with_rule(dns, BY_DAY, minimum_charge=MinimumCharge(amounts={"USD": 1000}, when_below="raise"))
    assert left(changed(raised, old, "start", "2026-11-11", AMERICAN).service_after) == [("start", 1, 1333)]


@pytest.mark.parametrize(
    ("held", "total", "applied", "kinds"),
    [
        # 3.50 and 10% is 3.85: enough for a minimum of 3.80, which the net is not
        (0, 385, 0, ["credit", "charge"]),
        # of 3.85 no more credit is used than leaves 3.80 to collect
        (100, 385, 5, ["credit", "charge"]),
        (384, 385, 5, ["credit", "charge"]),
        (385, 385, 385, ["credit", "charge"]),
    ],
)
def test_the_minimum_is_what_is_collected(dns: Catalog, held: int, total: int, applied: int, kinds: list[str]) -> None:
    catalog = with_rule(dns, BY_DAY, minimum_charge=MinimumCharge(amounts={"USD": 380}, when_below="waive"))
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=JAPANESE)
    target = Target("start", "monthly")
    priced = price(catalog, old, JAPANESE, target, at("2026-11-16", TOKYO), Money(held, "USD"))
    assert (priced.total, priced.credit_applied) == (total, applied)
    assert [kind for kind, _ in lines(priced)][:-1] == kinds


def test_tax_comes_back_at_the_rate_it_was_sold_at(dns: Catalog) -> None:
    """Sold with 10% in Japan; the customer moves abroad: 24 of tax back on 242, none on what is charged now."""
    catalog = with_rule(dns, BY_DAY)
    moved = changed(catalog, july(catalog), "start", "2027-07-17", AMERICAN)
    assert lines(moved) == [("credit", -242), ("charge", 581), ("tax 10", -24)]
    assert moved.total == 315
    back = changed(catalog, moved.service_after, "business", "2027-07-17", JAPANESE)
    assert lines(back) == [("credit", -581), ("charge", 1452), ("tax 10", 145)]


def test_a_rate_that_changed_makes_two_taxes_on_one_page(dns: Catalog) -> None:
    # sold with 10%, today 20%: 242 back with 24.2, 581 with 116.2
    old = july(dns)
    label = {"en": "Consumption tax"}
    dearer = dns.tax.model_copy(update={"rates": (TaxRate(code="jp-10", percent="20", country="JP", label=label),)})
    catalog = with_rule(dns.model_copy(update={"tax": dearer}), BY_DAY)
    priced = changed(catalog, old, "start", "2027-07-17")
    assert lines(priced) == [("credit", -242), ("charge", 581), ("tax 10", -24), ("tax 20", 116)]


def test_a_credit_that_becomes_nothing_creates_nothing_with_two_rates(dns: Catalog) -> None:
    old = july(dns, "business")
    label = {"en": "Consumption tax"}
    dearer = dns.tax.model_copy(update={"rates": (TaxRate(code="jp-20", percent="20", country="JP", label=label),)})
    nothing = Proration(fraction=Fraction.DAYS, credit_becomes=CreditBecomes.NOTHING)
    catalog = with_rule(dns.model_copy(update={"tax": dearer}), nothing)
    # 1452 with 10% is 1597 back, 242 with 20% is 290: all but 264 with its 26 is forfeited
    priced = changed(catalog, old, "basic", "2027-07-17")
    assert (priced.total, priced.credit_created) == (0, 0)
    assert lines(priced)[:3] == [("credit", -1452), ("charge", 242), ("forfeited", 1188)]
    assert priced.figures is not None
    assert [(taken.net, taken.tax) for taken in priced.figures.taken] == [(264, 26)]


def test_the_total_is_rounded_once_after_tax(dns: Catalog) -> None:
    # 0 -> 200.00, 29 of 30 days, 25%: 193.333 and 48.333 are 241.667; lines 193.33 and 48.33 lack a cent
    free = tuple(
        plan.model_copy(update={"prices": {"monthly": {"USD": 0 if plan.id == "basic" else 20000}}})
        for plan in dns.plans
    )
    rate = dns.tax.rates[0].model_copy(update={"percent": "25"})
    tax = dns.tax.model_copy(update={"rates": (rate,)})
    catalog = with_rule(
        dns.model_copy(update={"plans": free, "tax": tax}),
        Proration(fraction=Fraction.DAYS, place=RoundingPlace.TOTAL),
    )
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=JAPANESE)
    priced = changed(catalog, old, "start", "2026-11-02")
    assert lines(priced) == [("credit", 0), ("charge", 19333), ("tax 25", 4833)]
    assert priced.figures is not None
    assert (priced.figures.rounding, priced.total) == (1, 24167)


@pytest.mark.parametrize(
    ("difference", "plan", "discount", "old_unit", "expected"),
    [
        # 100 -> 150 costs 50, 150 -> 300 costs 150
        (PriceDifference.PRICES, "start", None, 10000, 5000),
        # 20% off: of 216.00 it is 172.80, of 120.00 96.00; billed were 76.80
        (PriceDifference.BILLED, "business", percent_off("20"), 9600, 9600),
    ],
)
def test_whole_prices(
    dns: Catalog, difference: PriceDifference, plan: str, discount: Discount | None, old_unit: int, expected: int
) -> None:
    units = {"basic": old_unit, "start": 15000, "business": 21600}
    plans = tuple(one.model_copy(update={"prices": {"monthly": {"USD": units[one.id]}}}) for one in dns.plans)
    mode = Proration(fraction=Fraction.WHOLE, difference=difference)
    catalog = with_rule(dns.model_copy(update={"plans": plans}), mode)
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", discount=discount)
    priced = changed(catalog, old, plan, "2026-11-20", AMERICAN)
    assert priced.total == expected
    (opened,) = [item for item in priced.service_after.items if item.units_left]
    assert (opened.covers, opened.of_period) == (old.period, old.period)
    assert opened.net == old.items[0].net + expected


@pytest.mark.parametrize(
    ("difference", "charge"),
    [(PriceDifference.PRICES, 1000), (PriceDifference.BILLED, 1200)],
)
def test_whole_prices_of_what_was_billed_for_less(dns: Catalog, difference: PriceDifference, charge: int) -> None:
    """3.00 was billed for a month of 5.00: the prices of the plans differ by 7.00, and 12.00 is 9.00 more than that."""
    catalog = with_rule(dns, Proration(fraction=Fraction.WHOLE, difference=difference))
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", billed=300)
    priced = changed(catalog, old, "start", "2026-11-20", AMERICAN)
    assert lines(priced) == [("credit", -300), ("charge", charge)]


def test_units_at_whole_prices_cost_their_own_price(dns: Catalog) -> None:
    """20 % off until the 10th: a third unit on the 16th costs 12.00, whatever the two before it cost."""
    catalog = with_rule(dns, Proration(fraction=Fraction.WHOLE))
    discount = percent_off("20", "2026-11-10T00:00:00+09:00")
    old = service(catalog, "start", "monthly", "2026-11-01", "2026-12-01", quantity=2, discount=discount)
    assert lines(changed(catalog, old, "start", "2026-11-16", AMERICAN, 3)) == [("charge", 1200)]


def test_whole_prices_of_several_changes_add_up(hosting: Catalog) -> None:
    old = service(hosting, "web-s", "annual", "2026-01-01", "2027-01-01")
    now = at("2026-03-01", hosting.timezone)
    first = price(hosting, old, AMERICAN, Target("web-m", "annual"), now, CENTS)
    later = at("2026-11-01", hosting.timezone)
    second = price(hosting, first.service_after, AMERICAN, Target("web-l", "annual"), later, CENTS)
    assert (first.total, second.total) == (5000, 15000)
    assert left(second.service_after) == [("web-l", 1, 30000)]


def test_seats_come_as_an_item_of_their_own_and_the_newest_go_first(dns: Catalog) -> None:
    # three seats more on the 16th: 3 x 12 x 15/30; two fewer on the 21st, of those: 18.00 x 2/3 x 10/15
    catalog = with_rule(dns, BY_DAY)
    old = service(catalog, "start", "monthly", "2026-11-01", "2026-12-01", quantity=5)
    more = changed(catalog, old, "start", "2026-11-16", AMERICAN, 8)
    assert lines(more) == [("charge", 1800)]
    assert left(more.service_after) == [("start", 5, 6000), ("start", 3, 1800)]
    fewer = changed(catalog, more.service_after, "start", "2026-11-21", AMERICAN, 6)
    assert lines(fewer) == [("credit", -800)]
    assert left(fewer.service_after) == [("start", 5, 6000), ("start", 1, 1000)]
    # four fewer: the one of them that is left, 18.00 x 1/3 x 10/15, and three of the five, 36.00 x 10/30
    fewest = changed(catalog, fewer.service_after, "start", "2026-11-21", AMERICAN, 2)
    assert lines(fewest) == [("credit", -400), ("credit", -1200)]
    # the next plan closes all that is open: two of the five, 24.00 x 10/30
    plan = changed(catalog, fewest.service_after, "business", "2026-11-21", AMERICAN)
    assert lines(plan) == [("credit", -800), ("charge", 2000)]


def test_seats_with_an_amount_off_are_billed_anew(dns: Catalog) -> None:
    # five more at 10 with 10 off the whole: 50 - 10 back, 100 - 10 charged are 50, not 40
    plans = tuple(plan.model_copy(update={"prices": {"monthly": {"USD": 1000}}}) for plan in dns.plans)
    catalog = with_rule(dns.model_copy(update={"plans": plans}), BY_DAY)
    off = Discount(amounts={"USD": 1000})
    old = service(catalog, "start", "monthly", "2026-11-01", "2026-12-01", quantity=5, discount=off)
    priced = changed(catalog, old, "start", "2026-11-01", AMERICAN, 10)
    assert (lines(priced), priced.total) == ([("credit", -4000), ("charge", 9000)], 5000)


def test_ten_small_ones_for_a_big_one_is_a_downgrade(dns: Catalog) -> None:
    """Ranks compare like with like: ten Basic cost 50.00, one Start 12.00."""
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", quantity=10)
    priced = changed(dns, old, "start", "2026-11-01", AMERICAN, 1)
    assert (priced.decision.direction, priced.timing, priced.total) == ("downgrade", Outcome.AT_RENEWAL, 0)
    one = service(dns, "start", "monthly", "2026-11-01", "2026-12-01")
    assert changed(dns, one, "basic", "2026-11-01", AMERICAN, 10).decision.direction == "upgrade"


@pytest.mark.parametrize("fraction", ["fixed_30", "nominal", "days"])
def test_a_kept_end_credits_the_month_that_runs(dns: Catalog, fraction: str) -> None:
    # a year at 120.00 with November kept costs 10.00 for the month; 20 of 30 days of it are 6.67, not 0.56
    catalog = with_rule(dns, Proration(fraction=fraction, anchor="keep_end"))
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01")
    first = price(catalog, old, AMERICAN, Target("start", "annual"), at("2026-11-01", TOKYO), CENTS)
    assert lines(first) == [("credit", -500), ("charge", 1000)]
    second = price(catalog, first.service_after, AMERICAN, Target("business", "annual"), at("2026-11-11", TOKYO), CENTS)
    assert lines(second) == [("credit", -667), ("charge", 1667)]


def test_thirty_day_months_move_a_whole_period_whole(dns: Catalog) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.FIXED_30))
    old = service(catalog, "basic", "monthly", "2026-01-31", "2026-02-28")
    assert lines(changed(catalog, old, "start", "2026-01-31", AMERICAN)) == [("credit", -500), ("charge", 1200)]


def test_a_fee_waits_for_the_renewal_with_its_change(dns: Catalog) -> None:
    plans = tuple(plan.model_copy(update={"setup_fees": {"JPY": 300}}) for plan in dns.plans)
    catalog = dns.model_copy(update={"plans": plans})
    # 500 and 300 with 10%
    assert changed(catalog, july(catalog, "start"), "basic", "2027-07-17").renewal_total == 880


def test_no_more_is_taken_back_than_was_billed() -> None:
    period = Period(at("2027-07-01"), at("2027-08-01"))
    item = BilledItem("itm_1", "basic", "monthly", 3, 100, period, period, 300, 30, "jp-10", "10").untouched()
    once = take_back(item, TakeBack(item.id, 1, 100, 10, period.start))
    assert (once.units_left, once.net_left, once.tax_left) == (2, 200, 20)
    for units, net, tax in ((3, 0, 0), (1, 201, 0), (1, 0, 21), (1, -1, 0)):
        with pytest.raises(ValueError, match="itm_1: more would be taken back than was billed"):
            take_back(once, TakeBack(item.id, units, net, tax, period.start))
    assert BilledItem.from_json(once.as_json()) == once
    document = replace(once, discount=percent_off("5"), fraction=Fraction.DAYS, change_day=ChangeDay.OLD).as_json()
    assert json.loads(json.dumps(document)) == document
    again = BilledItem.from_json(json.loads(json.dumps(document)))
    assert (again.net, again.discount) == (300, percent_off("5"))
    assert (again.fraction is Fraction.DAYS, again.change_day is ChangeDay.OLD) == (True, True)


def test_an_exempt_customer_pays_the_difference_of_whole_prices_without_its_tax(dns: Catalog) -> None:
    """Prices hold 10 %: 1,200 was billed as 1,091, and Business is 3,000, which is 2,727 without tax: 1,636 more."""
    inclusive = dns.model_copy(update={"tax": dns.tax.model_copy(update={"prices": "inclusive"})})
    catalog, buyer = with_rule(inclusive, Proration(fraction=Fraction.WHOLE)), Buyer("JP", tax_exempt=True)
    old = service(catalog, "start", "monthly", "2027-07-01", "2027-08-01", currency="JPY", buyer=buyer)
    moment = at("2027-07-10", "Asia/Tokyo")
    priced = price(catalog, old, buyer, Target("business", "monthly"), moment, Money(0, "JPY"))
    assert (old.items[0].net, priced.total) == (1091, 1636)


def test_a_credit_of_a_plan_that_the_catalogue_has_lost_is_called_by_its_id(dns: Catalog) -> None:
    catalog = with_rule(dns, BY_DAY)
    first = changed(catalog, july(catalog, "start"), "business", "2027-07-17")
    without = catalog.model_copy(update={"plans": tuple(plan for plan in catalog.plans if plan.id != "business")})
    lost = replace(first.service_after, plan="start", unit_price=Money(1200, "JPY"))
    priced = changed(without, lost, "basic", "2027-07-17")
    assert priced.figures is not None
    plans = [line.terms.plan for line in priced.figures.lines if line.terms]
    assert [(plan.id, plan.name) for plan in plans] == [("business", "business"), ("basic", "Basic")]
    # nor does it know the cycle any more
    items = tuple(replace(item, cycle="weekly") for item in lost.items)
    assert changed(without, replace(lost, items=items), "basic", "2027-07-17").total == priced.total


def test_a_tax_that_the_catalogue_has_lost_is_called_by_its_code(dns: Catalog) -> None:
    (item,) = july(dns).items
    rate = rate_of(replace(item, tax_code="gone", tax_percent="7.5"), dns.tax.rates)
    assert rate is not None
    assert (rate.percent, rate.label) == ("7.5", {"en": "gone"})
    renamed = rate_of(replace(item, tax_percent="8"), dns.tax.rates)
    assert renamed is not None
    assert (renamed.percent, renamed.label["ja"]) == ("8", "消費税")


def test_a_tax_of_less_than_half_a_yen_is_none(dns: Catalog) -> None:
    """One of 31 days of ¥100 is ¥3, its tenth 0.3."""
    plans = tuple(plan.model_copy(update={"prices": {"monthly": {"JPY": 100}}}) for plan in dns.plans)
    no_credit = with_rule(dns.model_copy(update={"plans": plans}), Proration(fraction=Fraction.DAYS, **LOST))
    priced = changed(no_credit, july(no_credit), "start", "2027-07-31")
    (opened,) = [item for item in priced.service_after.items if item.units_left]
    assert (opened.net, opened.tax, opened.tax_code) == (3, 0, "jp-10")


@pytest.mark.parametrize(
    ("credit", "total", "applied"),
    [
        # 3.85 is due: with 0.05 to 3.84 of credit less than the least of 3.80 would be left
        (4, 385, 4),
        (5, 385, 5),
        (6, 6, 6),
        (384, 384, 384),
        (385, 385, 385),
        (0, 385, 0),
    ],
)
def test_what_credit_leaves_too_small_is_waived_where_the_catalogue_says_so(
    dns: Catalog, credit: int, total: int, applied: int
) -> None:
    least = MinimumCharge(amounts={"USD": 380}, after_credit="waive")
    catalog = with_rule(dns, BY_DAY, minimum_charge=least)
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=JAPANESE)
    target = Target("start", "monthly")
    priced = price(catalog, old, JAPANESE, target, at("2026-11-16", TOKYO), Money(credit, "USD"))
    assert (priced.total, priced.credit_applied) == (total, applied)


def test_terms_are_kept_with_what_could_go_back_as_money(dns: Catalog) -> None:
    terms = july(dns, refundable=Money(300, "JPY"), discount=percent_off("5"))
    assert json.loads(json.dumps(terms.as_json())) == terms.as_json()
    assert ServiceTerms.from_json(terms.as_json()) == terms
    assert ServiceTerms.from_json(july(dns).as_json()).refundable is None
    moved = replace(terms, moved_days=3)
    assert ServiceTerms.from_json(moved.as_json()) == moved
    assert "moved_days" not in terms.as_json()


@pytest.mark.parametrize(("when_below", "total"), [("waive", 0), ("raise", 50)])
def test_the_smallest_total_is_below_the_minimum(dns: Catalog, when_below: Any, total: int) -> None:
    """¥501 for the month less the ¥500 that were billed for it."""
    prices = {"basic": 500, "start": 501, "business": 3000}
    plans = tuple(plan.model_copy(update={"prices": {"monthly": {"JPY": prices[plan.id]}}}) for plan in dns.plans)
    least = MinimumCharge(amounts={"JPY": 50}, when_below=when_below)
    catalog = with_rule(dns.model_copy(update={"plans": plans}), BY_DAY, minimum_charge=least)
    assert changed(catalog, july(catalog, buyer=AMERICAN), "start", "2027-07-01", AMERICAN).total == total
