"""What a catalogue must satisfy beyond the shape of its values: references, prices, ranks, instants, percentages."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from domain.addresses import BadMailAddress, mail_address
from domain.catalog import Catalog, Plan
from domain.catalog_codes import code_problems
from domain.catalog_problems import CatalogProblem, nearest, not_one_of
from domain.catalog_rules import rule_problems, undecided_changes, unreachable_rules
from domain.contrast import READABLE, WHITE, contrast, readable_on
from domain.currencies import CURRENCIES
from domain.money import UnknownCurrency, exponent
from domain.periods import parse_instant

Problems = Iterator[CatalogProblem]


def problems_of_parts(catalog: Catalog) -> list[CatalogProblem]:
    """What is wrong in each part of a catalogue; empty for a sound one."""
    checks = (
        _zone,
        _addresses,
        _colour,
        code_problems,
        _currencies,
        _minimum,
        _tax,
        _discounts,
        _plans,
        _prices,
        rule_problems,
    )
    return [problem for check in checks for problem in check(catalog)]


def problems_of_whole(catalog: Catalog) -> list[CatalogProblem]:
    """What is wrong between the parts, each of which has its right shape."""
    checks = (_ranks, unreachable_rules, undecided_changes)
    return [problem for check in checks for problem in check(catalog)]


def _zone(catalog: Catalog) -> Problems:
    if not _exists(catalog.timezone):
        expected = f"{catalog.timezone!r} does not exist; use an IANA name such as Asia/Tokyo"
        yield CatalogProblem("timezone", expected, nearest(catalog.timezone, available_timezones()))


def _addresses(catalog: Catalog) -> Problems:
    named = {
        "seller.email": catalog.seller.email,
        "mail.sender": catalog.mail.sender,
        "mail.reply_to": catalog.mail.reply_to,
    }
    for key, address in named.items():
        try:
            mail_address(address or "ana@example.com")
        except BadMailAddress as error:
            yield CatalogProblem(key, str(error))


def _colour(catalog: Catalog) -> Problems:
    """Buttons are of this colour with white letters, and links are written in it on white."""
    colour = catalog.invoice.colour
    if (found := contrast(colour, WHITE)) < READABLE:
        expected = (
            f"{colour} and white have a contrast of {found:.2f} to 1; buttons and links are of this colour, and to be"
            f" read they need {READABLE} to 1 (WCAG 2.1, 1.4.3): a darker one was expected"
        )
        yield CatalogProblem("invoice.colour", expected, readable_on(colour, WHITE))


def _exists(timezone: str) -> bool:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _currencies(catalog: Catalog) -> Problems:
    for index, currency in enumerate(catalog.currencies):
        if currency in catalog.currencies[:index]:
            yield CatalogProblem(f"currencies.{index}", f"{currency!r} is written twice")
        try:
            exponent(currency)
        except UnknownCurrency as error:
            yield CatalogProblem(f"currencies.{index}", str(error), nearest(currency, CURRENCIES))


def _amounts(catalog: Catalog, key: str, amounts: dict[str, int], missing: str | None) -> Problems:
    """Amounts in currencies that are sold, and in each of them where `missing` says what is expected.

    A misspelt currency is one problem: the amount that is missing for it is no second one.
    """
    sold = catalog.currencies
    unknown = {currency: nearest(currency, sold) for currency in amounts if currency not in sold}
    for currency, meant in unknown.items():
        yield CatalogProblem(f"{key}.{currency}", f"{currency} is not one of currencies", meant)
    for currency in sold:
        if missing and currency in CURRENCIES and currency not in {*amounts, *unknown.values()}:
            yield CatalogProblem(f"{key}.{currency}", missing.format(currency=currency))


def _minimum(catalog: Catalog) -> Problems:
    minimum = catalog.policies.minimum_charge
    if minimum is not None:
        key, missing = "policies.minimum_charge.amounts", "a minimum in {currency} was expected: {currency} is sold"
        yield from _amounts(catalog, key, minimum.amounts, missing)


def _tax(catalog: Catalog) -> Problems:
    products, seen = {plan.product for plan in catalog.plans}, dict[str, int]()
    for index, rate in enumerate(catalog.tax.rates):
        key = f"tax.rates.{index}"
        if rate.product is not None and rate.product not in products:
            yield not_one_of(f"{key}.product", rate.product, products)
        if seen.setdefault(rate.code, index) != index:
            yield CatalogProblem(f"{key}.code", f"{rate.code!r} is used twice; give each tax rate its own code")
        yield from _percent(f"{key}.percent", rate.percent)


def _percent(key: str, percent: str | None) -> Problems:
    if percent is not None and Decimal(percent) > 100:
        yield CatalogProblem(key, f"{percent} is more than 100 percent")


def _discounts(catalog: Catalog) -> Problems:
    for name, discount in catalog.discounts.items():
        key = f"discounts.{name}"
        if (discount.percent is None) is (not discount.amounts):
            yield CatalogProblem(key, "either percent or amounts was expected")
        yield from _percent(f"{key}.percent", discount.percent)
        if discount.amounts:
            missing = "an amount in {currency} was expected: {currency} is sold"
            yield from _amounts(catalog, f"{key}.amounts", discount.amounts, missing)
        if discount.until is not None:
            yield from _instant(f"{key}.until", discount.until, catalog.timezone)
        for plan in discount.plans:
            if catalog.plan(plan) is None:
                expected = f"{plan!r} is not a plan of this catalogue"
                yield CatalogProblem(f"{key}.plans", expected, nearest(plan, [known.id for known in catalog.plans]))


def _instant(key: str, text: str, timezone: str) -> Problems:
    try:
        parse_instant(text)
    except ValueError:
        expected = f"{text!r} is not an instant with a time zone, such as 2027-01-31T00:00:00+09:00"
        yield CatalogProblem(key, expected, _in_zone(text, timezone))


def _in_zone(text: str, timezone: str) -> str | None:
    """The local time of the provider as an instant, where the text is a time without a zone."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        return None
    return local.replace(tzinfo=ZoneInfo(timezone)).isoformat() if _exists(timezone) else None


