"""Tax on the difference: included or added, by country and product, reverse charge, rounding."""

import pytest

from domain.catalog import Catalog, TaxPolicy, TaxRate
from domain.money import Money, Rounding
from domain.pricing.priced import price
from domain.pricing.quote import price_change
from domain.pricing.terms import Buyer, Target
from domain.tax import (
    UNTAXED,
    TaxableLine,
    Taxation,
    TaxFigure,
    percent_ratio,
    tax_on,
    taxation_of,
    treatment,
    valid_vat_id,
    with_tax,
)
from tests.domain.making import at, service

RATES = (
    TaxRate(code="es-21", percent="21", country="ES", label={"en": "VAT"}),
    TaxRate(code="fr-5", percent="5.5", country="FR", product="books", label={"en": "VAT"}),
    TaxRate(code="fr-20", percent="20", country="FR", label={"en": "VAT"}),
    TaxRate(code="any-1", percent="1", product="stamp", label={"en": "Stamp duty"}),
)


def taxed(dns: Catalog, **policy: object) -> Catalog:
    return dns.model_copy(
        update={
            "tax": TaxPolicy(rates=RATES, reverse_charge=("FR", "DE", "GR", "ES"), **policy),
            "seller": dns.seller.model_copy(update={"country": "ES"}),
        }
    )


def figures_of(catalog: Catalog, buyer: Buyer, amounts: list[tuple[str, int]]) -> tuple[TaxFigure, ...]:
    lines = [TaxableLine(amount, taxation_of(catalog, buyer, product)) for product, amount in amounts]
    figures, parts = tax_on(catalog.tax, lines)
    assert sum(parts) == sum(figure.included or figure.amount for figure in figures)
    return figures


@pytest.mark.parametrize(("percent", "ratio"), [("10", (10, 100)), ("8.25", (825, 10000)), ("0", (0, 100))])
def test_percentages_are_exact(percent: str, ratio: tuple[int, int]) -> None:
    assert percent_ratio(percent) == ratio


@pytest.mark.parametrize(
    ("buyer", "amounts", "expected"),
    [
        (Buyer("ES"), [("p", 1000)], [("es-21", 1000, 210, 0)]),
        # a credit and a charge of one rate are one base; a negative base gives tax back
        (Buyer("ES"), [("p", -250), ("p", 600)], [("es-21", 350, 74, 0)]),
        (Buyer("ES"), [("p", -600), ("p", 250)], [("es-21", -350, -74, 0)]),
        # two rates at once, each with its own base: the credit of the old product at the old rate
        (Buyer("FR"), [("books", -1000), ("p", 2000)], [("fr-5", -1000, -55, 0), ("fr-20", 2000, 400, 0)]),
        (Buyer("US"), [("p", 1000)], []),
        (Buyer("US"), [("p", 1000), ("stamp", 1000)], [("any-1", 1000, 10, 0)]),
        (Buyer("ES", tax_exempt=True), [("p", 1000)], []),
        (Buyer("FR", "FR83404833048"), [("p", 1000)], []),
        (Buyer("FR", "404833048"), [("p", 1000)], [("fr-20", 1000, 200, 0)]),
        (Buyer("FR", "FR00000000000"), [("p", 1000)], [("fr-20", 1000, 200, 0)]),
        (Buyer("FR", "DE136695976"), [("p", 1000)], [("fr-20", 1000, 200, 0)]),
        # at home the seller charges the tax, whatever the id
        (Buyer("ES", "ESB58378431"), [("p", 1000)], [("es-21", 1000, 210, 0)]),
        (Buyer("ES"), [], []),
    ],
)
def test_added_to_prices(
    dns: Catalog, buyer: Buyer, amounts: list[tuple[str, int]], expected: list[tuple[str, int, int, int]]
) -> None:
    figures = figures_of(taxed(dns), buyer, amounts)
    assert [(figure.rate.code, figure.base, figure.amount, figure.included) for figure in figures] == expected


@pytest.mark.parametrize(
    ("buyer", "amounts", "expected"),
    [
        # 12.10 holds 2.10; 3.50 holds 0.607 -> 0.61
        (Buyer("ES"), [("p", 1210)], [("es-21", 1000, 210, 210)]),
        (Buyer("ES"), [("p", -250), ("p", 600)], [("es-21", 289, 61, 61)]),
        # who owes no tax gets it taken out of the price
        (Buyer("ES", tax_exempt=True), [("p", 1210)], [("es-21", 1000, 0, 210)]),
        (Buyer("FR", "FR83404833048"), [("p", 1200)], [("fr-20", 1000, 0, 200)]),
    ],
)
def test_included_in_prices(
    dns: Catalog, buyer: Buyer, amounts: list[tuple[str, int]], expected: list[tuple[str, int, int, int]]
) -> None:
    figures = figures_of(taxed(dns, prices="inclusive"), buyer, amounts)
    assert [(figure.rate.code, figure.base, figure.amount, figure.included) for figure in figures] == expected


