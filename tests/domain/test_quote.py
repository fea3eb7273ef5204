"""Quotes: what is promised, said, stored and verified."""

import json
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from domain.catalog import Catalog, MinimumCharge, digest_of
from domain.catalog_file import NAMED_PRORATIONS
from domain.money import Money
from domain.pricing.explain import money_text
from domain.pricing.modes import Anchor, CreditBecomes, Fraction, Proration, RoundingPlace
from domain.pricing.quote import price_change
from domain.pricing.quote_values import Quote
from domain.pricing.terms import Buyer, Target
from domain.pricing.verify import NotRecomputable, verify_quote
from domain.words import language_of, sentence
from tests.domain.making import at, percent_off, service, with_rule

TOKYO, ZERO, UPGRADE = "Asia/Tokyo", Money(0, "USD"), Target("start", "monthly")
NOW = at("2026-11-16T10:00", TOKYO)
LOST: dict[str, Any] = {"credit": False, "credit_becomes": CreditBecomes.NOTHING}


def quoted(catalog: Catalog, target: Target = UPGRADE, buyer: Buyer | None = None, **changes: Any) -> Quote:
    held = changes.pop("held", ZERO)
    moment = changes.pop("moment", NOW)
    plan, cycle = changes.pop("plan", "basic"), changes.pop("cycle", "monthly")
    old = service(catalog, plan, cycle, "2026-11-01", "2026-12-01", **changes)
    return price_change(catalog, old, buyer or Buyer("US"), target, moment, held)


def test_what_a_quote_promises(dns: Catalog) -> None:
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=Buyer("JP"))
    quote = price_change(dns, old, Buyer("JP"), UPGRADE, NOW, Money(85, "USD"))
    assert (quote.kind, quote.timing, quote.effective, quote.currency) == ("upgrade", "now", "now", "USD")
    assert (quote.from_.plan, quote.from_.price, quote.to.plan_name) == ("basic", Money(500, "USD"), "Start")
    assert (quote.net, quote.tax, quote.total) == (Money(350, "USD"), Money(35, "USD"), Money(385, "USD"))
    assert (quote.credit_applied, quote.total_due_today) == (Money(85, "USD"), Money(300, "USD"))
    assert (quote.effective_at, quote.expires_at) == (NOW, NOW + timedelta(minutes=30))
    assert (quote.next_renewal.at, quote.next_renewal.amount) == (at("2026-12-01", TOKYO), Money(1320, "USD"))
    assert (quote.catalog_digest, quote.rule) == (dns.digest, 2)
    assert quote.to.limits == {"zones": 10, "records": 1000}
    assert [(line.share and line.share.as_json()) for line in quote.lines] == [
        {"part": 15, "whole": 30, "unit": "day"},
        {"part": 15, "whole": 30, "unit": "day"},
        None,
    ]
    assert quote.lines[2].base == Money(350, "USD")


def test_what_a_quote_says_of_the_service_after_it(dns: Catalog) -> None:
    quote = quoted(dns, Target("start", "annual", 2), Buyer("JP", tax_exempt=True))
    assert (quote.quantity, quote.to.quantity, quote.to.unit_price) == (2, 2, Money(12000, "USD"))
    assert (quote.new_anchor_day, quote.tax_treatment) == (16, "exempt")
    (opened,) = quote.opened
    assert (opened.item.net, opened.item.tax, opened.item.units, opened.line) == (24000, 0, 2, 1)
    assert opened.item.covers == opened.item.of_period == quote.new_period
    (taken,) = quote.taken
    assert (taken.item, taken.net, taken.units, taken.line, taken.from_at) == ("itm_0", 250, 1, 0, NOW)
    assert (quote.proration["fraction"], quote.proration["anchor"]) == ("days", "reset")
    assert json.loads(json.dumps(quote.proration)) == quote.proration
    assert len(quote.digest) == 64


def test_inputs_hold_only_what_a_recomputation_needs(dns: Catalog) -> None:
    inputs = quoted(dns).inputs
    assert [plan["id"] for plan in inputs["catalog"]["plans"]] == ["basic", "start"]
    assert inputs["catalog_digest"] == dns.digest
    assert inputs["service"]["refundable"] is None


