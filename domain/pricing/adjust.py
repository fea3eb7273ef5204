"""What a total may not be: too small to collect, a credit that by its rule is nothing, more than was accepted."""

from domain.money import Rounding, divide_rounded
from domain.pricing.frame import Frame
from domain.pricing.items import PricedLine
from domain.pricing.modes import CreditBecomes
from domain.tax import TaxableLine, Taxation, TaxFigure, percent_ratio, tax_on, taxation_of

Taxed = tuple[tuple[TaxFigure, ...], list[int]]


def adjust(
    frame: Frame,
    lines: list[PricedLine],
    exact_total: int | None,
    ceiling: int | None = None,
    lowered_as: str = "ceiling",
) -> tuple[*Taxed, int, int]:
    """Adds the lines that are needed; returns the taxes, each line's part, the rounding after tax, and the total.

    exact_total is the total that is rounded once, None where other amounts are; ceiling is the most that it may be, and
    lowered_as the kind of the line that takes it there. A total that is waived or forfeited is zero to the last minor
    unit, one that is lowered the ceiling, whatever rates it has.
    """
    taxes, parts = taxed(frame, lines)
    total = _total(lines, taxes)
    wanted = _wanted_total(frame, total if exact_total is None else exact_total, ceiling)
    if wanted is None:
        return (taxes, parts, 0, total) if exact_total is None else (taxes, parts, exact_total - total, exact_total)
    kind, least = wanted
    taxation = taxation_of(frame.catalog, frame.buyer, frame.new.plan.product)
    if kind == "forfeited":
        _forfeit(lines, -total)
    elif kind == "ceiling":
        lines.append(_lowered(frame, lines, least - total, taxation, least, lowered_as))
    else:
        up = Rounding.UP if kind == "minimum" else frame.rounding
        lines.append(PricedLine(kind, before_tax(least - total, taxation, up), taxation))
    taxes, parts = taxed(frame, lines)
    total = _total(lines, taxes)
    if kind == "minimum" and total > least:
        least = total if ceiling is None else min(total, ceiling)
    return taxes, parts, least - total, least


def taxed(frame: Frame, lines: list[PricedLine]) -> Taxed:
    """The taxes of the lines, and each line's part of them."""
    if not any([line.taxation.rate is not None for line in lines]):
        return (), [0] * len(lines)
    return tax_on(
        frame.catalog.tax,
        [
            TaxableLine(
                line.amount,
                line.taxation,
                (line.item.net_left, line.item.tax_left) if line.item and line.kind == "credit" else None,
            )
            for line in lines
        ],
    )


def _total(lines: list[PricedLine], taxes: tuple[TaxFigure, ...]) -> int:
    return sum([line.amount for line in lines]) + sum([tax.amount - tax.included for tax in taxes])


def _wanted_total(frame: Frame, total: int, ceiling: int | None) -> tuple[str, int] | None:
    """What the total becomes and how that is called; None where it stays. The minimum is what is paid, tax included."""
    if total < 0 and frame.proration.credit_becomes is CreditBecomes.NOTHING:
        return "forfeited", 0
    minimum = frame.catalog.policies.minimum_charge
    if minimum is not None and 0 < total < (least := minimum.amounts.get(frame.service.currency, 0)):
        return ("minimum", least) if minimum.when_below == "raise" else ("waived", 0)
    return ("ceiling", ceiling) if ceiling is not None and total > ceiling else None


def _lowered(
    frame: Frame, lines: list[PricedLine], less: int, taxation: Taxation, ceiling: int, kind: str
) -> PricedLine:
    """The line that takes the total down to the ceiling: exactly, where the rounding of the tax lets it."""
    near = before_tax(less, taxation, frame.rounding)
    tried = [PricedLine(kind, amount, taxation) for amount in (near, near - 1, near + 1)]
    exact = (line for line in tried if _total([*lines, line], taxed(frame, [*lines, line])[0]) == ceiling)
    return next(exact, tried[0])


def _forfeit(lines: list[PricedLine], too_much: int) -> None:
    """Takes back less, the newest credit first, each rate with its own tax, until nothing is left to pay out."""
    for line in [line for line in reversed(lines) if line.kind == "credit"]:
        lost = min(-line.amount, max(0, before_tax(too_much, line.taxation, Rounding.HALF_UP)))
        if lost:
            lines.append(PricedLine("forfeited", lost, line.taxation, item=line.item))
            too_much -= _with_tax(lost, line.taxation)


def _ratio(taxation: Taxation) -> tuple[int, int]:
    """How much a minor unit of the line adds to the total."""
    if taxation.rate is None or taxation.included is taxation.owed:
        return 1, 1
    numerator, denominator = percent_ratio(taxation.rate.percent)
    more = denominator + numerator
    return (denominator, more) if taxation.included else (more, denominator)


def before_tax(amount: int, taxation: Taxation, rounding: Rounding) -> int:
    """The amount of a line that adds so much to the total."""
    more, of = _ratio(taxation)
    return divide_rounded(amount * of, more, rounding)


def _with_tax(amount: int, taxation: Taxation) -> int:
    more, of = _ratio(taxation)
    return divide_rounded(amount * more, of, Rounding.HALF_UP)
