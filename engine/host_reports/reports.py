"""The values of a report, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from domain.periods import Period
from models.audit import Attribution


class UnknownCustomer(Exception):
    """The host has not reported this customer."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"There is no customer {ref}. Create it first with PUT /v1/customers/{ref}.")


class OtherCustomersService(Exception):
    """A service does not move from one customer to another."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"Service {ref} belongs to another customer. Create a service of another reference.")


class UnknownDiscount(Exception):
    """The catalogue has no such discount."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no discount {name}; the discounts are: {', '.join(known) or 'none'}.")


class PeriodRunsBackwards(Exception):
    """The running period does not run forward."""

    def __init__(self) -> None:
        super().__init__("period_start must lie before period_end.")


@dataclass(frozen=True, slots=True)
class BillingReport:
    """What the host system billed for the running period, before we did, in minor units; None is the list price, with
    today's rate of tax. `tax_rate` is a percentage, `pay_url` where its bill can be paid."""

    unit_price: int | None = None
    discount: str | None = None
    net: int | None = None
    tax_rate: str | None = None
    pay_url: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What it says, without the discount, which the service keeps."""
        return {name: value for name, value in asdict(self).items() if value is not None and name != "discount"}


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """What the host says of a service. At an update, None is unchanged; at creation a quantity of None is 1, and the
    period is paid. `correction` says who puts right what was reported before, and why."""

    customer: str
    plan: str
    cycle: str
    currency: str
    status: str
    period_start: datetime
    period_end: datetime
    quantity: int | None = None
    paid: bool | None = None
    discount: str | None = None
    billing: BillingReport | None = None
    anchor_day: int | None = None
    correction: Attribution | None = None

    @property
    def period(self) -> Period:
        """Raises PeriodRunsBackwards."""
        if self.period_start >= self.period_end:
            raise PeriodRunsBackwards()
        return Period(self.period_start, self.period_end)

    @property
    def discount_name(self) -> str | None:
        return (self.billing.discount if self.billing else None) or self.discount

    def said(self) -> dict[str, Any]:
        """What it says of all that counts at creation only, as JSON by field. That the period was paid is news later,
        too; that it was not is none."""
        said = {
            "plan": self.plan,
            "cycle": self.cycle,
            "currency": self.currency,
            "period": self.period.as_json(),
            "quantity": self.quantity,
            "anchor_day": self.anchor_day,
            "discount": self.discount_name,
            "billing": self.billing.as_json() if self.billing else None,
            "paid": False if self.paid is False else None,
        }
        return {field: value for field, value in said.items() if value is not None}
