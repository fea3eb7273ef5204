"""What request bodies must look like."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, WithJsonSchema, model_validator

from domain.money import Money
from engine.host_reports import BillingReport, ServiceReport
from models.audit import Attribution
from planshift_client.shapes.base import told
from web.api.fields import (
    REF,
    Address,
    Country,
    Currency,
    Email,
    Locale,
    Moment,
    Note,
    Ref,
    TaxId,
    Text,
    Whole,
    Words,
)


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CustomerBody(Body):
    """Who pays."""

    name: Text = told("As documents address them.", "Acme")
    email: Email = told("Where mail goes: one mailbox.", "acme@example.com")
    country: Country = told("ISO 3166-1, of two letters or three; it decides the tax.", "JP")
    locale: Locale = told(
        "A language tag (BCP 47): pages, mails and documents are in the nearest of its parents that they are"
        " written in, else in English.",
        "ja-JP",
        default="en",
    )
    address: Address = told(
        "Lines, as printed; one text with line breaks will do.", ["1-2-3 Example"], default_factory=list
    )
    tax_id: TaxId | None = told("Printed on invoices.", "T1234567890123", default=None)
    tax_exempt: StrictBool = told("No tax is charged.", False, default=False)


Quantity = Annotated[Whole, Field(ge=1, le=1_000_000)]
Minor = Annotated[Whole, Field(ge=0, le=10**12)]


class BillingBody(Body):
    """What the host system billed for the running period; whatever is left out is the list price, with today's tax."""

    unit_price: Minor | None = told("Of one unit, in minor units.", 500, default=None)
    discount: Text | None = told(
        "The catalogue's name of the discount that it was billed with.", "spring", default=None
    )
    net: Minor | None = told("What was billed without tax, in minor units.", 500, default=None)
    tax_rate: Annotated[str, Field(pattern=r"^\d{1,3}(\.\d{1,4})?$")] | None = told(
        "The rate that was charged, per cent.", "10", default=None
    )
    pay_url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://")] | None = told(
        "Where your own bill can be paid.", "https://host.example/bills/1", default=None
    )


class ServiceBody(Body):
    """What a customer has with you, for the running period."""

    customer: Ref = told("The customer's `ref`.", "acme")
    plan: Text = told("The plan's id in the catalogue.", "basic")
    cycle: Text = told("The billing cycle's id.", "monthly")
    currency: Currency = told("ISO 4217 code.", "JPY")
    status: Literal["pending", "active", "past_due", "suspended", "canceled", "terminated"] = told(
        "Where it stands.", "active", default="active"
    )
    period_start: Moment = told("The running period's start.", "2027-06-30T15:00:00Z")
    period_end: Moment = told("Its end.", "2027-07-31T15:00:00Z")
    quantity: Quantity | None = told("Units, such as seats; at creation one, where it is left out.", 1, default=None)
    paid: StrictBool | None = told(
        "Whether the running period was paid; at creation it was, unless you say otherwise.", True, default=None
    )
    discount: Text | None = told("The catalogue's name of a discount that it has.", "spring", default=None)
    billing: BillingBody | None = told("What you billed for the running period.", default=None)
    anchor_day: Annotated[Whole, Field(ge=1, le=31)] | None = told(
        "The day of the month that it renews on, where the period alone does not tell.", 31, default=None
    )
    correct: StrictBool = told(
        "Whether this puts right what was reported wrong before, with `actor` and `reason`.", True, default=False
    )
    actor: Words | None = told("Who corrects it.", "ana", default=None)
    reason: Words | None = told("Why.", "The order form had the wrong plan.", default=None)

    @model_validator(mode="after")
    def _corrected_by_somebody(self) -> ServiceBody:
        if self.correct and not (self.actor and self.reason):
            raise ValueError("correct: true needs actor and reason: who corrects it, and why")
        return self

    def report(self) -> ServiceReport:
        own = {"billing", "correct", "actor", "reason"}
        values = {name: getattr(self, name) for name in type(self).model_fields if name not in own}
        return ServiceReport(
            **values,
            billing=BillingReport(**self.billing.model_dump()) if self.billing else None,
            correction=Attribution(self.actor, self.reason) if self.correct and self.actor and self.reason else None,
        )


USED_MAX = 10**15
Usage = Annotated[
    dict[Ref, Annotated[Whole, Field(ge=0, le=USED_MAX)]],
    Field(max_length=50),
    # What JSON Schema needs to say the same of every key and value.
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": 50,
            "propertyNames": {"pattern": REF, "minLength": 1, "maxLength": 128},
            "additionalProperties": {"type": "integer", "minimum": 0, "maximum": USED_MAX},
            "examples": [{"zones": 3, "records": 120}],
        }
    ),
]


class QuoteBody(Body):
    """A change to be priced."""

    service: Ref = told("The service's `ref`.", "zone-1")
    plan: Text = told("The plan that it is to have.", "business")
    cycle: Text = told("The billing cycle that it is to have.", "monthly")
    quantity: Quantity | None = told("Units; as many as now where it is left out.", 1, default=None)


class MoneyBody(Body):
    """An amount that was agreed to."""

    amount: Annotated[Whole, Field(ge=0, le=10**12)] = told("Minor units.", 1331)
    currency: Currency = told("ISO 4217 code.", "JPY")

    def money(self) -> Money:
        return Money(self.amount, self.currency)


class PlanChangeBody(QuoteBody):
    """A change that is asked for, at a price that was accepted."""

    quote: Ref | None = told("The id of the quote that the customer accepted.", "qt_01k9f3", default=None)
    accept_total: MoneyBody | None = told("Instead of a quote: the total due today that they accept.", default=None)
    replace: StrictBool = told("Takes the place of an open change that is not paid.", False, default=False)
    note: Note | None = told("The customer's own words, for staff.", "Please before Friday.", default=None)


class CancellationBody(Body):
    """How a service is to end."""

    at: Literal["period_end", "now"] = told("At the end of the period, or at once.", "period_end", default="period_end")
    accept_credit: MoneyBody | None = told(
        "The credit that the customer was shown for an ending at once.", default=None
    )
    reason: Words | None = told("Why, for the history.", "moves to another plan", default=None)


class DecisionBody(Body):
    """An operator's decision is kept with the actor and the reason."""

    actor: Words = told("Who decides, as you name yourselves.", "night shift")
    reason: Words = told("Why, in your words.", "The host is back.")

    @property
    def attribution(self) -> Attribution:
        return Attribution(self.actor, self.reason)


class ApprovalBody(DecisionBody):
    """Staff's yes."""

    unit_price: MoneyBody | None = told(
        "What one unit costs this service instead of the catalogue's price, now and at renewals: that or less.",
        default=None,
    )


class ReturnsBody(DecisionBody):
    """What becomes of money that went back."""

    decision: Literal["keep", "owe"] = told("keep: the money is lost; owe: the customer owes it again.", "owe")


class TestClockBody(Body):
    """Where a sandbox's clock is to stand."""

    now: Moment = told("Never before where it stands now.", "2027-07-17T03:00:00Z")
