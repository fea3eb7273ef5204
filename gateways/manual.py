"""Bank transfers and everything else that a person sees on an account statement: there is nobody to call.

The customer pays by the instructions on the proforma; an operator records what came, and sends refunds by hand. What
was recorded lies in the inbox as {line, invoice, amount, paid_at}: `line` names the line of the statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from domain.money import Money, UnknownCurrency
from gateways.protocol import (
    Account,
    AmountRule,
    BadSignature,
    Delivery,
    EventKind,
    EventPage,
    GatewayEvent,
    GatewayPayment,
    GatewayRefund,
    NotUnderstood,
    PaymentRequest,
)
from gateways.rest import first_fault

_NOTHING = Money.zero("XXX")  # ISO 4217 for no currency


class _Amount(BaseModel):
    model_config = ConfigDict(strict=True)

    amount: int = Field(gt=0, le=10**15)
    currency: str


class _Recorded(BaseModel):
    model_config = ConfigDict(extra="ignore")

    line: str = Field(min_length=1)
    invoice: str | None
    amount: _Amount
    paid_at: AwareDatetime


class ManualGateway:
    """Opens and closes payments in thought only."""

    refund_returns_for = timedelta(0)  # a person sees it on the bank's statement, and says so

    def amount_rule(self, currency: str) -> AmountRule | None:
        """A bank takes any."""
        return AmountRule()

    def create(self, account: Account, request: PaymentRequest) -> GatewayPayment:
        """The payment waits for a transfer that names our reference."""
        return GatewayPayment(request.reference, request.reference, "open", request.amount, None, None)

    def fetch(self, account: Account, gateway_ref: str) -> GatewayPayment:
        """There is nobody to call, so nothing has happened."""
        return GatewayPayment(gateway_ref, gateway_ref, "open", _NOTHING, None, None)

    def cancel(self, account: Account, gateway_ref: str) -> GatewayPayment:
        """A transfer that comes all the same is recorded as late money."""
        return GatewayPayment(gateway_ref, gateway_ref, "canceled", _NOTHING, None, None)

    def refund(self, account: Account, gateway_ref: str, amount: Money, key: str) -> GatewayRefund:
        """The operator has sent the money by hand."""
        return GatewayRefund(key, "succeeded")

    def recent_events(self, account: Account, cursor: str | None) -> EventPage:
        return EventPage((), None)

    def verify(
        self, account: Account, headers: Sequence[tuple[bytes, bytes]], body: bytes, received_at: datetime
    ) -> Delivery:
        """Raises BadSignature, always: no machine speaks for the bank."""
        raise BadSignature("Nobody posts webhooks here. An operator records bank transfers.")

    def parse(self, body: bytes) -> list[GatewayEvent]:
        """What an operator recorded. Raises NotUnderstood."""
        try:
            reported = _Recorded.model_validate_json(body)
            amount = Money.from_json(reported.amount.model_dump())
        except (ValidationError, UnknownCurrency) as error:
            wrong = first_fault(error) if isinstance(error, ValidationError) else str(error)
            raise NotUnderstood(f"The recorded payment makes no sense: {wrong}.") from None
        return [
            GatewayEvent(
                EventKind.PAYMENT_SUCCEEDED, reported.line, reported.line, reported.invoice, amount, reported.paid_at
            )
        ]
