"""What a customer was billed for time, and what of it a change takes back.

Each charge for time is an item. A credit is made of take-backs, each worth what its item was billed: at the item's own
price, discount and tax, and never more than is left of it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Self

from domain.catalog import Discount, TaxRate
from domain.periods import Period, instant_text, parse_instant
from domain.pricing.modes import BY_TIME, ChangeDay, Fraction
from domain.pricing.proration import ALL_OF_IT, NONE_OF_IT, Share, share_left


@dataclass(frozen=True, slots=True)
class BilledItem:
    """A charge for `covers`, which is a part of the full period `of_period` that ends with it.

    unit_price is that of a unit for `of_period`, before the discount. fraction and change_day are those it was billed
    by; None where all of its time was billed (a renewal, an import), so that a change's own mode divides it. net and
    tax are what was billed, the rest of the units, net and tax is what no take-back has yet. tax_code is None where no
    tax was charged; tax_included says that the price held it. All amounts in minor units.

    covers and of_period are where they lie today, moved_days later than they were billed for: the customer had the
    service back later by so many local days.
    """

    id: str
    plan: str
    cycle: str
    units: int
    unit_price: int
    covers: Period
    of_period: Period
    net: int
    tax: int = 0
    tax_code: str | None = None
    tax_percent: str = "0"
    tax_included: bool = False
    discount: Discount | None = None
    fraction: Fraction | None = None
    change_day: ChangeDay | None = None
    units_left: int = 0
    net_left: int = 0
    tax_left: int = 0
    moved_days: int = 0

    @property
    def price(self) -> int:
        """What was billed, as prices are written: with tax where they hold it."""
        return self.net + self.tax if self.tax_included else self.net

    @property
    def price_left(self) -> int:
        """The same of what is left."""
        return self.net_left + self.tax_left if self.tax_included else self.net_left

    def is_open(self, now: datetime) -> bool:
        """Whether anything of it can still be taken back."""
        return self.units_left > 0 and self.covers.end > now

    def untouched(self) -> Self:
        """As it was when it was billed."""
        return replace(self, units_left=self.units, net_left=self.net, tax_left=self.tax)

    def later(self, days: int, tz: str) -> Self:
        """The same item for time so many local days later."""
        covers, of_period = self.covers.later(days, tz), self.of_period.later(days, tz)
        return replace(self, covers=covers, of_period=of_period, moved_days=self.moved_days + days)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; from_json gives an equal value. Days are named where the item was moved."""
        moved = {"moved_days": self.moved_days} if self.moved_days else {}
        return moved | {
            "id": self.id,
            "plan": self.plan,
            "cycle": self.cycle,
            "units": self.units,
            "unit_price": self.unit_price,
            "covers": self.covers.as_json(),
            "of_period": self.of_period.as_json(),
            "net": self.net,
            "tax": self.tax,
            "tax_code": self.tax_code,
            "tax_percent": self.tax_percent,
            "tax_included": self.tax_included,
            "discount": self.discount.model_dump(mode="json") if self.discount else None,
            "fraction": self.fraction,
            "change_day": self.change_day,
            "units_left": self.units_left,
            "net_left": self.net_left,
            "tax_left": self.tax_left,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The reverse of as_json. Raises KeyError, ValueError."""
        values = dict(document)
        for key in ("covers", "of_period"):
            values[key] = Period.from_json(document[key])
        values["discount"] = Discount.model_validate(document["discount"]) if document["discount"] else None
        values["fraction"] = Fraction(document["fraction"]) if document["fraction"] else None
        values["change_day"] = ChangeDay(document["change_day"]) if document["change_day"] else None
        return cls(**values)


class TakeBack(NamedTuple):
    """Units of an item with what is given back for them; of no worth where the item is only closed.

    line is the place of the credit among the lines of its invoice, from_at what the time given back starts with.
    """

    item: str
    units: int
    net: int
    tax: int
    from_at: datetime
    line: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; from_json gives an equal value."""
        return self._asdict() | {"from_at": instant_text(self.from_at)}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The reverse of as_json. Raises KeyError, ValueError."""
        return cls(**document | {"from_at": parse_instant(document["from_at"])})


class Opened(NamedTuple):
    """A new item, and the place of its charge among the lines of its invoice."""

    item: BilledItem
    line: int

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; from_json gives an equal value."""
        return {"item": self.item.as_json(), "line": self.line}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The reverse of as_json. Raises KeyError, ValueError."""
        return cls(BilledItem.from_json(document["item"]), document["line"])


def unused(item: BilledItem, now: datetime, tz: str, fraction: Fraction, day: ChangeDay) -> Share:
    """The part of what the item was billed for that lies after `now`: share(of_period, now) ÷ share(of_period, start).

    Both by the item's own mode; `fraction` and `day` are the change's, for an item of which all the time was billed.
    Under fraction `whole` all of it is.
    """
    if fraction is Fraction.WHOLE:
        return ALL_OF_IT
    by_time, first = item.fraction if item.fraction in BY_TIME else None, ChangeDay.NEW
    if by_time is not None:
        fraction, day = by_time, item.change_day or day
        first = day
    left = share_left(fraction, item.of_period, now, tz, day, item.moved_days)
    if by_time is None and item.covers.start <= item.of_period.start:
        return left
    billed = share_left(fraction, item.of_period, item.covers.start, tz, first, item.moved_days)
    return Share(min(left.part, billed.part), billed.part, left.unit) if billed.part else NONE_OF_IT


def take_back(item: BilledItem, taken: TakeBack) -> BilledItem:
    """What is left of the item after a take-back. Raises ValueError where it takes more than was billed."""
    left = replace(
        item,
        units_left=item.units_left - taken.units,
        net_left=item.net_left - taken.net,
        tax_left=item.tax_left - taken.tax,
    )
    if min(left.units_left, left.net_left, left.tax_left, taken.net, taken.tax) < 0:
        raise ValueError(f"{item.id}: more would be taken back than was billed")
    return left


def rate_of(item: BilledItem, rates: tuple[TaxRate, ...]) -> TaxRate | None:
    """The rate that the item was sold at, named as the catalogue names it today; None where no tax was charged."""
    if item.tax_code is None:
        return None
    named = None
    for rate in rates:
        if rate.code == item.tax_code:
            named = rate
            if Decimal(rate.percent) == Decimal(item.tax_percent):
                return rate
    label = named.label if named else {"en": item.tax_code}
    return TaxRate(code=item.tax_code, percent=item.tax_percent, label=label)