def test_rounding_per_line_or_per_invoice(dns: Catalog) -> None:
    # 21% of 1.05 is 0.2205; three lines: 3 x 0.22, or 0.6615 -> 0.66; of 0.12: 3 x 0.03, or 0.0756 -> 0.08
    amounts = [("p", 12)] * 3
    assert figures_of(taxed(dns, place="line"), Buyer("ES"), amounts)[0].amount == 9
    assert figures_of(taxed(dns, place="invoice"), Buyer("ES"), amounts)[0].amount == 8
    assert figures_of(taxed(dns, place="line", prices="inclusive"), Buyer("ES"), amounts)[0].amount == 6
    assert figures_of(taxed(dns, rounding=Rounding.DOWN), Buyer("ES"), amounts)[0].amount == 7


@pytest.mark.parametrize(
    ("tax_id", "country", "valid"),
    [
        ("FR83404833048", "FR", True),
        ("fr 83 404 833 048", "FR", True),
        ("83404833048", "FR", True),
        ("FR84404833048", "FR", False),
        ("DE136695976", "DE", True),
        ("DE136695976", "FR", False),
        ("EL094259216", "GR", True),
        ("094259216", "GR", True),
        ("", "FR", False),
        ("☃", "FR", False),
    ],
)
def test_check_digits_of_tax_ids(tax_id: str, country: str, valid: bool) -> None:
    assert valid_vat_id(tax_id, country) is valid


@pytest.mark.parametrize(
    ("buyer", "expected"),
    [
        (Buyer("FR"), "taxed"),
        (Buyer("FR", "FR83404833048"), "reverse_charge"),
        (Buyer("US", "FR83404833048"), "taxed"),
        (Buyer("FR", "FR83404833048", tax_exempt=True), "exempt"),
        (Buyer("ES", "ESB58378431"), "taxed"),
    ],
)
def test_treatment(dns: Catalog, buyer: Buyer, expected: str) -> None:
    assert treatment(taxed(dns), buyer) == expected


NOW, UPGRADE, ZERO = at("2026-11-16", "Asia/Tokyo"), Target("start", "monthly"), Money(0, "USD")


@pytest.mark.parametrize(
    ("buyer", "prices", "kinds", "net", "tax", "total"),
    [
        (Buyer("ES"), "exclusive", ["credit", "charge", "tax"], 350, 74, 424),
        (Buyer("ES"), "inclusive", ["credit", "charge", "included_tax", "tax"], 289, 61, 350),
        (Buyer("FR", "FR83404833048"), "exclusive", ["credit", "charge"], 350, 0, 350),
        # sold at 5.00 less the tax in it, 4.17: half is 2.085 -> 2.09; 6.00 less 1.00
        (Buyer("FR", "FR83404833048"), "inclusive", ["credit", "charge", "included_tax"], 291, 0, 291),
        (Buyer("US"), "inclusive", ["credit", "charge"], 350, 0, 350),
    ],
)
def test_a_quote_adds_up_whatever_the_tax(
    dns: Catalog, buyer: Buyer, prices: str, kinds: list[str], net: int, tax: int, total: int
) -> None:
    catalog = taxed(dns, prices=prices)
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=buyer)
    quote = price_change(catalog, old, buyer, UPGRADE, NOW, ZERO)
    assert [line.kind for line in quote.lines] == kinds
    assert (quote.net.amount, quote.tax.amount, quote.total.amount) == (net, tax, total)
    assert sum(line.amount.amount for line in quote.lines) == total
    assert all((line.percent is None) is (line.code is None) for line in quote.lines)
    named = {line.kind for line in quote.lines if line.code is not None}
    assert named == (set(kinds) if tax else set())


def test_a_negative_total_gives_tax_back(dns: Catalog) -> None:
    # 25.21 of a year back, 12.00 to pay: -13.21 and its 21%
    old = service(taxed(dns), "basic", "annual", "2026-01-01", "2027-01-01", buyer=Buyer("ES"))
    priced = price(taxed(dns), old, Buyer("ES"), UPGRADE, at("2026-07-01", "Asia/Tokyo"), ZERO)
    assert (priced.total, priced.credit_created) == (-1598, 1598)


