"""What Planshift needs of a payment gateway, and the one vocabulary for what gateways report.

An adapter holds no state and knows no row: an `Account` comes in, values come out. It is one file here and one
line in `registry.py`; nothing else in the code knows a gateway by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.money import LARGEST_AMOUNT, Money


class GatewayError(Exception):
    """The gateway could not be reached, or did not answer in time: the outcome is unknown, repeat with the same key.
    `retry_after` is the pause (seconds) that it asked for."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class GatewayNotAsked(GatewayError):
    """The gateway was not called at all: too many calls to it are under way, or it has not answered lately."""


class GatewayRefused(Exception):
    """The gateway said no, and will say so again: the request itself is wrong, or our key is."""


class NotAtGateway(GatewayRefused):
    """The gateway does not know the payment: it was opened in another account, or with a key of the other mode."""


class BadSignature(Exception):
    """The webhook is not the gateway's, or is too old: nothing in it may be believed."""


class NotUnderstood(Exception):
    """The webhook is authentic, but its body makes no sense to the adapter."""


class EventKind(StrEnum):
    """What happened at the gateway, in one vocabulary for all of them."""

    PAYMENT_OPEN = "payment.open"  # the payer is still at it
    PAYMENT_PENDING = "payment.pending"  # the payer has done their part, and the money is on its way
    PAYMENT_ACTION_REQUIRED = "payment.action_required"
    PAYMENT_SUCCEEDED = "payment.succeeded"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_CANCELED = "payment.canceled"
    PAYMENT_LATE_FAILED = "payment.late_failed"  # it had succeeded before, as with a direct debit
    REFUND_SUCCEEDED = "refund.succeeded"
    REFUND_FAILED = "refund.failed"
    DISPUTE_OPENED = "dispute.opened"  # the gateway keeps the money back until it is decided
    DISPUTE_WON = "dispute.won"
    DISPUTE_LOST = "dispute.lost"
    FETCH = "look"  # the webhook says only that something happened to a payment: fetch it
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Account:
    """One provider's account at a gateway. `secrets` are all that sign its webhooks now: two during a rotation. Calls
    are counted for the connection."""

    name: str
    base_url: str
    api_key: str
    secrets: tuple[str, ...]
    connection_id: str = ""


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What is requested. `reference` is our attempt's id, and the idempotency key of the call; `webhook_url` is for
    gateways that need with each payment the address to post to."""

    reference: str
    amount: Money
    description: str
    return_url: str
    expires_at: datetime
    webhook_url: str = ""


@dataclass(frozen=True, slots=True)
class AmountRule:
    """Which amounts of a currency are taken, in minor units: multiples of `step` from `minimum` to `maximum`."""

    minimum: int = 1
    maximum: int = LARGEST_AMOUNT
    step: int = 1

    def takes(self, amount: int) -> bool:
        """Whether a payment of so much can be opened."""
        return self.minimum <= amount <= self.maximum and amount % self.step == 0


@dataclass(frozen=True, slots=True)
class FailedRefund:
    """A refund of which the money came back: the gateway's name of it, and how much came back in minor units."""

    gateway_ref: str
    amount: int


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """A payment as the gateway holds it. `status` is one of open, action_required, pending, succeeded, failed,
    canceled.

    `refunded` and `charged_back` are sums so far, `failed_refunds` those that are not, or no longer, in `refunded`.
    `money_ref` is what events call the money, where that is not `gateway_ref`. A payer is sent to `checkout_url`, or a
    frontend of the gateway's own kind is given `client_token`.
    """

    gateway_ref: str
    reference: str | None
    status: str
    amount: Money
    checkout_url: str | None
    paid_at: datetime | None
    refunded: int = 0  # minor units
    charged_back: int = 0  # minor units
    money_ref: str | None = None
    client_token: str | None = None
    failed_refunds: tuple[FailedRefund, ...] = ()

    def __post_init__(self) -> None:
        """Customers are sent there by links of ours. Raises GatewayError."""
        if self.checkout_url is not None and not re.match(r"https?://[^\s/]", self.checkout_url):
            raise GatewayError("its checkout page is no address of http or https")


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    """A refund as the gateway holds it: its name there, and one of pending, succeeded, failed."""

    gateway_ref: str
    status: str


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """One event out of a webhook. `gateway_object` names the payment, refund or dispute that it is about,
    `gateway_ref` and `reference` the payment by the gateway's name and by ours, `text` is what whoever took the payment
    wrote with it: of one that was made by hand, the number of our invoice.

    `amount` of a refund that succeeded is all that was refunded of the payment so far, so that the order in which
    refunds are reported does not matter; of a dispute and of a late failure, it is its own. Of a refund that failed it
    is what came back, none if it never counted as refunded; `refunded` is the sum after that, where it is told.
    """

    kind: EventKind
    gateway_object: str
    gateway_ref: str
    reference: str | None
    amount: Money
    occurred_at: datetime
    text: str | None = None
    refunded: int | None = None  # minor units


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified webhook: the key under which the gateway will repeat it.

    `fetch_only`: nobody signed it, so nothing in it is believed but that something may have happened to the payment
    `gateway_ref`; and a repetition is not a duplicate: fetch again.
    """

    event_key: str
    fetch_only: bool = False
    gateway_ref: str = ""


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """One of the events that a gateway keeps a list of, under the key that its webhook has."""

    event_key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, oldest first, the cursor from which the next page goes on, and whether there is `more` already. What is
    read from the cursor may have been read before, and nothing that is reported later lies before it."""

    events: tuple[ListedEvent, ...]
    cursor: str | None
    more: bool = False


