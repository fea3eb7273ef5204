"""What operators see: gateway events, payments, refunds, dead letters."""

from __future__ import annotations

from typing import Any

from planshift_client.shapes.base import Instant, Money, Shape, told


class Action(Shape):
    """What a person did to a row."""

    action: str = told("What.", "payment.refund")
    actor: str = told("Who, as they named themselves.", "night shift")
    reason: str = told("Why, in their words.", "Paid twice.")
    at: Instant = told("Business time.", "2027-07-17T03:00:00Z")
    details: dict[str, Any] = told("What belongs to it.", {"refund": "ref_01k9f3"})


class GatewayEvent(Shape):
    """An event of a gateway in the inbox."""

    id: str = told("Ours.", "evt_01k9f3")
    gateway: str = told("The adapter.", "standard")
    source: str = told("webhook, list, fetch or manual.", "webhook")
    event_key: str = told("The gateway's own id of it.", "evt_1")
    status: str = told("received, parked, retry, processed, ignored, poison or dead.", "processed")
    deliveries: int = told("How often it came.", 1)
    conflicting: bool = told("It came again with other contents.", False)
    attempts: int = told("How often it was tried.", 1)
    error: str | None = told("What went wrong last.", "No payment of ours matches it yet.")
    received_at: Instant = told("Machine time.", "2027-07-17T03:00:00Z")
    next_at: Instant | None = told("When it is tried next.", "2027-07-17T03:01:00Z")


class RecordedPayment(GatewayEvent):
    """Money that a person entered: it goes through the inbox like everything else."""

    repeated: bool = told("The same line of the statement was entered before.", False)


class Movement(Shape):
    """One movement of money at a gateway or a bank."""

    id: str = told("Ours.", "mny_01k9f3")
    kind: str = told("payment, refund, refund_failed, dispute, dispute_won or late_failure.", "payment")
    gateway: str = told("The adapter.", "standard")
    gateway_object: str = told("The gateway's own id of it.", "ch_1")
    amount: Money = told("Always positive.", {"amount": 1331, "currency": "JPY"})
    outcome: str = told("Where it was put.", "held")
    invoice: str | None = told("The invoice that it is for.", "inv_01k9f3")
    attempt: str | None = told("The payment attempt that it came of.", "pay_01k9f3")
    of: str | None = told("The payment that it takes from.", "mny_01k9f2")
    paid_at: Instant = told("As the gateway says.", "2027-07-17T03:05:00Z")
    event: str | None = told("The event that told of it.", "evt_01k9f3")


class Refund(Shape):
    """Money that we send back."""

    id: str = told("Ours; the idempotency key at the gateway.", "ref_01k9f3")
    payment: str = told("What it is taken from.", "mny_01k9f3")
    amount: Money = told("What goes back.", {"amount": 300, "currency": "JPY"})
    status: str = told("sending, pending, succeeded or failed.", "pending")
    actor: str = told("Who started it.", "night shift")
    reason: str = told("Why.", "Paid twice.")
    error: str | None = told("What the gateway said.", "The account is closed.")
    to_decide: Money = told("What of it waits for a person, after it failed.", {"amount": 0, "currency": "JPY"})


class Payment(Movement):
    """A payment with its refunds."""

    refundable: Money = told("What may still go back.", {"amount": 1331, "currency": "JPY"})
    refunds: list[Refund] = told("Oldest first.")
    actions: list[Action] = told("What operators did to it, oldest first.")


class GatewayEventDetail(GatewayEvent):
    """With the bodies as they came, and what was booked of it."""

    body: str | None = told("As it came.", '{"type": "payment.succeeded"}')
    conflicting_body: str | None = told("The other contents, where there were some.", '{"type": "payment.failed"}')
    payments: list[Movement] = told("What was booked of it.")
    actions: list[Action] = told("What operators did to it, oldest first.")


class RefusedWebhook(Shape):
    """A webhook whose signature was not right. Believe nothing in it."""

    gateway: str = told("The adapter that it was sent to.", "standard")
    reason: str = told("What was wrong.", "no signature matches")
    headers: dict[str, Any] = told("As it came.", {"webhook-id": "1"})
    body_start: str | None = told("As it came.", "{")
    refused_at: Instant = told("Machine time.", "2027-07-17T03:00:00Z")


class DeadLetter(Shape):
    """A row that waits for a person after its last attempt."""

    id: str = told("The row's id.", "msg_01k9f3")
    kind: str = told("What it is.", "mail")
    provider: str = told("Whose.", "dns")
    what: str = told("What it was to do; it names no customer.", "plan_changed of chg_01k9f3")
    attempts: int = told("How often it was tried in vain.", 20)
    error: str | None = told("What went wrong last.", "ConnectionRefusedError")
    customer: str | None = told("Whom a mail did not reach.", "Acme", default=None)


class RetriedRow(Shape):
    """A dead letter that is tried again."""

    id: str = told("Its id.", "msg_01k9f3")
    enqueued: str = told("The row that is tried: a new payment where the gateway refused the old one.", "msg_01k9f3")
