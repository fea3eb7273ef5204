"""What is said of a price is true, and in the customer's language: every way to a zero, every note, every date."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from domain.catalog import Catalog, MinimumCharge, Outcome
from domain.money import Money
from domain.pricing.modes import CreditBecomes, Fraction, Proration
from domain.pricing.quote import price_change
from domain.pricing.quote_values import Quote
from domain.pricing.terms import Buyer, Target
from domain.words import plural_key
from domain.words.en import EN
from tests.domain.conftest import load
from tests.domain.making import at, percent_off, service, with_rule

TOKYO = "Asia/Tokyo"
NOW = at("2026-11-16T10:00", TOKYO)
NOTHING = CreditBecomes.NOTHING
LOST: dict[str, Any] = {"credit": False, "credit_becomes": NOTHING}


def priced(proration: dict[str, Any] | None, target: Target, **changes: Any) -> Quote:
    """A change of Basic for $5.00 in November, in Tokyo."""
    catalog = changes.pop("catalog", None) or load("dns")
    policies = changes.pop("policies", {})
    if proration is not None:
        catalog = with_rule(catalog, Proration(**proration), **policies)
    held, moment, locale = changes.pop("held", Money(0, "USD")), changes.pop("moment", NOW), changes.pop("locale", "en")
    plan, cycle = changes.pop("plan", "basic"), changes.pop("cycle", "monthly")
    period = changes.pop("period", ("2026-11-01", "2026-12-01"))
    buyer = changes.pop("buyer", Buyer("US"))
    old = service(catalog, plan, cycle, *period, **changes)
    buyer = Buyer(buyer.country, buyer.tax_id, locale, buyer.tax_exempt)
    return price_change(catalog, old, buyer, target, moment, held)


def with_fee(catalog: Catalog, plan_id: str, fee: int) -> Catalog:
    plans = tuple(
        plan.model_copy(update={"setup_fees": {"USD": fee}}) if plan.id == plan_id else plan for plan in catalog.plans
    )
    return catalog.model_copy(update={"plans": plans})


def free(catalog: Catalog, *plan_ids: str, price: int = 0) -> Catalog:
    """The catalogue with these plans at another price."""
    prices = {"prices": {"monthly": {"USD": price}}}
    plans = tuple(plan.model_copy(update=prices) if plan.id in plan_ids else plan for plan in catalog.plans)
    return catalog.model_copy(update={"plans": plans})


START, BASIC = Target("start", "monthly"), Target("basic", "monthly")
DAYS: dict[str, Any] = {"fraction": Fraction.DAYS}
LAST_DAY = at("2026-11-30T10:00", TOKYO)

# Every way in which a total can be nothing, with its reason.
ZEROS: dict[str, tuple[Callable[..., Quote], str]] = {
    "at the renewal": (
        lambda **more: priced(None, BASIC, plan="start", **more),
        "Nothing is due today. The change takes effect on December 1, 2026; $5.00 is due for the period from then.",
    ),
    "equal prices": (
        lambda **more: priced(DAYS, START, unit_price=Money(1200, "USD"), **more),
        "Nothing is due today because both plans cost the same for the rest of the period.",
    ),
    "both are free": (
        lambda **more: priced(DAYS, START, catalog=free(load("dns"), "basic", "start"), **more),
        "Nothing is due today because both plans cost the same for the rest of the period.",
    ),
    "the new one is free and nothing is left": (
        lambda **more: priced(DAYS, BASIC, plan="start", billed=0, catalog=free(load("dns"), "basic"), **more),
        "Nothing is due today because Basic costs nothing.",
    ),
    "no credit, and the new one is free": (
        lambda **more: priced(DAYS | LOST, BASIC, plan="start", catalog=free(load("dns"), "basic"), **more),
        "Nothing is due today because Basic costs nothing.",
    ),
    "the credit is what the change costs": (
        lambda **more: priced(DAYS, START, billed=1200, **more),
        "Nothing is due today because the credit for unused time is exactly what the change costs, $6.00.",
    ),
    "less than a day, which is the old plan's": (
        lambda **more: priced(DAYS | {"change_day": "old"}, START, moment=LAST_DAY, **more),
        "Nothing is due today because no whole day of the running period is left.",
    ),
    "less than a second": (
        lambda **more: priced(
            {"fraction": Fraction.SECONDS}, START, moment=at("2026-11-30T23:59:59.500000", TOKYO), **more
        ),
        "Nothing is due today because less than a second of the running period is left.",
    ),
    "rounded": (
        lambda **more: priced(
            DAYS, START, moment=LAST_DAY, billed=0, catalog=free(load("dns"), "start", price=14), **more
        ),
        "Nothing is due today because the amount is too small to be written: it is rounded to zero.",
    ),
    "waived": (
        lambda **more: priced(DAYS, START, policies={"minimum_charge": MinimumCharge(amounts={"USD": 500})}, **more),
        "Nothing is due today because $3.50 is less than the smallest amount that is collected.",
    ),
    "waived, tax and all": (
        lambda **more: priced(
            DAYS, START, policies={"minimum_charge": MinimumCharge(amounts={"USD": 500})}, buyer=Buyer("JP"), **more
        ),
        "Nothing is due today because $4.10 is less than the smallest amount that is collected.",
    ),
    "forfeited": (
        lambda **more: priced(DAYS | {"credit_becomes": NOTHING}, BASIC, plan="start", **more),
        "Nothing is due today. Unused time is worth more than the new plan costs; the rest is not paid out.",
    ),
    "fraction zero": (
        lambda **more: priced({"fraction": Fraction.ZERO} | LOST, START, **more),
        "Nothing is due today. The new price of $12.00 counts from the renewal on December 1, 2026.",
    ),
    "fewer units without credit": (
        lambda **more: priced(DAYS | LOST, Target("basic", "monthly", 1), quantity=3, **more),
        "Nothing is due today. The new price of $5.00 counts from the renewal on December 1, 2026.",
    ),
    "whole prices, cheaper, and nothing is left": (
        lambda **more: priced({"fraction": Fraction.WHOLE}, BASIC, plan="start", billed=0, **more),
        "Nothing is due today because the new plan costs less than the old one.",
    ),
    "a discount of the old one makes them equal": (
        lambda **more: priced(
            DAYS, START, plan="business", discount=percent_off("60").model_copy(update={"plans": ("business",)}), **more
        ),
        "Nothing is due today because both plans cost the same for the rest of the period.",
    ),
    "a discount of the new one makes them equal": (
        lambda **more: priced(
            DAYS,
            Target("business", "monthly"),
            plan="start",
            discount=percent_off("60").model_copy(update={"plans": ("business",)}),
            **more,
        ),
        "Nothing is due today because both plans cost the same for the rest of the period.",
    ),
    "a plan of one price, for a new period": (
        lambda **more: priced(DAYS | {"anchor": "reset"}, START, unit_price=Money(1200, "USD"), billed=2400, **more),
        "Nothing is due today because the credit for unused time is exactly what the change costs, $12.00.",
    ),
    "a year of one price with a month": (
        lambda **more: priced(
            DAYS | {"anchor": "keep_end"},
            Target("start", "annual"),
            unit_price=Money(12000, "USD"),
            billed=1000,
            **more,
        ),
        "Nothing is due today because the credit for unused time is exactly what the change costs, $5.00.",
    ),
    "a fee of what comes back, and the plan is free": (
        lambda **more: priced(
            DAYS, BASIC, plan="start", catalog=with_fee(free(load("dns"), "basic"), "basic", 600), **more
        ),
        "Nothing is due today because the credit for unused time is exactly what the change costs, $6.00.",
    ),
    "whole prices, cheaper, and a fee of the difference": (
        lambda **more: priced(
            {"fraction": Fraction.WHOLE}, BASIC, plan="start", catalog=with_fee(load("dns"), "basic", 700), **more
        ),
        "Nothing is due today because the credit for unused time is exactly what the change costs, $12.00.",
    ),
    "a difference that is rounded once": (
        # 1.6667 comes back and 1.6633 is charged, 1.67 and 1.66: the difference of 0.0033 is nothing
        lambda **more: priced(
            DAYS | {"place": "net"},
            START,
            moment=at("2026-11-21", TOKYO),
            catalog=free(load("dns"), "start", price=499),
            **more,
        ),
        "Nothing is due today because the credit for unused time is exactly what the change costs, $1.67.",
    ),
    "the old plan's day, though nothing was billed for it": (
        lambda **more: priced(DAYS | {"change_day": "old"}, START, moment=LAST_DAY, billed=0, **more),
        "Nothing is due today because no whole day of the running period is left.",
    ),
    "paid from credit": (
        lambda **more: priced(DAYS, START, held=Money(9900, "USD"), **more),
        "Nothing is due today: the total of $3.50 is paid from your account credit.",
    ),
}


@pytest.mark.parametrize("way", ZEROS)
def test_the_reason_for_a_zero_is_the_real_one(way: str) -> None:
    make, reason = ZEROS[way]
    quote = make()
    assert quote.total_due_today.amount == 0
    assert quote.notes[0] == reason
    assert sum(note.startswith("Nothing is due") for note in quote.notes) == 1


# What the renewal is about where it moves or the cycle changes: when, for how much, and why.
RENEWALS: dict[str, tuple[Callable[..., Quote], str]] = {
    "a new period": (
        lambda **more: priced(DAYS | {"anchor": "reset"}, START, **more),
        "A new billing period starts today; the next renewal is on December 16, 2026.",
    ),
    "a fixed day": (
        lambda **more: priced(DAYS | {"anchor": "realign", "realign_day": 10}, START, **more),
        "The period is now the one that began on November 10, 2026; the next renewal is on December 10, 2026, "
        "for $12.00.",
    ),
    "annual to monthly": (
        lambda **more: priced(DAYS, START, plan="start", cycle="annual", period=("2026-07-01", "2027-07-01"), **more),
        "The new billing cycle is counted from November 1, 2026; the next renewal is on December 1, 2026, for $12.00.",
    ),
    "the renewal stays": (
        lambda **more: priced(DAYS | {"anchor": "keep_end"}, Target("start", "annual"), **more),
        "The renewal on December 1, 2026 stays, so the price is scaled to the running period; $120.00 is due then.",
    ),
}


@pytest.mark.parametrize("way", RENEWALS)
def test_what_is_due_next_and_why(way: str) -> None:
    make, reason = RENEWALS[way]
    quote = make()
    assert reason in quote.notes
    assert (f"{quote.next_renewal.amount.major()}" in reason) or way == "a new period"


REFUND: dict[str, Any] = DAYS | {"credit_becomes": "refund"}


def in_review(**more: Any) -> Quote:
    catalog = load("dns")
    asked = catalog.rules[-1].model_copy(update={"cycle": None, "outcome": Outcome.MANUAL_REVIEW})
    return priced(None, START, catalog=catalog.model_copy(update={"rules": (asked,)}), **more)


# Where the money of the change comes from or goes to, and why there is no more of it.
NOTES: dict[str, tuple[Callable[..., Quote], str]] = {
    "paid in part from credit": (
        lambda **more: priced(DAYS, START, held=Money(100, "USD"), **more),
        "$1.00 of the total of $3.50 is paid from your account credit.",
    ),
    "credit": (
        lambda **more: priced(DAYS, BASIC, plan="start", **more),
        "Unused time is worth $3.50 more than the new plan costs today; this becomes account credit.",
    ),
    "paid back": (
        lambda **more: priced(REFUND, BASIC, plan="start", **more),
        "Unused time is worth $3.50 more than the new plan costs today; this is paid back to you.",
    ),
    "paid back in part": (
        lambda **more: priced(REFUND, BASIC, plan="start", refundable=Money(100, "USD"), **more),
        "The unused time exceeds the new plan by $3.50; $1.00 is paid back, the rest is credit.",
    ),
    "nothing was billed that could be given back": (
        lambda **more: priced(DAYS, START, billed=0, **more),
        "No credit is given for the running period because nothing is left of what was billed for it.",
    ),
    "no credit": (
        lambda **more: priced(DAYS | LOST, START, **more),
        "No credit is given for the rest of the period on the old plan.",
    ),
    "whole prices": (
        lambda **more: priced({"fraction": Fraction.WHOLE}, START, **more),
        "You pay the full difference between the prices, whenever you change; the renewal on December 1, 2026 stays.",
    ),
    "whole prices, by a cent": (
        lambda **more: priced(
            {"fraction": Fraction.WHOLE}, START, catalog=free(load("dns"), "start", price=501), **more
        ),
        "You pay the full difference between the prices, whenever you change; the renewal on December 1, 2026 stays.",
    ),
    "exempt": (
        lambda **more: priced(DAYS, START, buyer=Buyer("JP", tax_exempt=True), **more),
        "No tax is charged because the customer is exempt.",
    ),
    "review": (in_review, "This is the price if the provider's staff approve the request."),
}


@pytest.mark.parametrize("way", NOTES)
def test_where_the_money_goes_is_said(way: str) -> None:
    make, sentence = NOTES[way]
    assert sentence in make().notes


@pytest.mark.parametrize("way", ["nothing was billed that could be given back", "no credit", "whole prices"])
def test_what_is_said_of_credit_and_whole_prices_is_said_where_it_is_so(way: str) -> None:
    """A new plan that gives credit, a free plan that had nothing to give back, a cheaper one: not of these."""
    _, sentence = NOTES[way]
    free_before = priced(DAYS, START, billed=0, catalog=free(load("dns"), "basic"))
    whole: dict[str, Any] = {"fraction": Fraction.WHOLE}
    cheaper = [priced(whole, BASIC, plan="start", billed=billed) for billed in (0, 1200)]
    lost = priced(whole | {"credit_becomes": NOTHING}, START)
    for quote in (priced(DAYS, START), free_before, lost, priced({"fraction": Fraction.ZERO} | LOST, START)):
        assert sentence not in quote.notes
    if way == "whole prices":
        assert not any(sentence in quote.notes for quote in cheaper)


def test_nothing_is_left_only_where_nothing_is_left_of_any_bill() -> None:
    """A seat that cost nothing beside one of 5.00."""
    catalog = with_rule(load("dns"), Proration(**DAYS))
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", quantity=2)
    [item] = old.items
    one = replace(item, units=1, units_left=1, net=500, net_left=500)
    seats = replace(old, items=(one, replace(one, id="itm_1", net=0, net_left=0)))
    quote = price_change(catalog, seats, Buyer("US"), START, NOW, Money(0, "USD"))
    assert NOTES["nothing was billed that could be given back"][1] not in quote.notes


def test_a_change_that_bills_nothing_moves_no_renewal() -> None:
    """Nothing now, to another cycle: what runs goes on, and no other renewal is spoken of."""
    quote = priced({"fraction": Fraction.ZERO} | LOST, Target("start", "annual"))
    assert quote.notes == (
        "Nothing is due today. The new price of $120.00 counts from the renewal on December 1, 2026.",
    )


@pytest.mark.parametrize(
    ("axes", "moment", "dates", "arithmetic"),
    [
        (DAYS, NOW, "November 16, 2026 – November 30, 2026", "15 of 30 days at $12.00 = $6.00"),
        (
            DAYS | {"change_day": "old"},
            NOW,
            "November 17, 2026 – November 30, 2026",
            "14 of 30 days at $12.00 = $5.60",
        ),
        (DAYS | {"change_day": "old"}, LAST_DAY, "no whole day", "0 of 30 days at $12.00 = $0.00"),
        (
            {"fraction": Fraction.FIXED_30},
            NOW,
            "November 16, 2026 – November 30, 2026",
            "15 of 30 days at $12.00 = $6.00, not by the calendar: a month counts 30 days",
        ),
        (DAYS | {"place": "day_rate"}, LAST_DAY, "November 30, 2026 – November 30, 2026", "1 day at $0.40 a day"),
    ],
)
def test_dates_and_days_of_a_line_agree(axes: dict[str, Any], moment: Any, dates: str, arithmetic: str) -> None:
    line = next(line for line in priced(axes, START, moment=moment).lines if line.kind == "charge")
    assert line.description.endswith(dates)
    assert line.arithmetic.startswith(arithmetic)


@pytest.mark.parametrize(
    ("locale", "discount", "tax"),
    [
        ("en", "12.5%", "10% of"),
        ("es", "12,5\xa0%", "10\xa0% de"),
        ("ja", "12.5%", "10% = "),
        ("hi", "12.5%", "10% = "),
    ],
)
def test_a_percentage_is_written_as_the_language_writes_it(locale: str, discount: str, tax: str) -> None:
    quote = priced(DAYS, START, discount=percent_off("12.50"), buyer=Buyer("JP"), locale=locale)
    assert any(discount in line.arithmetic for line in quote.lines)
    assert tax in quote.lines[-1].arithmetic


def test_one_day_is_no_days() -> None:
    assert [plural_key(locale, "day_rate", 1) for locale in ("en", "es-AR", "ja", "hi", "fr")] == [
        "day_rate_one", "day_rate_one", "day_rate", "day_rate_one", "day_rate_one",
    ]  # fmt: skip
    assert plural_key("en", "day_rate", 2) == plural_key("es", "day_rate", 0) == "day_rate"


# Names of plans, currencies and taxes are the provider's, and what CLDR writes.
OWN = re.compile(r"Basic|Start|Business|US|\$|JCT|GST|VAT|IVA|×")
ENGLISH = frozenset(word for text in EN.values() for word in re.findall(r"[A-Za-z]{3,}", re.sub(r"\{\w+\}", "", text)))


@pytest.mark.parametrize(("locale", "way"), list(product(("es", "ja", "hi"), [*ZEROS, *RENEWALS, *NOTES])))
def test_no_english_is_in_another_language(locale: str, way: str) -> None:
    make, _ = (ZEROS | RENEWALS | NOTES)[way]
    quote = make(locale=locale)
    lines = (*quote.lines, *quote.renewal_lines)
    said = [*quote.notes, *(line.description for line in lines), *(line.arithmetic for line in lines)]
    assert said
    for text in said:
        words = set(re.findall(r"[A-Za-z]{3,}", OWN.sub("", text)))
        english = words & ENGLISH if locale == "es" else words
        assert not english - {"total", "plan"}, text
