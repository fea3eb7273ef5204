"""What request bodies must look like."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from domain.money import Money
from engine.host_reports import BillingReport, ServiceReport
from models.audit import Attribution

Ref = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._~-]+$")]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


def _lines(value: Any) -> Any:
    return value.splitlines() if isinstance(value, str) else value


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CustomerBody(Body):
    name: Text
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
    locale: Annotated[str, Field(pattern=r"^[a-z]{2}([-_][A-Z]{2})?$")] = "en"
    address: Annotated[list[Text], BeforeValidator(_lines), Field(max_length=8)] = Field(default_factory=list)
    tax_id: Annotated[str, Field(max_length=40)] | None = None
    tax_exempt: bool = False


Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
Minor = Annotated[int, Field(ge=0, le=10**12, description="minor units")]


class BillingBody(Body):
    """What the host system billed for the running period; whatever is left out is the list price, with today's tax."""

    unit_price: Minor | None = None
    discount: Text | None = None
    net: Minor | None = None
    tax_rate: Annotated[str, Field(pattern=r"^\d{1,3}(\.\d{1,4})?$", description="per cent")] | None = None
    pay_url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://")] | None = None


class ServiceBody(Body):
    customer: Ref
    plan: Text
    cycle: Text
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")]
    status: Literal["pending", "active", "past_due", "suspended", "canceled", "terminated"] = "active"
    period_start: AwareDatetime
    period_end: AwareDatetime
    quantity: Quantity = 1
    paid: bool | None = None
    discount: Text | None = None
    billing: BillingBody | None = None
    anchor_day: Annotated[int, Field(ge=1, le=31)] | None = None

    def report(self) -> ServiceReport:
        values = {name: getattr(self, name) for name in type(self).model_fields}
        billing = BillingReport(**self.billing.model_dump()) if self.billing else BillingReport()
        return ServiceReport(**values | {"billing": billing})


Usage = Annotated[dict[Ref, Annotated[int, Field(ge=0, le=10**15)]], Field(max_length=50)]


class QuoteBody(Body):
    service: Ref
    plan: Text
    cycle: Text
    quantity: Quantity | None = None


class MoneyBody(Body):
    amount: Annotated[int, Field(ge=0, le=10**12, description="minor units")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    def money(self) -> Money:
        return Money(self.amount, self.currency)


class PlanChangeBody(QuoteBody):
    quote: Ref | None = None
    accept_total: MoneyBody | None = None
    replace: bool = False
    note: Annotated[str, Field(max_length=2_000)] | None = None


class DecisionBody(Body):
    """An operator's decision is kept with the actor and the reason."""

    actor: Words
    reason: Words

    @property
    def attribution(self) -> Attribution:
        return Attribution(self.actor, self.reason)


class PortalSessionBody(Body):
    customer: Ref


class TestClockBody(Body):
    now: AwareDatetime
