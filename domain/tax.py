"""Tax on the lines of an invoice or a credit note: which rate, how rounded. A credit is taxed as it was charged."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from stdnum.eu import vat

from domain.catalog import Catalog, TaxPolicy, TaxRate
from domain.money import divide_rounded
from domain.pricing.terms import Buyer


class TaxFigure(NamedTuple):
    """Tax of one rate, in minor units. `included` is what the prices already held of it."""

    rate: TaxRate
    base: int
    amount: int
    included: int


@lru_cache(maxsize=1024)
def percent_ratio(percent: str) -> tuple[int, int]:
    """ "8.25" as (825, 10000)."""
    whole, _, decimals = percent.partition(".")
    return int(whole + decimals), 100 * 10 ** len(decimals)


@lru_cache(maxsize=4096)
def valid_vat_id(tax_id: str, country: str) -> bool:
    """Whether the check digits are right for this EU country, its prefix written or not.

    Nobody is asked whether the id is registered.
    """
    prefix = "EL" if country == "GR" else country
    number = "".join(tax_id.split()).upper()
    if not number.startswith((prefix, country)):
        number = prefix + number
    return bool(vat.is_valid(number))


def treatment(catalog: Catalog, buyer: Buyer) -> str:
    """ "taxed", "exempt" or "reverse_charge"."""
    if buyer.tax_exempt:
        return "exempt"
    abroad = buyer.country != catalog.seller.country and buyer.country in catalog.tax.reverse_charge
    if abroad and buyer.tax_id and valid_vat_id(buyer.tax_id, buyer.country):
        return "reverse_charge"
    return "taxed"


def rate_for(tax: TaxPolicy, country: str, product: str) -> TaxRate | None:
    """The first rate for this customer country and product, None where there is no tax."""
    for rate in tax.rates:
        if rate.country in (None, country) and rate.product in (None, product):
            return rate
    return None


def tax_on(catalog: Catalog, buyer: Buyer, amounts: Iterable[tuple[str, int]]) -> tuple[TaxFigure, ...]:
    """Tax of (product, minor units) amounts. Exempt buyers owe none, and inclusive prices give it back to them."""
    policy = catalog.tax
    by_rate: dict[str, tuple[TaxRate, list[int]]] = {}
    for product, amount in amounts:
        rate = rate_for(policy, buyer.country, product)
        if rate is None:
            continue
        if rate.code in by_rate:
            by_rate[rate.code][1].append(amount)
        else:
            by_rate[rate.code] = rate, [amount]
    if not by_rate:
        return ()
    owed = treatment(catalog, buyer) == "taxed"
    if not owed and policy.prices == "exclusive":
        return ()
    return tuple(_figure(policy, rate, bases, owed) for rate, bases in by_rate.values())


def _figure(policy: TaxPolicy, rate: TaxRate, bases: list[int], owed: bool) -> TaxFigure:
    """One rate's tax, rounded once for the invoice or line by line."""
    base = sum(bases)
    numerator, denominator = percent_ratio(rate.percent)
    inclusive = policy.prices == "inclusive"
    divisor = denominator + numerator if inclusive else denominator
    held = 0
    for part in bases if policy.place == "line" else (base,):
        held += divide_rounded(part * numerator, divisor, policy.rounding)
    if inclusive:
        return TaxFigure(rate, base - held, held if owed else 0, held)
    return TaxFigure(rate, base, held, 0)