def _plans(catalog: Catalog) -> Problems:
    seen: set[str] = set()
    for index, plan in enumerate(catalog.plans):
        if plan.id in seen:
            yield CatalogProblem(f"plans.{index}.id", f"{plan.id!r} is used twice; give each plan its own id")
        seen.add(plan.id)
        if catalog.categories and plan.category not in catalog.categories:
            expected = f"name this category for customers: categories.{plan.category}"
            meant = nearest(plan.category, catalog.categories)
            yield CatalogProblem(f"plans.{index}.category", expected, meant)
        yield from _limits(catalog, f"plans.{index}.limits", plan)


def _limits(catalog: Catalog, key: str, plan: Plan) -> Problems:
    for name, limit in plan.limits.items():
        if name not in catalog.limit_names:
            expected = f"name this limit for sentences: limit_names.{name}"
            yield CatalogProblem(f"{key}.{name}", expected, nearest(name, catalog.limit_names))
        if limit < 0:
            yield CatalogProblem(f"{key}.{name}", f"a limit of zero or more was expected, not {limit}")


def _prices(catalog: Catalog) -> Problems:
    for index, plan in enumerate(catalog.plans):
        for cycle, amounts in plan.prices.items():
            key = f"plans.{index}.prices.{cycle}"
            if cycle not in catalog.cycles:
                expected = f"{cycle!r} is not one of the cycles {', '.join(catalog.cycles)}"
                yield CatalogProblem(key, expected, nearest(cycle, catalog.cycles))
            missing = f"a price for {plan.id} in {{currency}} was expected, or sold = false"
            yield from _amounts(catalog, key, amounts, missing if plan.sold else None)
        if plan.sold and not plan.prices:
            expected = "a plan that is sold needs the price of at least one cycle"
            yield CatalogProblem(f"plans.{index}.prices", expected)
        if plan.setup_fees:
            missing = f"a setup fee for {plan.id} in {{currency}} was expected: {{currency}} is sold"
            yield from _amounts(catalog, f"plans.{index}.setup_fees", plan.setup_fees, missing if plan.sold else None)


def _ranks(catalog: Catalog) -> Problems:
    seen: dict[tuple[str, int], str] = {}
    for index, plan in enumerate(catalog.plans):
        other = seen.setdefault((plan.category, plan.rank), plan.id)
        if other != plan.id:
            yield CatalogProblem(
                f"plans.{index}.rank",
                f"{plan.id} and {other} have one rank in {plan.category}; ranks decide what is an upgrade",
            )
