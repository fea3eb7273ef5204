"""What is priced: a service's terms, its buyer, and the target. Plain values that the engine fills from its rows."""

from dataclasses import asdict, dataclass, field
from datetime import datetime, time
from typing import Any, Self

from domain.catalog import Discount
from domain.money import Money
from domain.periods import AnchorPoint, Period
from domain.pricing.billed import BilledItem


@dataclass(frozen=True, slots=True)
class ServiceTerms:
    """A running service.

    unit_price is the price it bought, per cycle and unit. items are what was billed for time that is not over, oldest
    first: a credit is taken from them and from nothing else. refundable is how much came as money, so that no more goes
    back where credits are refunded (None: all of it). usage counts what the limits count. It renews on anchor_day of
    the month, at anchor_time, both in the provider's zone. The period lies moved_days later than it was billed for,
    since the service was out for so many local days.
    """

    plan: str
    cycle: str
    currency: str
    quantity: int
    unit_price: Money
    period: Period
    anchor_day: int
    items: tuple[BilledItem, ...] = ()
    anchor_time: time = time()
    status: str = "active"
    usage: dict[str, int] = field(default_factory=dict)
    discount: Discount | None = None
    refundable: Money | None = None
    moved_days: int = 0

    @property
    def anchor(self) -> AnchorPoint:
        """When it renews."""
        return AnchorPoint(self.anchor_day, self.anchor_time)

    def full_period(self, now: datetime) -> Period:
        """The full period that the running one is a part of: that of what was billed for it last."""
        return next((item.of_period for item in reversed(self.items) if item.is_open(now)), self.period)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; from_json gives an equal value."""
        moved = {"moved_days": self.moved_days} if self.moved_days else {}
        return moved | {
            "plan": self.plan,
            "cycle": self.cycle,
            "currency": self.currency,
            "quantity": self.quantity,
            "unit_price": self.unit_price.as_json(),
            "period": self.period.as_json(),
            "anchor_day": self.anchor_day,
            "anchor_time": self.anchor_time.isoformat(),
            "items": [item.as_json() for item in self.items],
            "status": self.status,
            "usage": dict(sorted(self.usage.items())),
            "discount": self.discount.model_dump(mode="json") if self.discount else None,
            "refundable": self.refundable.as_json() if self.refundable is not None else None,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The reverse of as_json. Raises KeyError, ValueError."""
        values = dict(document)
        values["unit_price"] = Money.from_json(document["unit_price"])
        values["period"] = Period.from_json(document["period"])
        values["anchor_time"] = time.fromisoformat(document["anchor_time"])
        values["items"] = tuple(BilledItem.from_json(item) for item in document["items"])
        discount = document.get("discount")
        values["discount"] = Discount.model_validate(discount) if discount else None
        refundable = document.get("refundable")
        values["refundable"] = Money.from_json(refundable) if refundable else None
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who pays: ISO 3166 country, tax id as the customer wrote it, the language of the sentences."""

    country: str
    tax_id: str | None = None
    locale: str = "en"
    tax_exempt: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; Buyer(**document) gives an equal value."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Target:
    """What is wanted; a quantity of None keeps the service's. unit_price, in minor units per cycle and unit, is what
    staff agreed to for this service; None: the catalogue's price."""

    plan: str
    cycle: str
    quantity: int | None = None
    unit_price: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; Target(**document) gives an equal value."""
        document = asdict(self)
        if self.unit_price is None:
            del document["unit_price"]
        return document