def test_an_approved_quote_verifies_as_approved(hosting: Catalog) -> None:
    old = service(hosting, "radio-100", "monthly", "2026-11-01", "2026-12-01")
    quote = price_change(hosting, old, Buyer("AR"), Target("vps-1", "monthly"), NOW, ZERO, override=True)
    assert quote.timing == "now"
    assert verify_quote(quote.as_json()) == []


def test_a_promise_ends_with_the_period(dns: Catalog) -> None:
    moment = at("2026-11-30T23:50", TOKYO)
    assert quoted(dns, moment=moment).expires_at == at("2026-12-01", TOKYO)


def test_a_scheduled_change_is_described_with_its_date(dns: Catalog) -> None:
    quote = quoted(dns, Target("basic", "monthly"), Buyer("JP"), plan="business", held=Money(900, "USD"))
    assert (quote.kind, quote.effective, quote.lines, quote.proration) == ("downgrade", "at_renewal", (), {})
    assert (quote.effective_at, quote.next_renewal.at) == (at("2026-12-01", TOKYO), at("2026-12-01", TOKYO))
    assert (quote.total_due_today, quote.credit_applied, quote.next_renewal.amount.amount) == (ZERO, ZERO, 550)
    assert quote.new_period.end == at("2027-01-01", TOKYO)
    assert quote.notes == (
        "Nothing is due today. The change takes effect on December 1, 2026; $5.50 is due for the period from then.",
    )


ARITHMETIC = [
    ("en", "15 of 31 days at $150.00 = $72.58"),
    ("es", "15 de 31 días a 150,00 US$ = 72,58 US$"),
    ("ja", "$150.00 の 31日中15日分 = $72.58"),
    ("hi", "$150.00 पर 31 में से 15 दिन = $72.58"),
    ("fr", "15 of 31 days at"),
    ("xx-bad-locale", "15 of 31 days at $150.00 = $72.58"),
]


@pytest.mark.parametrize(("locale", "said"), ARITHMETIC)
def test_each_line_carries_its_arithmetic(dns: Catalog, locale: str, said: str) -> None:
    catalog = with_rule(dns, NAMED_PRORATIONS["by_day"])
    old = service(dns, "start", "monthly", "2026-01-01", "2026-02-01", unit_price=Money(15000, "USD"))
    quote = price_change(
        catalog, old, Buyer("US", locale=locale), Target("basic", "monthly"), at("2026-01-17", TOKYO), ZERO
    )
    assert quote.lines[0].arithmetic.replace("\xa0", " ").startswith(said)


@pytest.mark.parametrize(
    ("axes", "changes", "said"),
    [
        ({"fraction": "seconds"}, {}, "1,260,000 of 2,592,000 seconds at $12.00 = $5.83"),
        ({"fraction": "whole"}, {}, "full price = $12.00"),
        ({"fraction": "days", "place": "day_rate"}, {}, "15 days at $0.40 a day = $6.00"),
        ({"fraction": "days"}, {"quantity": 3}, "3 × $12.00 = $36.00; 15 of 30 days at $36.00 = $18.00"),
        (
            {"fraction": "days"},
            {"discount": percent_off("25")},
            "$12.00 less 25% = $9.00; 15 of 30 days at $9.00 = $4.50",
        ),
        (
            {"fraction": "days"},
            {"discount": percent_off("1").model_copy(update={"percent": None, "amounts": {"USD": 200}})},
            "$12.00 less $2.00 = $10.00; 15 of 30 days at $10.00 = $5.00",
        ),
    ],
)
def test_arithmetic_of_each_mode(dns: Catalog, axes: dict[str, Any], changes: dict[str, Any], said: str) -> None:
    assert quoted(with_rule(dns, Proration(**axes)), **changes).lines[-1].arithmetic == said


def test_arithmetic_of_a_scaled_price(dns: Catalog) -> None:
    catalog = with_rule(dns, Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP_END))
    line = quoted(catalog, Target("start", "annual")).lines[-1]
    assert line.arithmetic == ("$120.00 × 1 ÷ 12 = $10.00; 15 of 30 days at $10.00 = $5.00")
    assert line.full_price == Money(1000, "USD")


