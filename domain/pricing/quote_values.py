"""A quote: what a change costs today, line by line, what comes next, and how long the price is promised."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Self

from domain.catalog import digest_of
from domain.money import Money
from domain.periods import Period, instant_text, parse_instant
from domain.pricing.billed import Opened, TakeBack
from domain.pricing.proration import Share


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One line.

    Kinds: charge, credit, fee, unchanged, rounding, minimum, waived, ceiling, forfeited, included_tax, tax.

    `arithmetic` is the sum in words and numbers; share, full_price and period say the same to a program. A line that is
    taxed names its rate by code and percentage; a tax line has the base, too.
    """

    kind: str
    description: str
    arithmetic: str
    amount: Money
    share: Share | None = None
    full_price: Money | None = None
    period: Period | None = None
    code: str | None = None
    percent: str | None = None
    base: Money | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; from_json gives an equal line."""
        return {
            "kind": self.kind,
            "description": self.description,
            "arithmetic": self.arithmetic,
            "amount": self.amount.as_json(),
            "share": self.share.as_json() if self.share else None,
            "full_price": self.full_price.as_json() if self.full_price is not None else None,
            "period": self.period.as_json() if self.period else None,
            "code": self.code,
            "percent": self.percent,
            "base": self.base.as_json() if self.base is not None else None,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The reverse of as_json."""
        values = dict(document)
        values["share"] = Share(**document["share"]) if document["share"] else None
        values["period"] = Period.from_json(document["period"]) if document["period"] else None
        for key in ("amount", "full_price", "base"):
            values[key] = Money.from_json(document[key]) if document[key] else None
        return cls(**values)


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """A plan as the quote shows it: price is the total of a cycle for the quantity, before tax."""

    plan: str
    plan_name: str
    cycle: str
    price: Money
    unit_price: Money
    quantity: int
    limits: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; from_json gives an equal value."""
        return {
            "plan": self.plan,
            "plan_name": self.plan_name,
            "cycle": self.cycle,
            "price": self.price.as_json(),
            "unit_price": self.unit_price.as_json(),
            "quantity": self.quantity,
            "limits": dict(sorted(self.limits.items())),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The reverse of as_json."""
        money = {key: Money.from_json(document[key]) for key in ("price", "unit_price")}
        return cls(**{**document, **money})


@dataclass(frozen=True, slots=True)
class NextRenewal:
    """When the service renews next and for how much, tax included, at today's prices."""

    at: datetime
    amount: Money

    def as_json(self) -> dict[str, Any]:
        """{"at", "amount"}."""
        return {"at": instant_text(self.at), "amount": self.amount.as_json()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The reverse of as_json."""
        return cls(parse_instant(document["at"]), Money.from_json(document["amount"]))


@dataclass(frozen=True, slots=True)
class Quote:
    """A priced change and everything needed to price it again. The lines add up to the total.

    total = net + tax + rounding, the last where the total alone is rounded; total_due_today = total - credit_applied
    where the total is positive; a negative total becomes credit_created (account credit) or refund. timing is what the
    rule says; effective is `at_renewal` or `now`. opened and taken are the billed items that the change makes and takes
    back when it is settled; renewal_lines, of a change at renewal, those of the coming invoice.
    """

    kind: str
    timing: str
    from_: PlanTerms
    to: PlanTerms
    quantity: int
    lines: tuple[QuoteLine, ...]
    net: Money
    tax: Money
    rounding: Money
    total: Money
    credit_applied: Money
    total_due_today: Money
    credit_created: Money
    refund: Money
    next_renewal: NextRenewal
    effective_at: datetime
    expires_at: datetime
    new_period: Period
    new_anchor_day: int
    new_anchor_time: time
    opened: tuple[Opened, ...]
    taken: tuple[TakeBack, ...]
    renewal_lines: tuple[QuoteLine, ...]
    tax_treatment: str
    notes: tuple[str, ...]
    rule: int
    proration: dict[str, Any]
    catalog_digest: str
    inputs: dict[str, Any]
    digest: str

    @property
    def currency(self) -> str:
        """ISO 4217 code of every amount in the quote."""
        return self.total.currency

    @property
    def effective(self) -> str:
        """`now` or `at_renewal`."""
        return "at_renewal" if self.timing == "at_renewal" else "now"

    def as_json(self) -> dict[str, Any]:
        """The public document with its inputs and digest; from_json gives an equal quote."""
        return self.public_json() | {"inputs": self.inputs, "digest": self.digest}

    def public_json(self) -> dict[str, Any]:
        """What a customer may see: everything but the inputs. The digest covers it and the inputs."""
        return result_json(self) | {"digest": self.digest}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The reverse of as_json, also of a quote from before billed items were kept. Raises KeyError, ValueError."""
        document = _BEFORE_ITEMS | {"rounding": Money.zero(document["total"]["currency"]).as_json()} | document
        left_out = ("from", "effective", "period_paid_after")
        values = {key: value for key, value in document.items() if key not in left_out}
        for key in _MONEY:
            values[key] = Money.from_json(document[key])
        values["from_"] = PlanTerms.from_json(document["from"])
        values["to"] = PlanTerms.from_json(document["to"])
        for key in ("lines", "renewal_lines"):
            values[key] = tuple(QuoteLine.from_json(line) for line in document[key])
        values["opened"] = tuple(Opened.from_json(one) for one in document["opened"])
        values["taken"] = tuple(TakeBack.from_json(one) for one in document["taken"])
        values["new_anchor_time"] = time.fromisoformat(document["new_anchor_time"])
        values["next_renewal"] = NextRenewal.from_json(document["next_renewal"])
        values["effective_at"] = parse_instant(document["effective_at"])
        values["expires_at"] = parse_instant(document["expires_at"])
        values["new_period"] = Period.from_json(document["new_period"])
        values["notes"] = tuple(document["notes"])
        return cls(**values)


_MONEY = (
    "net",
    "tax",
    "rounding",
    "total",
    "credit_applied",
    "total_due_today",
    "credit_created",
    "refund",
)


# What a quote says that was made before billed items were kept.
_BEFORE_ITEMS: dict[str, Any] = {"new_anchor_time": "00:00:00", "opened": [], "taken": [], "renewal_lines": []}


def result_json(quote: Quote) -> dict[str, Any]:
    """Everything a quote says except its inputs and its digest."""
    return {
        "kind": quote.kind,
        "timing": quote.timing,
        "effective": quote.effective,
        "from": quote.from_.as_json(),
        "to": quote.to.as_json(),
        "quantity": quote.quantity,
        "lines": [line.as_json() for line in quote.lines],
        **{key: getattr(quote, key).as_json() for key in _MONEY},
        "next_renewal": quote.next_renewal.as_json(),
        "effective_at": instant_text(quote.effective_at),
        "expires_at": instant_text(quote.expires_at),
        "new_period": quote.new_period.as_json(),
        "new_anchor_day": quote.new_anchor_day,
        "new_anchor_time": quote.new_anchor_time.isoformat(),
        "opened": [one.as_json() for one in quote.opened],
        "taken": [one.as_json() for one in quote.taken],
        "renewal_lines": [line.as_json() for line in quote.renewal_lines],
        "tax_treatment": quote.tax_treatment,
        "notes": list(quote.notes),
        "rule": quote.rule,
        "proration": quote.proration,
        "catalog_digest": quote.catalog_digest,
    }


def digest_of_quote(quote: Quote) -> str:
    """sha256 of the canonical JSON of inputs and result."""
    return digest_of({"inputs": quote.inputs, "result": result_json(quote)})
