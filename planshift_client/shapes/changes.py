"""Quotes and plan changes."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from planshift_client.shapes.base import Instant, Money, Period, Shape, told
from planshift_client.shapes.invoices import InvoiceSummary


class Share(Shape):
    """The part of a period that an amount is for."""

    part: int = told("So many …", 15)
    whole: int = told("… of so many.", 31)
    unit: str = told("days, seconds or all.", "days")


class QuoteLine(Shape):
    """One line of a price, with its arithmetic in words and for a program."""

    kind: str = told(
        "charge, credit, fee, unchanged, rounding, minimum, waived, ceiling, forfeited, included_tax or tax.", "charge"
    )
    description: str = told("In the customer's language.", "Business (monthly), July 17, 2027 – July 31, 2027")
    arithmetic: str = told("The sum in words.", "15 of 31 days at ¥3,000 = ¥1,452")
    amount: Money = told("Negative for a credit.", {"amount": 1452, "currency": "JPY"})
    share: Share | None = told("The part of the period.")
    full_price: Money | None = told("The price of the whole period.")
    period: Period | None = told("The time that it is for.")
    code: str | None = told("The tax rate's code.", "jp-10")
    percent: str | None = told("The tax rate, a decimal.", "10")
    base: Money | None = told("What a tax is computed on.")


class PlanTerms(Shape):
    """A plan as a quote shows it."""

    plan: str = told("The plan's id.", "business")
    plan_name: str = told("As customers read it.", "Business")
    cycle: str = told("The billing cycle's id.", "monthly")
    price: Money = told("Of a period for all units, before discount.")
    unit_price: Money = told("Of a period for one unit.")
    quantity: int = told("Units.", 1)
    limits: dict[str, int] = told("What the plan allows.", {"zones": 50})


class NextRenewal(Shape):
    """When the service renews next, and for how much."""

    at: Instant = told("The end of the period.", "2027-07-31T15:00:00Z")
    amount: Money = told("Tax included, before account credit.", {"amount": 3300, "currency": "JPY"})


class PriceSummary(Shape):
    """What a change costs, in lists."""

    kind: str = told("upgrade, downgrade, lateral or cycle.", "upgrade")
    timing: str = told("now, at_renewal or manual_review.", "now")
    effective: str = told("now or at_renewal.", "now")
    total: Money = told(
        "net + tax + rounding; negative where a credit note follows.", {"amount": 1331, "currency": "JPY"}
    )
    credit_applied: Money = told("Account credit that pays a part.", {"amount": 0, "currency": "JPY"})
    total_due_today: Money = told("What is to be paid.", {"amount": 1331, "currency": "JPY"})
    effective_at: Instant = told("When the plan changes.", "2027-07-17T03:00:00Z")
    expires_at: Instant = told("Until when the price is promised.", "2027-07-17T03:30:00Z")
    digest: str = told("sha256 over the price and all that it was made from.", "9f86d081")


class Price(PriceSummary):
    """What a change costs, line by line, as its customer reads it."""

    from_: PlanTerms = told("What the service has.", alias="from")
    to: PlanTerms = told("What it is to have.")
    quantity: int = told("Units afterwards.", 1)
    lines: list[QuoteLine] = told("They add up to `total`.")
    net: Money = told("Of the lines, without tax.", {"amount": 1210, "currency": "JPY"})
    tax: Money = told("Of all rates.", {"amount": 121, "currency": "JPY"})
    rounding: Money = told(
        "After tax, where only the total is rounded (EN 16931 BT-114).", {"amount": 0, "currency": "JPY"}
    )
    credit_created: Money = told("Account credit that a negative total becomes.", {"amount": 0, "currency": "JPY"})
    refund: Money = told("What of it is paid back.", {"amount": 0, "currency": "JPY"})
    next_renewal: NextRenewal = told("What comes next.")
    new_period: Period = told("The running period afterwards.")
    notes: list[str] = told("What else the customer should know, in sentences.", ["The renewal on August 1 stays."])
    tax_treatment: str = told("taxed, reverse_charge, exempt or none.", "taxed")
    renewal_lines: list[QuoteLine] = told("Of the coming invoice, where the change waits for the renewal.")


class ExpandedPrice(Price):
    """With how it was made, and what it does to the billed items: for programs that check."""

    new_anchor_day: int = told("The day of the month that the service renews on afterwards.", 1)
    new_anchor_time: str = told("The local time of day.", "00:00:00")
    opened: list[dict[str, Any]] = told("Billed items that it makes.", {"line": 1})
    taken: list[dict[str, Any]] = told("What it takes back of older ones.", {"item": "itm_01k9f3", "net": 242})
    rule: int = told("The place of the catalogue's rule that decided, from 0.", 0)
    proration: dict[str, Any] = told("The axes of its proration.", {"fraction": "days"})
    catalog_digest: str = told("sha256 of the catalogue.", "2c26b46b")


class Quote(ExpandedPrice):
    """A price that is promised until `expires_at`; nothing is charged."""

    id: str = told("Send it as `quote` to accept it.", "qt_01k9f3")


class Side(Shape):
    """A plan in a cycle."""

    plan: str = told("The plan's id.", "basic")
    cycle: str = told("The billing cycle's id.", "monthly")


class Target(Side):
    """What was asked for."""

    quantity: int | None = told("Units; null keeps the service's.", 1)


class PaymentAttempt(Shape):
    """One payment that was asked of a gateway. The checkout page is there only while it can be paid."""

    id: str = told("Ours.", "pay_01k9f3")
    status: str = told(
        "creating, open, action_required, pending, succeeded, failed, declined, expired, canceling or canceled.", "open"
    )
    amount: Money = told("What is asked for.", {"amount": 1331, "currency": "JPY"})
    checkout_url: str | None = told("Where the customer pays.", "https://pay.example/c/1")
    client_token: str | None = told("For gateways whose form stands on the provider's own page.", "tok_1")
    error: str | None = told("What the gateway said.", "The card was declined.")
    pending_since: Instant | None = told(
        "Since when the money is on its way, as with a bank debit: nobody is asked to pay then.", "2027-07-17T03:00:00Z"
    )
    pending_until: Instant | None = told("Until when the offer waits for it.", "2027-07-31T03:00:00Z")
    message: str | None = told("What the customer may expect, in their language.", "Your payment is on its way.")


class AttemptDetail(PaymentAttempt):
    """A payment attempt on its own: what it is for, and what came of it."""

    invoice: str = told("The invoice that it collects.", "inv_01k9f3")
    plan_change: str | None = told("The change that the invoice is for; null for a renewal.", "chg_01k9f3")
    gateway: str = told("The adapter.", "standard")
    created_at: Instant = told("Machine time.", "2027-07-17T03:00:00Z")
    expires_at: Instant = told("Until when it can be paid.", "2027-07-24T03:00:00Z")
    payments: list[str] = told("The movements of money that came of it; operators fetch them.", ["mny_01k9f3"])


class TimelineEntry(Shape):
    """One move of a plan change."""

    at: Instant = told("Business time.", "2027-07-17T03:00:00Z")
    event: str = told("What moved it.", "quote")
    from_: str | None = told("The status before.", "requested", alias="from")
    to: str = told("The status after.", "quoted")
    actor: str = told("Who: customer, operator, gateway, system, …", "system")
    reason: str | None = told("Why, where there is something to say.", "price_changed")


class PlanChange(Shape):
    """A plan change: where it stands, what it costs, what comes next."""

    id: str = told("Ours.", "chg_01k9f3")
    service: str = told("The service's `ref`.", "zone-1")
    customer: str = told("The customer's `ref`.", "acme")
    status: str = told("Where it stands.", "awaiting_payment")
    phase: str = told("waiting_for_us, waiting_for_payment, scheduled, done or ended.", "waiting_for_payment")
    kind: str | None = told("upgrade, downgrade, lateral or cycle; null until it is priced.", "upgrade")
    from_: Side = told("What the service had when it was asked for.", alias="from")
    to: Target = told("The plan that it is to have.")
    quote: ExpandedPrice | Price | PriceSummary | None = Field(
        description="The price that was accepted: in lists its sums, else its lines; `expand=quote`: how it was made.",
        union_mode="left_to_right",
    )
    settled: ExpandedPrice | Price | PriceSummary | None = Field(
        description="What it was settled for, where it was paid on a later day than it was priced for; else null.",
        union_mode="left_to_right",
    )
    invoice: InvoiceSummary | None = told("Its invoice, a proforma until it is paid.")
    payment: PaymentAttempt | None = told("The newest attempt to pay it.")
    payable_until: Instant | None = told("When the offer ends.", "2027-07-24T03:00:00Z")
    effective_at: Instant | None = told("When the plan changes, or did.", "2027-07-17T03:00:00Z")
    reason: str | None = told("Why it ended or waits; a stable code.", "over_limit")
    reason_text: str | None = told("The same in a sentence.", "Basic is too small for what is used now.")
    reason_details: dict[str, Any] | None = told("The same for a program.", {"limits": {"zones": {"reduce_by": 2}}})
    idempotency_key: str = told("The key that it was asked for with.", "order-4711")
    received_at: Instant = told("When it was asked for.", "2027-07-17T03:00:00Z")
    next_actions: list[str] = told("Routes below the change that a frontend may offer now.", ["pay", "cancel"])
    timeline: list[TimelineEntry] = told("Its moves, oldest first.")
