"""A payment that was fetched, as the events that its webhooks would have reported."""

from __future__ import annotations

import json
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
    }
    return json.dumps(document, sort_keys=True).encode()


def key_of(payment: GatewayPayment) -> str:
    """The same state fetched twice has one key."""
    return f"fetch:{payment.gateway_ref}:{payment.status}:{payment.refunded}:{payment.charged_back}"


def gateway_events_of(body: bytes) -> list[GatewayEvent]:
    """The reverse of body_of: the payment's status, and what went back of it."""
    reported = json.loads(body)
    amount, money_ref = Money.from_json(reported["amount"]), reported["money_ref"]

    def gateway_event(kind: EventKind, gateway_object: str, amount_minor: int) -> GatewayEvent:
        return GatewayEvent(
            kind=kind,
            gateway_object=gateway_object,
            gateway_ref=money_ref,
            reference=reported["reference"],
            amount=Money(amount_minor, amount.currency),
            occurred_at=parse_instant(reported["at"]),
        )

    gateway_events = [gateway_event(_KINDS[reported["status"]], money_ref, amount.amount)]
    if reported["refunded"]:
        gateway_events.append(gateway_event(EventKind.REFUND_SUCCEEDED, f"{money_ref}:refunded", reported["refunded"]))
    if reported["charged_back"]:
        gateway_events.append(
            gateway_event(EventKind.DISPUTE_LOST, f"{money_ref}:chargeback", reported["charged_back"])
        )
    return gateway_events
