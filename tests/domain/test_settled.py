"""What a change is settled for when it is paid on a later day: the price of that day, never above what was accepted."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import Catalog, MinimumCharge
from domain.errors import ChangeError
from domain.money import Money
from domain.pricing.modes import BY_TIME, ChangeDay, Fraction, Proration
from domain.pricing.priced import price
from domain.pricing.quote import price_change
from domain.pricing.quote_values import Quote
from domain.pricing.settled import settled_quote, stands_until
from domain.pricing.terms import Buyer, ServiceTerms, Target
from domain.pricing.verify import verify_settled
from tests.domain.making import at, percent_off, service, with_rule
from tests.domain.test_properties import Case, buyers, cases, prorations

TOKYO, NEW_YORK, JAPAN = "Asia/Tokyo", "America/New_York", Buyer("JP")
BY_DAY = Proration(fraction=Fraction.DAYS)


def accepted(
    catalog: Catalog,
    moment: str = "2027-07-17T12:00",
    target: tuple[str, str] = ("business", "monthly"),
    credit: int = 0,
    **old: Any,
) -> Quote:
    """A change of Basic, July of 2027 in the catalogue's zone, in yen."""
    zone, values = catalog.timezone, {"currency": "JPY", "buyer": JAPAN} | old
    holder = service(catalog, "basic", "monthly", "2027-07-01", "2027-08-01", **values)
    return price_change(catalog, holder, JAPAN, Target(*target), at(moment, zone), Money(credit, "JPY"))


def settled(quote: Quote, moment: str, tz: str = TOKYO) -> Quote:
    return settled_quote(quote, at(moment, tz))


def figures(quote: Quote) -> list[tuple[str, int]]:
    return [(line.kind, line.amount.amount) for line in quote.lines]


@pytest.mark.parametrize(
    ("asked", "paid", "totals"),
    [
        ("2027-07-17T12:00", "2027-07-23T12:00", (1331, 799)),  # 15 of 31 days of 2,500 and 10 %, then 9
        ("2027-07-25T12:00", "2027-07-31T22:00", (620, 89)),  # 7, then 1
        ("2027-07-17T00:00", "2027-07-17T23:59", (1331, 1331)),
        ("2027-07-17T23:59", "2027-07-18T00:00", (1331, 1242)),
        ("2027-07-17T12:00", "2027-07-16T12:00", (1331, 1331)),  # a transfer of the day before
    ],
)
def test_the_price_of_the_day_of_payment(dns: Catalog, asked: str, paid: str, totals: tuple[int, int]) -> None:
    quote = accepted(dns, asked)
    assert (quote.total.amount, settled(quote, paid).total.amount) == totals


def test_what_is_accepted_stands_as_it_was_sealed(dns: Catalog) -> None:
    quote = accepted(dns)
    again = settled(quote, "2027-07-23T12:00")
    assert verify_settled(quote.as_json(), json.loads(json.dumps(again.as_json()))) == []
    assert (again.inputs["accepted"], again.inputs["ceiling"]["amount"]) == (quote.digest, 1331)
    assert settled(quote, "2027-07-17T23:59") is quote


@pytest.mark.parametrize("zone", [NEW_YORK, "Australia/Lord_Howe", "America/Santiago"])
def test_a_day_of_another_length_is_a_day(dns: Catalog, zone: str) -> None:
    """Clocks change within the period; an hour before midnight nothing is priced again, at midnight it is."""
    catalog = with_rule(dns, BY_DAY).model_copy(update={"timezone": zone})
    for month, day, year in ((3, 14, 2027), (11, 7, 2027), (4, 4, 2027), (10, 3, 2027), (9, 5, 2027), (4, 3, 2027)):
        first, last = f"{year}-{month:02}-01", f"{year}-{month + 1:02}-01"
        old = service(catalog, "basic", "monthly", first, last, currency="JPY", buyer=JAPAN)
        noon = at(f"{year}-{month:02}-{day:02}T12:00", zone)
        quote = price_change(catalog, old, JAPAN, Target("business", "monthly"), noon, Money(0, "JPY"))
        assert settled(quote, f"{year}-{month:02}-{day:02}T23:30", zone) is quote
        again = settled(quote, f"{year}-{month:02}-{day + 1:02}T00:30", zone)
        share, before = again.lines[1].share, quote.lines[1].share
        assert share is not None
        assert before is not None
        assert (share.part, share.whole) == (before.part - 1, before.whole)


