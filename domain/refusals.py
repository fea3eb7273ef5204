"""Why a change is refused, in the customer's language."""

from domain.catalog import Catalog, in_language
from domain.errors import AmountNotPayable, ChangeError, Forbidden, OpenInvoice, OverLimit
from domain.money import Money
from domain.pricing.explain import money_text
from domain.words import sentence
from domain.words.en import EN


def refusal_text(error: ChangeError, catalog: Catalog, locale: str) -> str:
    """The sentence for the customer: the catalogue's own reason, what to reduce, or what the code means.

    A code that only a program can cause (unknown_plan, bad_quantity) keeps its English sentence.
    """
    if isinstance(error, Forbidden):
        return in_language(error.texts, locale)
    if isinstance(error, OverLimit):
        return _over_limit(error, catalog, locale)
    if isinstance(error, OpenInvoice):
        key = "refused_open_invoice_pending" if error.details["pending"] else "refused_open_invoice"
        return sentence(locale, key, amount=money_text(Money.from_json(error.details["amount_due"]), locale))
    if isinstance(error, AmountNotPayable):
        return _not_payable(error, locale)
    key = f"refused_{error.code}"
    return sentence(locale, key) if key in EN else str(error)


def _not_payable(error: AmountNotPayable, locale: str) -> str:
    amount = money_text(Money.from_json(error.details["amount"]), locale)
    for limit, key in (("minimum", "refused_amount_too_small"), ("maximum", "refused_amount_too_large")):
        if limit in error.details:
            of = money_text(Money.from_json(error.details[limit]), locale)
            return sentence(locale, key, amount=amount, limit=of)
    return sentence(locale, "refused_amount_not_payable", amount=amount)


def _over_limit(error: OverLimit, catalog: Catalog, locale: str) -> str:
    plan = catalog.plan(error.details["plan"])
    parts = [
        sentence(
            locale, "over_limit_part", name=in_language(catalog.limit_names.get(name, {"en": name}), locale), **excess
        )
        for name, excess in error.details["limits"].items()
    ]
    name = plan.name if plan else error.details["plan"]
    return sentence(locale, "over_limit", plan=name, limits=" ".join(parts))
