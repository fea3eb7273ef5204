"""What merchants and testers send to the gateway."""

from datetime import UTC, datetime

from pydantic import AwareDatetime, Field, field_validator
from standardwebhooks import Webhook

from sandbox.program import StrictBody


class GatewayAccountSetup(StrictBody):
    """A merchant. Every secret signs each webhook, so that two may stand side by side during a rotation."""

    api_key: str = Field(min_length=8)
    webhook_url: str
    webhook_secrets: list[str] = Field(min_length=1)

    @field_validator("webhook_secrets")
    @classmethod
    def _can_sign(cls, secrets: list[str]) -> list[str]:
        for secret in secrets:
            Webhook(secret)  # raises ValueError for what is not whsec_ and base64
        return secrets


class PaymentOrder(StrictBody):
    reference: str = Field(min_length=1)
    amount: int = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    description: str
    return_url: str
    expires_at: AwareDatetime


class RefundOrder(StrictBody):
    amount: int = Field(gt=0)
    reason: str = ""


class Clock(StrictBody):
    """The account's sandbox time; null: real time again."""

    now: AwareDatetime | None

    def text(self) -> str | None:
        return rfc3339(self.now) if self.now else None


class GatewayKnobs(StrictBody):
    """How the gateway misbehaves for an account. Defaults: not at all. A PUT replaces all of them."""

    decline: bool = False  # every payment is declined, whatever the payer presses
    challenge: bool = False  # the first press asks for a confirmation (3-D Secure), the second pays
    pay_late: bool = False  # an expired or canceled payment can still be paid, as with a bank transfer
    amount_off_by: int = 0  # the payer pays so much more than asked, or less
    pay_currency: str | None = None  # the payer pays in another currency
    refunds_fail: bool = False
    minimum: int = 0  # a smaller payment is refused, for good
    create_errors: int = 0  # so many times opening a payment answers 500 and does nothing
    create_timeouts: int = 0  # so many times it opens the payment, then hangs before it answers
    hang_seconds: float = 30.0
    webhooks: bool = True  # False: things happen and nobody is notified
    delay_seconds: float = 0.0  # before a webhook is sent
    duplicates: int = 0  # so many more deliveries of each webhook
    reorder: bool = False  # every other webhook is overtaken by the one after it


def rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