def test_what_is_said_of_the_smaller_lines(dns: Catalog) -> None:
    plans = tuple(plan.model_copy(update={"setup_fees": {"USD": 999}}) for plan in dns.plans)
    by_net = with_rule(
        dns.model_copy(update={"plans": plans}),
        Proration(fraction=Fraction.DAYS, place=RoundingPlace.NET),
        minimum_charge=MinimumCharge(amounts={"USD": 5000}, when_below="raise"),
    )
    quote = quoted(by_net, moment=at("2026-11-12", TOKYO))
    said = {line.kind: (line.description, line.arithmetic) for line in quote.lines}
    # 19 of 30 days: 7.60 less 3.17, and 9.99: 14.42 of 50.00
    assert said["fee"] == ("One-time fee for Start", "$9.99")
    assert said["minimum"] == ("Added up to the smallest amount that is charged", "$35.58")
    # 11 of 30 days of 1.00 and 2.00: 0.37 and 0.73, the difference 0.3667 is a cent more
    cents = tuple(
        plan.model_copy(update={"prices": {"monthly": {"USD": 100 * number}}})
        for number, plan in enumerate(dns.plans, 1)
    )
    catalog = with_rule(
        dns.model_copy(update={"plans": cents}), Proration(fraction=Fraction.DAYS, place=RoundingPlace.NET)
    )
    rounding = quoted(catalog, moment=at("2026-11-20", TOKYO)).lines[-1]
    assert (rounding.kind, rounding.description) == ("rounding", "Rounding")
    assert rounding.arithmetic == "the difference is rounded once, not line by line: $0.01"


def test_a_credit_is_told_from_what_was_billed(dns: Catalog) -> None:
    line = quoted(dns, billed=100).lines[0]
    assert line.arithmetic == "15 of 30 days at $1.00 = $0.50"


def test_a_price_with_a_discount_is_shown_in_whole_cents(dns: Catalog) -> None:
    # 12.5% off 5.00 is 4.375, shown as 4.38; its half is 2.1875
    line = quoted(dns, discount=percent_off("12.5")).lines[0]
    assert line.arithmetic == "$5.00 less 12.5% = $4.38; 15 of 30 days at $4.38 = $2.19"
    assert line.full_price == Money(438, "USD")


def test_descriptions_name_the_days(dns: Catalog) -> None:
    quote = quoted(dns, buyer=Buyer("JP"))
    assert [line.description for line in quote.lines] == [
        "Unused time on Basic (monthly), November 16, 2026 – November 30, 2026",
        "Start (monthly), November 16, 2026 – November 30, 2026",
        "Consumption tax",
    ]
    catalog = with_rule(dns, NAMED_PRORATIONS["by_day"])
    more = quoted(catalog, Target("basic", "monthly", 3)).lines[0]
    fewer = quoted(catalog, Target("basic", "monthly", 1), quantity=3).lines[0]
    assert more.description.startswith("2 more × Basic (monthly), November 16")
    assert fewer.description.startswith("2 fewer × Basic (monthly), November 16")


