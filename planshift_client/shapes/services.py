"""Customers, their services, and what these may change to."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from planshift_client.shapes.base import Instant, Money, Shape, told


class Customer(Shape):
    """Who pays, as the host system reported it."""

    id: str = told("Ours.", "cus_01k9f3")
    ref: str = told("The host system's.", "acme")
    name: str = told("As documents address them.", "Acme")
    email: str = told("Where mail goes.", "acme@example.com")
    country: str = told("ISO 3166-1 alpha-2; it decides the tax.", "JP")
    locale: str = told("A language tag (BCP 47); pages, mails and documents are in this language.", "ja-JP")
    address: list[str] = told("Lines, as printed.", ["1-2-3 Example"])
    tax_id: str | None = told("The customer's tax number.", "T1234567890123")
    tax_exempt: bool = told("No tax is charged.", False)


class Service(Shape):
    """What a customer has: a plan, at the price it was bought for, for the running period."""

    id: str = told("Ours.", "svc_01k9f3")
    ref: str = told("The host system's.", "zone-1")
    customer: str = told("The customer's `ref`.", "acme")
    status: str = told("pending, active, past_due, suspended, canceled or terminated.", "active")
    plan: str = told("The plan's id in the catalogue.", "basic")
    cycle: str = told("The billing cycle's id.", "monthly")
    quantity: int = told("Units, such as seats.", 1)
    price: Money = told("Of a period for all units, before discount.", {"amount": 500, "currency": "JPY"})
    currency: str = told("ISO 4217 code.", "JPY")
    limits: dict[str, int] = told("What the plan allows.", {"zones": 3})
    usage: dict[str, int] = told("What is used, as the host last reported or was measured.", {"zones": 2})
    period_start: Instant = told("The running period's start.", "2027-06-30T15:00:00Z")
    period_end: Instant = told("Its end; the service renews then, unless it ends.", "2027-07-31T15:00:00Z")
    ends_at: Instant | None = told("When it ends, where that was asked for.", "2027-07-31T15:00:00Z")
    anchor_day: int = told("The day of the month that it renews on, or the month's last.", 31)
    anchor_assumed: bool = told("Whether that day was read off a period; if wrong, report `anchor_day`.", False)


class Resumption(Shape):
    """What became of the period of a service that is back in service. Nothing is billed for the time in between."""

    policy: str = told("The catalogue's: restart_period or extend_period.", "restart_period")
    outcome: str = told(
        "kept: the running period goes on; restarted: a new one begins now; extended: its paid rest is given back as"
        " time; reported: it is the one that you said.",
        "restarted",
    )
    out_since: Instant = told("From when on it was out of service.", "2027-07-20T03:00:00Z")
    period_start: Instant = told("The period that runs now; a new one is invoiced next.", "2028-01-10T03:00:00Z")
    period_end: Instant = told("Its end.", "2028-02-10T03:00:00Z")
    anchor_day: int = told("The day of the month that it renews on from now on.", 10)
    moved_days: int = told("By how many local days the period was moved.", 0)


class Correction(Shape):
    """A field that was put right."""

    before: Any = told("What we held.", "basic")
    after: Any = told("What we hold now.", "start")


class ReportedService(Service):
    """The service after what the host reported of it."""

    canceled_plan_changes: list[str] = told(
        "Changes that ended: the service is not active, or what they were priced on was corrected.", ["chg_01k9f3"]
    )
    resumed: Resumption | None = told("What became of the period, where the service is back in service.")
    corrected: dict[str, Correction] = told(
        "By field, what was put right.", {"plan": {"before": "basic", "after": "start"}}
    )


class Refusal(Shape):
    """Why something is not offered; more keys with what to do, where there is something to do."""

    model_config = ConfigDict(extra="allow")

    code: str = told("Stable.", "over_limit")
    text: str = told("A sentence in the customer's language.", "Basic is too small for what is used now.")


class PlanOption(Shape):
    """One plan in one cycle, and whether the service may change to it."""

    plan: str = told("The plan's id.", "business")
    name: str = told("As customers read it.", "Business")
    cycle: str = told("The billing cycle's id.", "monthly")
    cycle_name: str = told("As customers read it.", "monthly")
    price: Money = told("Of one unit for one cycle, before tax where prices exclude it.")
    limits: dict[str, int] = told("What the plan allows.", {"zones": 50})
    available: bool = told("Whether it can be had by a plan change.", True)
    manual_request: bool = told("Whether a change to it is a request that staff look at.", False)
    kind: str | None = told(
        "upgrade, downgrade, lateral or cycle; absent where it is refused.", "upgrade", default=None
    )
    effective: str | None = told("now or at_renewal.", "now", default=None)
    total_due_today: Money | None = told("What it would cost today, after credit.", default=None)
    reason: Refusal | None = told("Why it is not available.", default=None)


class PlanOptionGroup(Shape):
    """The options of one category."""

    category: str = told("Its id.", "dns")
    name: str = told("As customers read it.", "DNS")
    options: list[PlanOption] = told("In the catalogue's order.")


class PlanPrice(Shape):
    """What one unit of a plan costs."""

    cycle: str = told("The billing cycle's id.", "monthly")
    cycle_name: str = told("As customers read it.", "monthly")
    price: Money = told("Before tax where prices exclude it.", {"amount": 3000, "currency": "JPY"})


class Plan(Shape):
    """A plan of the catalogue."""

    id: str = told("Send it as `plan`.", "business")
    name: str = told("As customers read it.", "Business")
    category: str = told("Its category's id.", "dns")
    category_name: str = told("As customers read it.", "DNS")
    rank: int = told("Its place in the category: higher is an upgrade.", 3)
    limits: dict[str, int] = told("What it allows.", {"zones": 50})
    prices: list[PlanPrice] = told("By cycle and currency.")
    sold: bool = told("Whether it can still be had.", True)


class CurrentPlan(Shape):
    """What the service has."""

    plan: str = told("The plan's id.", "basic")
    cycle: str = told("The billing cycle's id.", "monthly")


class PlanOptions(Shape):
    """Every plan and cycle by category: available or not, and if not, why and what to do."""

    service: str = told("The service's `ref`.", "zone-1")
    current: CurrentPlan = told("What it has now.")
    categories: list[PlanOptionGroup] = told("In the catalogue's order.")
    manual_request: bool = told("Whether staff would look at a request for any of them.", False)


class Balance(Shape):
    """Account credit that can be spent."""

    customer: str = told("The customer's `ref`.", "acme")
    credit: list[Money] = told("One for each currency of the customer's services.")


class CreditEntry(Shape):
    """One movement of account credit: what came in is positive, what was used is negative."""

    at: Instant = told("Business time.", "2027-07-17T03:00:00Z")
    event: str = told("What it was.", "settle")
    source: str = told("The id of what it was for.", "inv_01k9f3")
    amount: Money = told("Signed.", {"amount": 209, "currency": "JPY"})


class CreditLedger(Shape):
    """The entries behind a balance, newest first."""

    customer: str = told("The customer's `ref`.", "acme")
    items: list[CreditEntry] = told("Newest first.")


class PortalSession(Shape):
    """A signed link into the portal."""

    url: str = told("Send the customer there.", "https://billing.example.com/portal/sign-in?token=…")
    expires_in: int = told("Seconds until the link is over.", 600)


class CustomerToken(Shape):
    """A token for one customer's browser."""

    token: str = told("Send it as `Authorization: Bearer …`.", "pst_WyJwcnZfMDFrOWYzIl0")
    expires_in: int = told("Seconds until it is over.", 900)


class TestClock(Shape):
    """A sandbox provider's clock."""

    now: Instant = told("Where it stands now.", "2027-07-17T03:00:00Z")


class Health(Shape):
    """That a process answers."""

    status: str = told("ok, or ready.", "ok")