def test_old_and_new_terms_are_taxed_as_their_own_products(dns: Catalog) -> None:
    plans = tuple(plan.model_copy(update={"product": "books"}) if plan.id == "basic" else plan for plan in dns.plans)
    catalog = taxed(dns).model_copy(update={"plans": plans})
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01", buyer=Buyer("FR"))
    quote = price_change(catalog, old, Buyer("FR"), UPGRADE, NOW, ZERO)
    assert [(line.code, line.amount.amount) for line in quote.lines if line.kind == "tax"] == [
        ("fr-5", -14),
        ("fr-20", 120),
    ]


def test_two_rates_with_one_code_are_two(dns: Catalog) -> None:
    # 10.00 at 10% and 10.00 at 43% are 25.30 with tax; merged at the first rate they were 22.00
    policy = taxed(dns).tax
    ten, thirty = (
        Taxation(TaxRate(code="vat", percent=percent, label={"en": "VAT"}), included=False) for percent in ("10", "43")
    )
    figures, parts = tax_on(policy, [TaxableLine(1000, ten), TaxableLine(1000, thirty), TaxableLine(500, UNTAXED)])
    assert [(figure.rate.percent, figure.base, figure.amount) for figure in figures] == [
        ("10", 1000, 100),
        ("43", 1000, 430),
    ]
    assert parts == [100, 430, 0]


def test_the_last_of_an_item_takes_the_rest_of_its_tax(dns: Catalog) -> None:
    # 10% of 15 is 1.5 -> 2; 10% of 5 is 0.5 -> 1, three times that would be 3
    rate = Taxation(TaxRate(code="vat", percent="10", label={"en": "VAT"}))
    net, tax, given = 15, 2, []
    for _ in range(3):
        figures, (part,) = tax_on(taxed(dns).tax, [TaxableLine(-5, rate, (net, tax))])
        assert sum(figure.amount for figure in figures) == part
        net, tax = net - 5, tax + part
        given.append(-part)
    assert (given, net, tax) == ([1, 1, 0], 0, 0)


def test_tax_is_rounded_once_and_shared_out_by_largest_remainder(dns: Catalog) -> None:
    # 10% of 14, 14 and 17 is 4.5 -> 5: 1.4, 1.4 and 1.7 are 1, 1 and 2, and the one that lacks goes to the first 1.4
    rate = Taxation(TaxRate(code="vat", percent="10", label={"en": "VAT"}))
    figures, parts = tax_on(taxed(dns).tax, [TaxableLine(amount, rate) for amount in (14, 14, 17)])
    assert (figures[0].amount, parts) == (5, [2, 1, 2])


def test_a_charge_takes_what_an_old_rounding_left(dns: Catalog) -> None:
    # 245 was taxed with 25 (24.5); all of it goes back beside a charge of 583: 10% of 338 is 33.8 -> 34 = 59 - 25
    rate = Taxation(TaxRate(code="vat", percent="10", label={"en": "VAT"}))
    figures, parts = tax_on(taxed(dns).tax, [TaxableLine(-245, rate, (245, 25)), TaxableLine(583, rate)])
    assert (figures[0].amount, parts) == (34, [-25, 59])


@pytest.mark.parametrize(
    ("prices", "buyer", "paid"),
    [
        ("exclusive", Buyer("ES"), 1_210),  # 1,000 and 21 %
        ("exclusive", Buyer("ES", tax_exempt=True), 1_000),
        ("exclusive", Buyer("US"), 1_000),
        ("inclusive", Buyer("ES"), 1_000),  # holds 174
        ("inclusive", Buyer("ES", tax_exempt=True), 826),  # 1,000 less 1,000 × 21/121
    ],
)
def test_what_a_buyer_pays_for_a_price(dns: Catalog, prices: str, buyer: Buyer, paid: int) -> None:
    catalog = dns.model_copy(update={"tax": TaxPolicy(prices=prices, rates=RATES)})
    assert with_tax(catalog, buyer, "dns", Money(1_000, "USD")) == Money(paid, "USD")


def test_no_credit_gives_back_more_tax_than_is_left(dns: Catalog) -> None:
    # 10% of 194 is 19.4 -> 19: -0.6 would be -1, but of this item no tax is left; nor more than 1 of the other one.
    # What is cut goes to the first charge, once.
    rate = Taxation(TaxRate(code="vat", percent="10", label={"en": "VAT"}))
    for taken, left, expected in ((-6, (10, 0), [0, 9, 10]), (-24, (30, 1), [-1, 9, 10])):
        charges = [TaxableLine(100, rate), TaxableLine(100, rate)]
        figures, parts = tax_on(taxed(dns).tax, [TaxableLine(taken, rate, left), *charges])
        assert (figures[0].amount, parts) == (sum(expected), expected)