@pytest.mark.parametrize(
    ("make", "note"),
    [
        # no whole day left: the last day belongs to the old plan
        (
            lambda dns: quoted(
                with_rule(dns, Proration(fraction=Fraction.DAYS, change_day="old")), moment=at("2026-11-30", TOKYO)
            ),
            "Nothing is due today because no whole day of the running period is left.",
        ),
        (
            lambda dns: quoted(with_rule(dns, Proration(fraction=Fraction.ZERO, **LOST))),
            "Nothing is due today. The new price of $12.00 counts from the renewal on December 1, 2026.",
        ),
        (
            lambda dns: quoted(dns, unit_price=Money(1200, "USD")),
            "Nothing is due today because both plans cost the same for the rest of the period.",
        ),
        (
            lambda dns: quoted(dns, held=Money(9900, "USD")),
            "Nothing is due today: the total of $3.50 is paid from your account credit.",
        ),
        (
            lambda dns: quoted(dns, held=Money(100, "USD")),
            "$1.00 of the total of $3.50 is paid from your account credit.",
        ),
        (
            lambda dns: quoted(
                with_rule(dns, NAMED_PRORATIONS["by_day"], minimum_charge=MinimumCharge(amounts={"USD": 500}))
            ),
            "Nothing is due today because $3.50 is less than the smallest amount that is collected.",
        ),
        (
            lambda dns: quoted(
                with_rule(dns, Proration(fraction=Fraction.DAYS, credit_becomes=CreditBecomes.NOTHING)),
                Target("basic", "monthly"),
                plan="start",
            ),
            "Nothing is due today. Unused time is worth more than the new plan costs; the rest is not paid out.",
        ),
        (
            lambda dns: quoted(with_rule(dns, NAMED_PRORATIONS["by_day"]), Target("basic", "monthly"), plan="start"),
            "Unused time is worth $3.50 more than the new plan costs today; this becomes account credit.",
        ),
        (
            lambda dns: quoted(
                with_rule(dns, Proration(fraction=Fraction.DAYS, credit_becomes=CreditBecomes.REFUND)),
                Target("basic", "monthly"),
                plan="start",
            ),
            "Unused time is worth $3.50 more than the new plan costs today; this is paid back to you.",
        ),
        (
            lambda dns: quoted(
                with_rule(dns, Proration(fraction=Fraction.DAYS, credit_becomes=CreditBecomes.REFUND)),
                Target("basic", "monthly"),
                plan="start",
                refundable=Money(100, "USD"),
            ),
            "The unused time exceeds the new plan by $3.50; $1.00 is paid back, the rest is credit.",
        ),
        (
            lambda dns: quoted(dns, billed=0),
            "No credit is given for the running period because nothing is left of what was billed for it.",
        ),
        (
            lambda dns: quoted(with_rule(dns, Proration(fraction=Fraction.DAYS, **LOST))),
            "No credit is given for the rest of the period on the old plan.",
        ),
        (
            lambda dns: quoted(dns, Target("start", "annual")),
            "A new billing period starts today; the next renewal is on November 16, 2027.",
        ),
        (
            lambda dns: quoted(with_rule(dns, Proration(fraction=Fraction.WHOLE))),
            "You pay the full difference between the prices, whenever you change; "
            "the renewal on December 1, 2026 stays.",
        ),
        (
            lambda dns: quoted(dns, buyer=Buyer("JP", tax_exempt=True)),
            "No tax is charged because the customer is exempt.",
        ),
    ],
)
def test_surprising_totals_explain_themselves(dns: Catalog, make: Any, note: str) -> None:
    assert note in make(dns).notes


def test_a_plain_upgrade_needs_no_note(dns: Catalog) -> None:
    assert quoted(dns).notes == ()


def test_a_quote_under_review_says_so(hosting: Catalog) -> None:
    old = service(hosting, "radio-100", "monthly", "2026-11-01", "2026-12-01")
    quote = price_change(hosting, old, Buyer("AR", locale="es"), Target("vps-1", "monthly"), NOW, ZERO)
    assert quote.timing == "manual_review"
    assert "Este es el precio si el personal del proveedor aprueba la solicitud." in quote.notes
    assert quote.lines[0].description == "Radio 100 (mensual), precio ya abonado"


VARIANTS: list[Any] = [
    lambda dns: quoted(dns, buyer=Buyer("JP", locale="ja"), held=Money(100, "USD")),
    lambda dns: quoted(dns, Target("basic", "annual", 3), discount=percent_off("12.5", "2030-01-01T00:00:00Z")),
    lambda dns: quoted(dns, Target("basic", "monthly"), plan="business", usage={"zones": 2}),
    lambda dns: quoted(
        with_rule(dns, Proration(fraction=Fraction.DAYS, place=RoundingPlace.NET)), moment=at("2026-11-12")
    ),
    lambda dns: quoted(dns, billed=100, refundable=Money(7, "USD")),
]


@pytest.mark.parametrize("make", VARIANTS)
def test_a_stored_quote_is_equal_and_verifies(dns: Catalog, make: Any) -> None:
    quote = make(dns)
    stored = json.loads(json.dumps(quote.as_json()))
    assert Quote.from_json(stored) == quote
    assert verify_quote(stored) == []
    assert set(quote.public_json()) == set(stored) - {"inputs"}


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("lines", 0, "amount", "amount"), -249, "lines.0.amount.amount: stored -249, recomputed -250"),
        (("total_due_today", "amount"), 1, "total_due_today.amount: stored 1, recomputed 350"),
        (("inputs", "service", "items", 0, "net"), 600, "lines.0.amount.amount: stored -250, recomputed -300"),
        (("inputs", "now"), "2026-11-17T00:00:00Z", "lines.0.share.part: stored 15, recomputed 14"),
        (("next_renewal", "at"), "2027-12-01T00:00:00Z", "next_renewal.at: stored"),
        (("lines",), [], "lines: stored []"),
    ],
)
def test_a_changed_quote_is_found_out(dns: Catalog, path: tuple[Any, ...], value: Any, expected: str) -> None:
    document = deepcopy(quoted(dns).as_json())
    node = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    differences = [str(difference) for difference in verify_quote(document)]
    sealed = digest_of({"inputs": document["inputs"], "result": _without_seal(document)})
    assert differences[0] == f"digest: stored {document['digest']!r}, recomputed {sealed!r}"
    assert any(difference.startswith(expected) for difference in differences[1:])


