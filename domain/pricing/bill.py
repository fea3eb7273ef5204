"""What a priced change does to the billed items: those that it makes, and what it takes back."""

from dataclasses import replace

from domain.money import Rounding, divide_rounded
from domain.periods import Period
from domain.pricing.billed import BilledItem, Opened, TakeBack
from domain.pricing.frame import Frame
from domain.pricing.items import PricedLine
from domain.pricing.modes import ChangeDay, Fraction
from domain.pricing.moved import Closing
from domain.pricing.period_terms import PeriodTerms
from domain.tax import Taxation

# These belong to the charge: what was waived, or is more than was accepted, was not billed; what was added or rounded
# was.
_OF_THE_CHARGE = frozenset({"charge", "rounding", "minimum", "waived", "ceiling"})


def taken_by(frame: Frame, closings: list[Closing], lines: list[PricedLine], parts: list[int]) -> tuple[TakeBack, ...]:
    """A take-back for each item that is closed: of what its credit is worth, less what of it is forfeited."""
    return tuple([_taken(frame, closing, lines, parts) for closing in closings])


def _taken(frame: Frame, closing: Closing, lines: list[PricedLine], parts: list[int]) -> TakeBack:
    item, units = closing
    net = tax = 0
    first = None
    for place, (line, part) in enumerate(zip(lines, parts, strict=True)):
        if line.item is item:
            net -= net_of(line.amount, part, line.taxation)
            tax -= part
            first = place if first is None else first
    return TakeBack(item.id, units, net, tax, frame.covered(item.covers).start, first)


def opened_by(frame: Frame, lines: list[PricedLine], parts: list[int]) -> tuple[Opened, ...]:
    """The item that the charge becomes; none where nothing is charged for time."""
    net = tax = 0
    place = None
    for index, (line, part) in enumerate(zip(lines, parts, strict=True)):
        if line.kind in _OF_THE_CHARGE:
            net += net_of(line.amount, part, line.taxation)
            tax += part
            place = index if line.kind == "charge" else place
    if place is None:
        return ()
    charge = lines[place]
    assert charge.terms is not None, "a charge names its plan"
    assert charge.covers is not None, "a charge covers time"
    unit = charge.terms.unit
    if charge.running_months is not None:
        unit = divide_rounded(unit * charge.running_months, charge.terms.months, Rounding.HALF_UP)
    mode = frame.proration.fraction, frame.day
    item = billed(charge.terms._replace(unit=unit), charge.taxation, (net, tax), (charge.covers, frame.whole), mode)
    if frame.kept:
        item = replace(item, moved_days=frame.service.moved_days)
    return (Opened(item, place),)


def billed(
    terms: PeriodTerms,
    taxation: Taxation,
    amounts: tuple[int, int],
    times: tuple[Period, Period],
    mode: tuple[Fraction | None, ChangeDay | None] = (None, None),
) -> BilledItem:
    """The item, without its id, of a charge on these terms: its (net, tax) and what it (covers, of which period)."""
    rate, included, owed = taxation
    net = max(0, amounts[0])
    tax, code, percent = (max(0, amounts[1]), rate.code, rate.percent) if rate and owed else (0, None, "0")
    return BilledItem(
        id="",
        plan=terms.plan.id,
        cycle=terms.cycle,
        units=terms.quantity,
        unit_price=terms.unit,
        covers=times[0],
        of_period=times[1],
        net=net,
        tax=tax,
        tax_code=code,
        tax_percent=percent,
        tax_included=included,
        discount=terms.discount,
        fraction=mode[0],
        change_day=mode[1],
        units_left=terms.quantity,
        net_left=net,
        tax_left=tax,
    )


def net_of(amount: int, tax: int, taxation: Taxation) -> int:
    """A line's amount without tax."""
    return amount - tax if taxation.included else amount