TEN = TaxRate(code="vat", percent="10", label={"en": "VAT"})


@pytest.mark.parametrize(
    ("included", "lines", "expected"),
    [
        # 10% of 191 is 19, and 20 take nothing back: of 10.7 and 10.4 the one with less behind its point goes down
        (False, [(-20, (20, 0)), (107, None), (104, None)], [0, 10, 9]),
        # 10% of 190 is 19; with 4 or 5 back that is 23 or 24 for two charges of 10 each
        (False, [(-10, (10, 4)), (100, None), (100, None)], [-4, 12, 11]),
        (False, [(-10, (10, 5)), (100, None), (100, None)], [-5, 12, 12]),
        # 10% of 170 is 17, three less than 10 and 10
        (False, [(-30, (30, 0)), (100, None), (100, None)], [0, 9, 8]),
        # nothing is left to go back: charges have no tax rather than less than none
        (False, [(-30, (30, 0)), (1, None), (1, None)], [0, 0, 0]),
        (False, [(-30, (30, 0)), (0, None), (100, None)], [0, 0, 7]),
        # the last of an item without tax, and a charge of 10.0
        (False, [(-10, (10, 0)), (100, None)], [0, 9]),
        # 0.4 is nothing, in a price, too
        (False, [(-4, (30, 3))], [0]),
        (True, [(-1, (10, 1))], [0]),
        # -10 + 0 - 1 + 1 come to -1, with 5 back that is 4 for the last two; a credit takes nothing, nor one of nothing
        (False, [(0, (10, 1)), (-10, (10, 5)), (-1, (5, 1)), (1, None)], [0, -5, 0, 4]),
        (True, [(-15, (10, 5)), (-1, (9, 1)), (1, None)], [-5, 0, 4]),
        (True, [(-15, (10, 5)), (100, None), (100, None)], [-5, 11, 11]),
        # 14 of which no more than 10 can be net give back 4, not 1.3; 86 hold 8 in all
        (True, [(-14, (10, 5)), (100, None)], [-4, 12]),
        # what was added or waived has neither bound
        (False, [(100, None), (-50, None)], [10, -5]),
    ],
)
def test_each_lines_part_of_the_tax(
    dns: Catalog, included: bool, lines: list[tuple[int, tuple[int, int] | None]], expected: list[int]
) -> None:
    taxation = Taxation(TEN, included)
    _, parts = tax_on(dns.tax, [TaxableLine(amount, taxation, left) for amount, left in lines])
    assert parts == expected


@pytest.mark.parametrize(
    ("policy", "percent", "taxation", "lines", "expected"),
    [
        # a rate of nothing is told
        ({}, "0", {}, [(1000, None)], (1000, 0, 0)),
        # 24.5 is 24 on a line of its own, and 25 go back
        ({"place": "line", "rounding": Rounding.DOWN}, "10", {}, [(-245, (245, 25)), (245, None)], (0, -1, 0)),
        # a cent holds a cent of tax, which an exempt buyer gets taken off
        ({"rounding": Rounding.UP}, "21", {"included": True, "owed": False}, [(1, None)], (0, 0, 1)),
        ({"rounding": Rounding.UP}, "21", {"included": True}, [(1, None)], (0, 1, 1)),
        ({}, "10", {}, [(-5, None), (5, None)], None),
    ],
)
def test_a_figure_is_left_out_only_where_all_of_it_is_nothing(
    policy: dict[str, object],
    percent: str,
    taxation: dict[str, bool],
    lines: list[tuple[int, tuple[int, int] | None]],
    expected: tuple[int, int, int] | None,
) -> None:
    how = Taxation(TEN.model_copy(update={"percent": percent}), **taxation)
    figures, _ = tax_on(TaxPolicy(**policy), [TaxableLine(amount, how, left) for amount, left in lines])
    assert [figure[1:] for figure in figures] == ([expected] if expected else [])


def test_reverse_charge_is_for_the_countries_that_the_catalogue_names(dns: Catalog) -> None:
    tax = dns.tax.model_copy(update={"reverse_charge": ("FR",)})
    catalog = dns.model_copy(update={"tax": tax})
    assert treatment(catalog, Buyer("DE", tax_id="DE136695976")) == "taxed"
    german = catalog.model_copy(update={"tax": tax.model_copy(update={"reverse_charge": ("DE",)})})
    assert treatment(german, Buyer("DE", tax_id="DE136695976")) == "reverse_charge"
