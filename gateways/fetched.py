"""A payment that was fetched, as the events that its webhooks would have reported."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from domain.money import Money
from domain.periods import parse_instant
from gateways.protocol import EventKind, GatewayEvent, GatewayPayment

_KINDS = {
    "open": EventKind.PAYMENT_OPEN,
    "pending": EventKind.PAYMENT_PENDING,
    "action_required": EventKind.PAYMENT_ACTION_REQUIRED,
    "succeeded": EventKind.PAYMENT_SUCCEEDED,
    "failed": EventKind.PAYMENT_FAILED,
    "canceled": EventKind.PAYMENT_CANCELED,
}


def body_of(payment: GatewayPayment, reference: str, now: datetime) -> bytes:
    """The fetched state as the inbox keeps it. `reference` is our attempt's id, `now` (UTC) stands where the gateway
    does not say when it was paid."""
    document = {
        "gateway_ref": payment.gateway_ref,
        "money_ref": payment.money_ref or payment.gateway_ref,
        "reference": reference,
        "status": payment.status,
        "amount": payment.amount.as_json(),
        "at": (payment.paid_at or now).isoformat(),
        "refunded": payment.refunded,
        "charged_back": payment.charged_back,
        "fetched_at": now.isoformat(),
        "failed_refunds": [[refund.gateway_ref, refund.amount] for refund in payment.failed_refunds],
    }
    return json.dumps(document, sort_keys=True).encode()


def key_of(payment: GatewayPayment) -> str:
    """The same state fetched twice has one key. After a refund that failed, one of the same sum is another state."""
    failed = f":{len(payment.failed_refunds)}" if payment.failed_refunds else ""
    return f"fetch:{payment.gateway_ref}:{payment.status}:{payment.refunded}:{payment.charged_back}{failed}"


def gateway_events_of(body: bytes) -> list[GatewayEvent]:
    """The reverse of body_of: the payment's status, and what went back of it."""
    reported = json.loads(body)
    amount, money_ref = Money.from_json(reported["amount"]), reported["money_ref"]
    refunded = reported["refunded"]
    # What was fetched before this was written down has no time of its own.
    fetched_at = reported.get("fetched_at", reported["at"])

    def gateway_event(kind: EventKind, gateway_object: str, amount_minor: int, at: str) -> GatewayEvent:
        return GatewayEvent(
            kind=kind,
            gateway_object=gateway_object,
            gateway_ref=money_ref,
            reference=reported["reference"],
            amount=Money(amount_minor, amount.currency),
            occurred_at=parse_instant(at),
        )

    gateway_events = [gateway_event(_KINDS[reported["status"]], money_ref, amount.amount, reported["at"])]
    for refund_ref, failed in reported.get("failed_refunds", ()):
        failure = gateway_event(EventKind.REFUND_FAILED, refund_ref, failed, fetched_at)
        gateway_events.append(replace(failure, refunded=refunded))
    if refunded:
        gateway_events.append(gateway_event(EventKind.REFUND_SUCCEEDED, f"{money_ref}:refunded", refunded, fetched_at))
    if reported["charged_back"]:
        gateway_events.append(
            gateway_event(EventKind.DISPUTE_LOST, f"{money_ref}:chargeback", reported["charged_back"], reported["at"])
        )
    return gateway_events
