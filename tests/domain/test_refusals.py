"""Refusals in the customer's language."""

import pytest

from domain.catalog import Catalog
from domain.errors import AmountNotPayable, ChangeError, OpenInvoice, OverLimit, UnknownPlan
from domain.money import Money
from domain.pricing.priced import price
from domain.pricing.terms import Buyer, Target
from domain.refusals import refusal_text
from tests.domain.making import at, service

NOW, ZERO = at("2026-11-16", "Asia/Tokyo"), Money(0, "USD")


def refused(catalog: Catalog, plan: str, to: str, **changes: object) -> ChangeError:
    old = service(catalog, plan, "monthly", "2026-11-01", "2026-12-01", **changes)
    with pytest.raises(ChangeError) as error:
        price(catalog, old, Buyer("US"), Target(to, "monthly"), NOW, ZERO)
    return error.value


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en", "Basic is too small for what is used now. zones: 7 used, 3 allowed, remove 4."),
        ("es-AR", "Basic es demasiado pequeño para lo que se usa ahora. zonas: 7 en uso, 3 permitidos, quite 4."),
        ("ja", "現在のご利用量はBasicの上限を超えています。ゾーン: 使用中7、上限3、4減らしてください。"),
        ("hi", "Basic अभी के उपयोग के लिए बहुत छोटी है। ज़ोन: 7 उपयोग में, 3 की अनुमति, 4 घटाएँ।"),
        ("fr", "Basic is too small for what is used now. zones: 7 used, 3 allowed, remove 4."),
    ],
)
def test_what_to_reduce(dns: Catalog, locale: str, text: str) -> None:
    error = refused(dns, "business", "basic", usage={"zones": 7, "records": 100})
    assert isinstance(error, OverLimit)
    assert refusal_text(error, dns, locale) == text


def test_two_limits_and_what_the_catalogue_has_no_name_for(dns: Catalog, hosting: Catalog) -> None:
    error = refused(dns, "business", "basic", usage={"zones": 7, "records": 101})
    assert refusal_text(error, dns, "en").endswith(
        "zones: 7 used, 3 allowed, remove 4. records: 101 used, 100 allowed, remove 1."
    )
    # described by another catalogue: ids stand in for names
    assert refusal_text(error, hosting, "en").startswith("basic is too small for what is used now. zones: 7 used")


def test_the_providers_own_reason(hosting: Catalog) -> None:
    error = refused(hosting, "web-m", "web-s")
    assert refusal_text(error, hosting, "es").startswith("Los planes no se pueden achicar")
    assert refusal_text(error, hosting, "ja").startswith("プランを小さくする")
    assert refusal_text(error, hosting, "fr").startswith("Plans cannot be made smaller")


def test_what_a_code_means(dns: Catalog) -> None:
    past_due = refused(dns, "basic", "start", status="past_due")
    assert refusal_text(past_due, dns, "es") == (
        "La última renovación está impaga. Pague su factura y después cambie de plan."
    )
    assert refusal_text(refused(dns, "basic", "basic"), dns, "en") == (
        "The service already has this plan and billing cycle. Choose another."
    )
    unknown = refused(dns, "basic", "gold")
    assert isinstance(unknown, UnknownPlan)
    assert refusal_text(unknown, dns, "ja") == "there is no plan 'gold'; choose one of basic, start, business"


def test_limits_count_for_each_unit(dns: Catalog) -> None:
    """Three of Basic have three zones each: nine are allowed, eleven are used."""
    error = refused(dns, "business", "basic", usage={"zones": 11}, quantity=3)
    assert refusal_text(error, dns, "en") == (
        "Basic is too small for what is used now. zones: 11 used, 9 allowed, remove 2."
    )


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ({"minimum": 100}, "¥50 would be due, and the payment service takes ¥100 at least."),
        ({"maximum": 40}, "¥50 would be due, and the payment service takes ¥40 at most."),
        ({}, "¥50"),
    ],
)
def test_an_amount_that_cannot_be_paid_is_named(dns: Catalog, details: dict[str, int], text: str) -> None:
    amounts = {name: {"amount": amount, "currency": "JPY"} for name, amount in details.items()}
    error = AmountNotPayable(amount={"amount": 50, "currency": "JPY"}, **amounts)
    assert text in refusal_text(error, dns, "en")
    limits = "".join(f" ({name} {amount} JPY)" for name, amount in details.items())
    assert str(error) == f"the payment service takes no payment of 50 JPY{limits}; ask the provider"


@pytest.mark.parametrize(("pending", "do"), [(True, "on its way"), (False, "pay it, then change the plan")])
def test_an_open_invoice_is_named_with_its_amount(dns: Catalog, pending: bool, do: str) -> None:
    error = OpenInvoice(invoice="inv_1", amount_due={"amount": 550, "currency": "JPY"}, pending=pending)
    assert "550" in str(error)
    assert do in str(error)
    assert "¥550" in refusal_text(error, dns, "en")
    assert ("on its way" in refusal_text(error, dns, "en")) is pending