def _without_seal(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("inputs", "digest")}


def test_a_missing_part_is_a_difference(dns: Catalog) -> None:
    document = deepcopy(quoted(dns).as_json())
    document["lines"][0]["share"] = None
    differences = [str(difference) for difference in verify_quote(document)]
    assert "lines.0.share: stored None, recomputed {'part': 15, 'whole': 30, 'unit': 'day'}" in differences


def test_reworded_sentences_break_only_the_seal(dns: Catalog) -> None:
    document = deepcopy(quoted(dns).as_json())
    document["lines"][0]["arithmetic"] = "trust me"
    assert [difference.path for difference in verify_quote(document)] == ["digest"]


def test_the_digest_follows_every_input(dns: Catalog) -> None:
    digests = {quoted(dns, **changes).digest for changes in (
        {}, {"usage": {"zones": 1}}, {"held": Money(1, "USD")}, {"moment": NOW + timedelta(seconds=1)},
        {"buyer": Buyer("US", locale="es")}, {"billed": 499},
    )}  # fmt: skip
    assert len(digests) == 6


def test_languages_of_locales() -> None:
    assert [language_of(locale) for locale in ("ja-JP", "es_AR", "HI", "fr", "")] == ["ja", "es", "hi", "en", "en"]
    assert sentence("es-AR", "rounding") == "Redondeo"


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "text"),
    [
        (7258, "USD", "en", "$72.58"),
        (-250, "USD", "en", "-$2.50"),
        (500, "JPY", "ja", "￥500"),
        (1129, "KWD", "en", "KWD1.129"),
        (123456789, "INR", "hi", "₹12,34,567.89"),
        (1200, "USD", "es", "12,00 US$"),
        (12345, "HUF", "en", "HUF123.45"),
        # CLDR writes dinars of Iraq without their thousandths
        (1234, "IQD", "en", "IQD1.234"),
    ],
)
def test_money_is_written_as_the_language_does(amount: int, currency: str, locale: str, text: str) -> None:
    assert money_text(Money(amount, currency), locale).replace("\xa0", " ") == text


def test_a_day_that_costs_less_than_half_a_yen_costs_nothing(dns: Catalog) -> None:
    plans = tuple(plan.model_copy(update={"prices": {"monthly": {"JPY": 10}}}) for plan in dns.plans)
    catalog = with_rule(dns.model_copy(update={"plans": plans}), Proration(fraction=Fraction.DAYS, place="day_rate"))
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", currency="JPY")
    moment = at("2026-11-16", "Asia/Tokyo")
    quote = price_change(catalog, old, Buyer("US"), Target("start", "monthly"), moment, Money(0, "JPY"))
    assert [line.arithmetic for line in quote.lines] == ["15 days at ¥0 a day = ¥0"] * 2


def test_a_quote_from_before_billed_items_is_only_added_up(dns: Catalog) -> None:
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    moment = at("2026-11-16", "Asia/Tokyo")
    document = price_change(dns, old, Buyer("US"), Target("start", "monthly"), moment, Money(0, "USD")).as_json()
    del document["inputs"]["service"]["items"]
    stored = {key: value for key, value in document.items() if key not in ("inputs", "digest")}
    document["digest"] = digest_of({"inputs": document["inputs"], "result": stored})
    with pytest.raises(NotRecomputable) as known:
        verify_quote(document)
    assert known.value.differences == []
    document["total"] = {"amount": 1, "currency": "USD"}
    with pytest.raises(NotRecomputable) as known:
        verify_quote(document)
    assert [one.path for one in known.value.differences] == ["digest", "total"]