class Gateway(Protocol):
    """What a gateway takes, the five calls to it, and the two steps in which its webhooks are read."""

    refund_returns_for: timedelta
    """For how long after it was reported a refund may still come back: its payment is fetched now and then until that
    time, since the webhook that says so may be lost. Zero: a fetch would not tell."""

    def amount_rule(self, currency: str) -> AmountRule | None:
        """What its documentation says of amounts, so that it is known before anything is asked; None: the currency is
        not taken at all. No call is made."""
        ...

    def create(self, account: Account, request: PaymentRequest) -> GatewayPayment:
        """Opens a payment; the same reference gives the same payment. Raises GatewayError, GatewayRefused."""
        ...

    def fetch(self, account: Account, gateway_ref: str) -> GatewayPayment:
        """Raises GatewayError, GatewayRefused."""
        ...

    def cancel(self, account: Account, gateway_ref: str) -> GatewayPayment:
        """Closes an open payment and returns how it stands: it may have been paid meanwhile. Raises GatewayError."""
        ...

    def refund(self, account: Account, gateway_ref: str, amount: Money, key: str) -> GatewayRefund:
        """Starts a refund of money that came; repeated with the same key it is the same refund.

        Raises GatewayError, GatewayRefused.
        """
        ...

    def recent_events(self, account: Account, cursor: str | None) -> EventPage:
        """The next page of what the gateway has reported since the cursor (None: lately); no events where it keeps no
        list.

        Raises GatewayError, GatewayRefused.
        """
        ...

    def verify(
        self, account: Account, headers: Sequence[tuple[bytes, bytes]], body: bytes, received_at: datetime
    ) -> Delivery:
        """Raises BadSignature unless the account's gateway signed exactly these bytes, within the time window.

        Without a secret nothing is believed: a gateway that signs refuses, one that cannot says `fetch_only`.

        `received_at` is the machine's time (UTC): a signature's window has nothing to do with a sandbox clock.
        """
        ...

    def parse(self, body: bytes) -> list[GatewayEvent]:
        """What a verified body says: one event or many. An unknown type is one event of kind IGNORED.

        Raises NotUnderstood.
        """
        ...
