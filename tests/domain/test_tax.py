"""Tax on the difference: included or added, by country and product, reverse charge, rounding."""

import pytest

from domain.catalog import Catalog, TaxPolicy, TaxRate
from domain.money import Money, Rounding
from domain.pricing.priced import price
from domain.pricing.quote import price_change
from domain.pricing.terms import Buyer, Target
from domain.tax import percent_ratio, tax_on, treatment, valid_vat_id
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
    figures = tax_on(taxed(dns), buyer, amounts)
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
    figures = tax_on(taxed(dns, prices="inclusive"), buyer, amounts)
    assert [(figure.rate.code, figure.base, figure.amount, figure.included) for figure in figures] == expected


def test_rounding_per_line_or_per_invoice(dns: Catalog) -> None:
    # 21% of 1.05 is 0.2205; three lines: 3 x 0.22, or 0.6615 -> 0.66; of 0.12: 3 x 0.03, or 0.0756 -> 0.08
    amounts = [("p", 12)] * 3
    assert tax_on(taxed(dns, place="line"), Buyer("ES"), amounts)[0].amount == 9
    assert tax_on(taxed(dns, place="invoice"), Buyer("ES"), amounts)[0].amount == 8
    assert tax_on(taxed(dns, place="line", prices="inclusive"), Buyer("ES"), amounts)[0].amount == 6
    assert tax_on(taxed(dns, rounding=Rounding.DOWN), Buyer("ES"), amounts)[0].amount == 7


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
        (Buyer("FR", "FR83404833048"), "inclusive", ["credit", "charge", "included_tax"], 292, 0, 292),
        (Buyer("US"), "inclusive", ["credit", "charge"], 350, 0, 350),
    ],
)
def test_a_quote_adds_up_whatever_the_tax(
    dns: Catalog, buyer: Buyer, prices: str, kinds: list[str], net: int, tax: int, total: int
) -> None:
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    quote = price_change(taxed(dns, prices=prices), old, buyer, UPGRADE, NOW, ZERO)
    assert [line.kind for line in quote.lines] == kinds
    assert (quote.net.amount, quote.tax.amount, quote.total.amount) == (net, tax, total)
    assert sum(line.amount.amount for line in quote.lines) == total
    assert all((line.code is not None) is (line.kind == "tax") for line in quote.lines)


def test_a_negative_total_gives_tax_back(dns: Catalog) -> None:
    # 25.21 of a year back, 12.00 to pay: -13.21 and its 21%
    old = service(dns, "basic", "annual", "2026-01-01", "2027-01-01")
    priced = price(taxed(dns), old, Buyer("ES"), UPGRADE, at("2026-07-01", "Asia/Tokyo"), ZERO)
    assert (priced.total, priced.credit_created) == (-1598, 1598)


def test_old_and_new_terms_are_taxed_as_their_own_products(dns: Catalog) -> None:
    plans = tuple(plan.model_copy(update={"product": "books"}) if plan.id == "basic" else plan for plan in dns.plans)
    catalog = taxed(dns).model_copy(update={"plans": plans})
    old = service(catalog, "basic", "monthly", "2026-11-01", "2026-12-01")
    quote = price_change(catalog, old, Buyer("FR"), UPGRADE, NOW, ZERO)
    assert [(line.code, line.amount.amount) for line in quote.lines if line.kind == "tax"] == [
        ("fr-5", -14),
        ("fr-20", 120),
    ]
