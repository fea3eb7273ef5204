"""A gateway's report beside what it is about, as the functions of this room hand it on.

`change` is the one that the invoice belongs to, if it is a change's. `at` is when it happened: by the gateway's time,
or by ours where a sandbox's clock was moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.inbox.ownership import PaymentTarget
from gateways.protocol import GatewayEvent
from models.inbox import InboxEvent
from models.payment import Payment
from models.plan_change import PlanChange


@dataclass(frozen=True, slots=True)
class PaymentReport:
    """Of a payment that is to come, or has come. The invoice and its attempt are locked."""

    event: InboxEvent
    gateway_event: GatewayEvent
    target: PaymentTarget
    change: PlanChange | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ReturnReport:
    """Of a payment's money that went back, or came in again. The payment is locked."""

    event: InboxEvent
    gateway_event: GatewayEvent
    payment: Payment
    change: PlanChange | None
    at: datetime

    @property
    def name(self) -> str:
        """What it is about: the refund, all refunds of the payment, or the dispute."""
        return self.gateway_event.gateway_object

    @property
    def clearing(self) -> str:
        """The ledger account of the gateway's money on its way to us."""
        return f"clearing:{self.payment.connection.adapter}"

    @property
    def unmatched(self) -> str:
        """That of the gateway's money which belongs to nothing."""
        return f"unmatched:{self.payment.connection.adapter}"
