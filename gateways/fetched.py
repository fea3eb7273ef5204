"""A payment that was fetched, told as the facts that its webhooks would have told."""

from __future__ import annotations

import json
from datetime import datetime

from domain.money import Money
from domain.periods import parse_instant
from gateways.protocol import EventKind, GatewayEvent, GatewayPayment

_KINDS = {
    "open": EventKind.PAYMENT_PENDING,
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
    """The same state fetched twice is told once."""
    return f"fetch:{payment.gateway_ref}:{payment.status}:{payment.refunded}:{payment.charged_back}"


def facts_of(body: bytes) -> list[GatewayEvent]:
    """The reverse of body_of: the payment's status, and what went back of it."""
    told = json.loads(body)
    amount, money_ref = Money.from_json(told["amount"]), told["money_ref"]

    def fact(kind: EventKind, gateway_object: str, amount_minor: int) -> GatewayEvent:
        return GatewayEvent(
            kind=kind,
            gateway_object=gateway_object,
            gateway_ref=money_ref,
            reference=told["reference"],
            amount=Money(amount_minor, amount.currency),
            occurred_at=parse_instant(told["at"]),
        )

    facts = [fact(_KINDS[told["status"]], money_ref, amount.amount)]
    if told["refunded"]:
        facts.append(fact(EventKind.REFUND_SUCCEEDED, f"{money_ref}:refunded", told["refunded"]))
    if told["charged_back"]:
        facts.append(fact(EventKind.DISPUTE_LOST, f"{money_ref}:chargeback", told["charged_back"]))
    return facts