@pytest.mark.parametrize(("day", "days"), [(ChangeDay.NEW, (15, 9)), (ChangeDay.OLD, (14, 8))])
def test_the_day_of_payment_is_the_day_of_the_change(dns: Catalog, day: ChangeDay, days: tuple[int, int]) -> None:
    quote = accepted(with_rule(dns, BY_DAY, change_day=day))
    shares = [one.lines[1].share for one in (quote, settled(quote, "2027-07-23T12:00"))]
    assert tuple(share.part for share in shares if share) == days


def test_a_new_period_begins_when_it_is_paid(dns: Catalog) -> None:
    """Basic is worth 97 less on the 23rd; the year of Start is billed at 97 less than its price instead."""
    again = settled(accepted(dns, target=("start", "annual")), "2027-07-23T12:00")
    assert figures(again) == [("credit", -145), ("charge", 12000), ("ceiling", -97), ("tax", 1176)]
    (opened,) = again.opened
    assert (opened.item.net, opened.item.tax, opened.item.covers.start) == (11903, 1190, at("2027-07-23T12:00", TOKYO))
    assert (again.new_anchor_day, again.next_renewal.at) == (23, at("2028-07-23T12:00", TOKYO))


def test_a_discount_that_ended_in_between(dns: Catalog) -> None:
    quote = accepted(dns, discount=percent_off("50", "2027-07-20T00:00:00+09:00"), billed=500)
    again = settled(quote, "2027-07-23T12:00")
    assert (quote.total, figures(again)[-2:]) == (again.total, [("ceiling", -242), ("tax", 48)])


def test_what_cannot_be_lowered_by_its_charge_stands(dns: Catalog) -> None:
    """A fee of 1,000 and a charge that Basic's credit eats up: on the last day the credit is gone, and a charge of 10
    cannot be lowered by what the credit was worth. What was accepted stands, with its days."""
    start = next(plan for plan in dns.plans if plan.id == "start")
    cheap = start.model_copy(update={"prices": {"monthly": {"JPY": 310}}, "setup_fees": {"JPY": 1000}})
    plans = tuple(cheap if plan.id == "start" else plan for plan in dns.plans)
    catalog = with_rule(dns.model_copy(update={"plans": plans}), BY_DAY)
    quote = accepted(catalog, target=("start", "monthly"))
    # 15 of 31 days: 150 - 242 and the fee; on the 31st 10 - 16
    assert figures(quote) == [("credit", -242), ("charge", 150), ("fee", 1000), ("tax", 91)]
    assert settled(quote, "2027-07-31T12:00") is quote


@pytest.mark.parametrize(("price", "charged"), [(466, None), (467, 0)])
def test_a_charge_is_lowered_to_nothing_and_no_further(dns: Catalog, price: int, charged: int | None) -> None:
    """On the last day 226 less come back than on the 17th. Of 467 a month 226 were asked then, and 15 are now: all of
    them go. Of 466 it was 225."""
    start = next(plan for plan in dns.plans if plan.id == "start")
    cheap = start.model_copy(update={"prices": {"monthly": {"JPY": price}}, "setup_fees": {"JPY": 1000}})
    plans = tuple(cheap if plan.id == "start" else plan for plan in dns.plans)
    catalog, buyer = with_rule(dns.model_copy(update={"plans": plans}), BY_DAY), Buyer("US")
    old = service(catalog, "basic", "monthly", "2027-07-01", "2027-08-01", currency="JPY")
    target, nothing = Target("start", "monthly"), Money(0, "JPY")
    quote = price_change(catalog, old, buyer, target, at("2027-07-17T12:00", TOKYO), nothing)
    again = settled(quote, "2027-07-31T12:00")
    of_time = [amount for kind, amount in figures(again) if kind in ("charge", "ceiling")]
    assert (None if again is quote else sum(of_time)) == charged


def test_credit_is_what_was_reserved(dns: Catalog) -> None:
    """1,000 of account credit; 500 is the least that is collected, so that 831 of it were reserved. They pay ¥799, and
    what was paid is free again."""
    minimum = MinimumCharge(amounts={"JPY": 500, "USD": 500}, when_below="raise")
    quote = accepted(with_rule(dns, BY_DAY, minimum_charge=minimum), credit=1000)
    again = settled(quote, "2027-07-23T12:00")
    assert [(one.total.amount, one.credit_applied.amount, one.total_due_today.amount) for one in (quote, again)] == [
        (1331, 831, 500),
        (799, 799, 0),
    ]
    assert again.inputs["account_credit"] == {"amount": 831, "currency": "JPY"}


