"""The ending of a service: what it would do, and what has become of it."""

from __future__ import annotations

from planshift_client.shapes.base import Instant, Money, Shape, told
from planshift_client.shapes.changes import QuoteLine


class CancellationPreview(Shape):
    """What ending a service would do at this moment. Nothing is ended by looking."""

    service: str = told("The service's `ref`.", "zone-1")
    at: str = told("period_end or now.", "now")
    ends_at: Instant = told("When it would end.", "2027-07-17T03:00:00Z")
    credit: Money = told("What is given back, tax included.", {"amount": 1597, "currency": "JPY"})
    lost: Money = told("What the unused time is worth and nobody gets, tax included.", {"amount": 0, "currency": "JPY"})
    pays_invoices: Money = told("Of the credit: what pays open invoices.", {"amount": 0, "currency": "JPY"})
    credit_becomes: str = told("account_credit, or refund where gateways can pay it back.", "account_credit")
    lines: list[QuoteLine] = told("Those of the credit note; credits are negative.")
    voided_invoices: list[str] = told("Ids of unpaid invoices that would be void.", ["inv_01k9f3"])
    canceled_plan_changes: list[str] = told("Ids of the changes that would end with it.", ["chg_01k9f3"])


class Cancellation(Shape):
    """The ending of a service, as it was asked for and as it stands."""

    id: str = told("Ours.", "end_01k9f3")
    service: str = told("The service's `ref`.", "zone-1")
    at: str = told("period_end or now.", "period_end")
    status: str = told("scheduled, ending (the host is being told), ended or withdrawn.", "scheduled")
    ends_at: Instant = told("When the service ends, or ended.", "2027-07-31T15:00:00Z")
    revocable: bool = told("Whether DELETE takes it back.", True)
    credit: Money = told("What was given back, tax included.", {"amount": 0, "currency": "JPY"})
    lost: Money = told("What the unused time was worth besides.", {"amount": 0, "currency": "JPY"})
    credit_note: str | None = told("The id of its credit note, with `GET /v1/invoices/{id}`.", "inv_01k9f3")
    idempotency_key: str = told("The one that it was asked for with.", "end-zone-1")
    received_at: Instant = told("When it was asked for.", "2027-07-17T03:00:00Z")
