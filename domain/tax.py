"""Tax on the lines of an invoice or a credit note: which rate, how rounded. A credit is taxed as it was charged."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import cycle, islice
from typing import NamedTuple

from stdnum.eu import vat

from domain.catalog import Catalog, TaxPolicy, TaxRate
from domain.money import Money, divide_rounded
from domain.pricing.terms import Buyer


class Taxation(NamedTuple):
    """How a line is taxed: no rate is no tax. `included` says that its price holds the tax, which a buyer who owes none
    gets taken off."""

    rate: TaxRate | None
    included: bool = False
    owed: bool = True


UNTAXED = Taxation(None)


class TaxableLine(NamedTuple):
    """A line's amount as prices are written, in minor units. A credit has what is left of its item, (net, tax): all of
    the tax goes back with the last of the net, and never more."""

    amount: int
    taxation: Taxation
    left: tuple[int, int] | None = None


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


def taxation_of(catalog: Catalog, buyer: Buyer, product: str) -> Taxation:
    """How a charge is taxed today. Exempt buyers owe none, and inclusive prices give it back to them."""
    rate = rate_for(catalog.tax, buyer.country, product)
    if rate is None:
        return UNTAXED
    included, owed = catalog.tax.prices == "inclusive", treatment(catalog, buyer) == "taxed"
    return Taxation(rate, included, owed) if included or owed else UNTAXED


def with_tax(catalog: Catalog, buyer: Buyer, product: str, price: Money) -> Money:
    """What this buyer pays today for something of this price, as prices are written."""
    taxation = taxation_of(catalog, buyer, product)
    figures, _ = tax_on(catalog.tax, [TaxableLine(price.amount, taxation)])
    return Money(sum(figure.base + figure.amount for figure in figures) if figures else price.amount, price.currency)


def tax_on(policy: TaxPolicy, lines: Sequence[TaxableLine]) -> tuple[tuple[TaxFigure, ...], list[int]]:
    """Tax by rate, rounded once for each, and each line's part of it; the parts add up to amount or included.

    The part of a line that is not owed is what its price held. Rates that come to nothing are left out.
    """
    parts = [0] * len(lines)
    by_rate: dict[tuple[str, str, bool, bool], list[int]] = {}
    for index, line in enumerate(lines):
        rate, included, owed = line.taxation
        if rate is not None:
            by_rate.setdefault((rate.code, rate.percent, included, owed), []).append(index)
    figures = []
    for places in by_rate.values():
        taxation, group = lines[places[0]].taxation, [lines[place] for place in places]
        for place, part in zip(places, _parts(policy, taxation, group), strict=True):
            parts[place] = part
        figure = _figure(taxation, sum(line.amount for line in group), sum(parts[place] for place in places))
        if figure.base or figure.amount or figure.included:
            figures.append(figure)
    return tuple(figures), parts


def _figure(taxation: Taxation, base: int, tax: int) -> TaxFigure:
    rate, included, owed = taxation
    assert rate is not None, "lines without a rate are in no group"
    return TaxFigure(rate, base - tax, tax if owed else 0, tax) if included else TaxFigure(rate, base, tax, 0)


def _parts(policy: TaxPolicy, taxation: Taxation, lines: list[TaxableLine]) -> list[int]:
    """Each line's tax: what is fixed, then the rest of the rounded whole by largest remainder."""
    assert taxation.rate is not None, "lines without a rate are in no group"
    numerator, denominator = percent_ratio(taxation.rate.percent)
    divisor = denominator + numerator if taxation.included else denominator
    fixed = [_rest(line, taxation.included) for line in lines]
    free = [line.amount * numerator for line, tax in zip(lines, fixed, strict=True) if tax is None]
    if policy.place == "line":
        shares = iter([divide_rounded(exact, divisor, policy.rounding) for exact in free])
    else:
        whole = divide_rounded(sum(line.amount for line in lines) * numerator, divisor, policy.rounding)
        rest = whole - sum(tax for tax in fixed if tax is not None)
        shares = iter(_by_largest_remainder(rest, free, divisor))
    return _kept_in_bounds(lines, [next(shares) if tax is None else tax for tax in fixed], taxation.included)


def _rest(line: TaxableLine, included: bool) -> int | None:
    """The tax of a credit that takes the last of its item; None for every other line."""
    if line.left is None:
        return None
    net, tax = line.left
    return -tax if -line.amount == (net + tax if included else net) else None


def _by_largest_remainder(whole: int, wanted: list[int], divisor: int) -> list[int]:
    """`whole` shared out so that each part is next to wanted / divisor."""
    if len(wanted) < 2:
        return [whole] * len(wanted)
    parts = [exact // divisor for exact in wanted]
    order = sorted(range(len(wanted)), key=lambda index: -(wanted[index] % divisor))
    lacking = whole - sum(parts)
    step = 1 if lacking > 0 else -1
    for index in islice(cycle(order[::step]), abs(lacking)):
        parts[index] += step
    return parts


def _kept_in_bounds(lines: list[TaxableLine], parts: list[int], included: bool) -> list[int]:
    """No credit gives back more tax than is left, no charge has less than none; what is cut goes to a charge."""
    cut = 0
    for index, line in enumerate(lines):
        if line.left is not None:
            net, tax = line.left
            least = max(0, -line.amount - net) if included else 0
            part = -min(max(-parts[index], least), tax)
            cut, parts[index] = cut + parts[index] - part, part
    for index, line in enumerate(lines):
        if line.left is None and line.amount >= 0:
            part = max(0, parts[index] + cut)
            cut, parts[index] = cut + parts[index] - part, part
    return parts