@pytest.mark.parametrize(("when_below", "total"), [("raise", 501), ("waive", 0)])
def test_the_minimum_is_the_minimum_of_the_day(dns: Catalog, when_below: str, total: int) -> None:
    """500 with tax is 455 and 46, the smallest that reaches it."""
    minimum = MinimumCharge(amounts={"JPY": 500, "USD": 500}, when_below=when_below)
    quote = accepted(with_rule(dns, BY_DAY, minimum_charge=minimum))
    assert settled(quote, "2027-07-31T12:00").total.amount == total


def test_a_minimum_raises_nothing_above_what_was_accepted(dns: Catalog) -> None:
    """On the 24th 774 and 77 of tax less 129 that bore none: 722, which is the least. On the 26th 581 less 97, and no
    line makes it 722: 164 more is 745 and 75, less 97, or 723."""
    minimum = MinimumCharge(amounts={"JPY": 722}, when_below="raise")
    catalog = with_rule(dns, BY_DAY, minimum_charge=minimum)
    quote = accepted(catalog, "2027-07-24T12:00", buyer=Buyer("JP", tax_exempt=True))
    again = settled(quote, "2027-07-26T12:00")
    assert figures(again) == [("credit", -97), ("charge", 581), ("minimum", 164), ("tax", 75)]
    assert (quote.total.amount, again.total.amount) == (722, 722)


@pytest.mark.parametrize(("price", "asked", "later"), [(500, 0, None), (501, 1, 0)])
def test_what_was_not_to_be_paid_stands(dns: Catalog, price: int, asked: int, later: int | None) -> None:
    """A yen more for the month is 1 on its first day, and 0.03 on the last; nothing more is nothing on any."""
    start = next(plan for plan in dns.plans if plan.id == "start")
    alike = start.model_copy(update={"prices": {"monthly": {"JPY": price}}})
    catalog = dns.model_copy(update={"plans": tuple(alike if plan.id == "start" else plan for plan in dns.plans)})
    quote = accepted(with_rule(catalog, BY_DAY), "2027-07-01T12:00", ("start", "monthly"))
    again = settled(quote, "2027-07-31T12:00")
    assert (quote.total.amount, None if again is quote else again.total.amount) == (asked, later)


def test_the_invoice_says_why_it_is_not_what_the_proforma_was(dns: Catalog) -> None:
    less = settled(accepted(dns), "2027-07-23T12:00")
    assert less.notes == (
        "Asked for on July 17, 2027 at ¥1,331, paid on July 23, 2027: the plan changes from then on, ¥532 less.",
    )
    same = settled(accepted(dns, target=("start", "annual")), "2027-07-23T12:00")
    assert same.notes[0] == (
        "Asked for on July 17, 2027, paid on July 23, 2027: the plan changes from then on, at ¥12,934 as accepted."
    )


@pytest.mark.parametrize("fraction", [Fraction.WHOLE, Fraction.ZERO])
def test_a_price_that_no_day_changes_stands(dns: Catalog, fraction: Fraction) -> None:
    zero = {"credit": False, "credit_becomes": "nothing"} if fraction is Fraction.ZERO else {}
    quote = accepted(with_rule(dns, Proration(fraction=fraction, **zero)))
    assert settled(quote, "2027-07-23T12:00") is quote


def test_priced_at_the_request_it_stands_and_ends_with_the_day(dns: Catalog) -> None:
    quote = accepted(with_rule(dns, BY_DAY, priced_at="request"), "2027-07-17T23:50")
    assert quote.expires_at == at("2027-07-18T00:00", TOKYO)
    assert settled(quote, "2027-07-23T12:00") is quote


def test_only_a_price_of_its_day_ends_with_the_day(dns: Catalog, hosting: Catalog) -> None:
    at_request = dns.policies.model_copy(update={"priced_at": "request"})
    quote = accepted(with_rule(dns, BY_DAY), "2027-07-17T23:50")
    assert stands_until(at_request, quote, TOKYO) == at("2027-07-18", TOKYO)
    assert stands_until(dns.policies, quote, TOKYO) is None
    whole = accepted(with_rule(dns, Proration(fraction=Fraction.WHOLE)))
    assert stands_until(at_request, whole, TOKYO) is None
    # what staff have not approved has no end of its own yet
    assert stands_until(at_request, replace(quote, timing="manual_review"), TOKYO) is None


def test_what_cannot_be_priced_on_the_day_stands(dns: Catalog) -> None:
    quote = accepted(dns)
    assert settled(quote, "2027-08-01T00:00") is quote


def test_a_quote_from_before_billed_items_stands(dns: Catalog) -> None:
    quote = accepted(dns)
    old = {key: value for key, value in quote.inputs["service"].items() if key != "items"}
    before = replace(quote, inputs=quote.inputs | {"service": old})
    assert settled(before, "2027-07-23T12:00") is before


def test_a_plan_of_an_item_keeps_its_name(dns: Catalog) -> None:
    """Units of a plan that the service has no more are still open: the quote's own copy of the catalogue names it."""
    old = service(dns, "basic", "monthly", "2027-07-01", "2027-08-01", currency="JPY", buyer=JAPAN)
    items = tuple(replace(item, plan="start") for item in old.items)
    moment, target = at("2027-07-17T12:00", TOKYO), Target("business", "monthly")
    quote = price_change(dns, replace(old, items=items), JAPAN, target, moment, Money(0, "JPY"))
    assert settled(quote, "2027-07-23T12:00").lines[0].description.startswith("Unused time on Start")


@given(cases, prorations, buyers, st.data())
def test_never_above_what_was_accepted_and_the_price_of_the_day_where_that_is_less(
    case: Case, proration: Proration, buyer: Buyer, data: st.DataObject
) -> None:
    """Any mode, zone and period, prices with tax or without, a minimum, a fee, a discount that ends, and credit."""
    catalog = _policies(case.catalog(proration), data)
    first, last = sorted(case.moment(data.draw(st.floats(0, 1, exclude_max=True))) for _ in range(2))
    old = _with_discount(case.service(catalog), case, data)
    credit, target = Money(data.draw(st.sampled_from([0, 777, 10**8])), "USD"), Target("start", "monthly")
    quote = price_change(catalog, old, buyer, target, first, credit)
    again = settled_quote(quote, last)
    assert again.total <= quote.total
    assert again.credit_applied <= quote.credit_applied
    assert again.total_due_today <= quote.total_due_today
    later = _day(case, last) > _day(case, first)
    if not later or proration.fraction not in BY_TIME or quote.total.amount <= 0:
        assert again is quote
        return
    try:
        of_the_day = price(catalog, old, buyer, target, last, quote.credit_applied)
    except ChangeError:
        assert again is quote
        return
    if of_the_day.total <= quote.total.amount:
        assert again.total.amount == of_the_day.total
        assert (again.opened, again.taken) == (of_the_day.figures.opened, of_the_day.figures.taken)  # type: ignore[union-attr]
    else:
        assert again.total == quote.total
    if again is quote:
        return
    assert verify_settled(quote.as_json(), again.as_json()) == []
    _is_the_bill_of_its_items(again)


def _is_the_bill_of_its_items(quote: Quote) -> None:
    """The audit's own rule: the net is what the items are worth, less what is taken back, and the fees."""
    if any(line.kind == "included_tax" for line in quote.lines):
        return
    made, taken = sum(one.item.net for one in quote.opened), sum(one.net for one in quote.taken)
    fees = sum(line.amount.amount for line in quote.lines if line.kind == "fee")
    charged = sum(line.amount.amount for line in quote.lines if line.kind in ("charge", "minimum", "waived", "ceiling"))
    if charged >= 0 and quote.opened:
        assert quote.net.amount == made - taken + fees


def _day(case: Case, moment: datetime) -> int:
    return moment.astimezone(ZoneInfo(case.tz)).toordinal()


def _policies(catalog: Catalog, data: st.DataObject) -> Catalog:
    """Taxes, a minimum and a fee, each drawn."""
    minimum = data.draw(st.sampled_from([None, "raise", "waive"]))
    least = MinimumCharge(amounts={"USD": 1500}, when_below=minimum) if minimum else None
    prices = data.draw(st.sampled_from(["exclusive", "inclusive"]))
    fee = data.draw(st.sampled_from([0, 999]))
    plans = tuple(plan.model_copy(update={"setup_fees": {"USD": fee} if fee else {}}) for plan in catalog.plans)
    policies = catalog.policies.model_copy(update={"minimum_charge": least})
    tax = catalog.tax.model_copy(update={"prices": prices})
    return catalog.model_copy(update={"plans": plans, "policies": policies, "tax": tax})


def _with_discount(old: ServiceTerms, case: Case, data: st.DataObject) -> ServiceTerms:
    until = data.draw(st.none() | st.floats(0, 1).map(case.moment))
    return replace(old, discount=percent_off("25", until.isoformat())) if until else old
