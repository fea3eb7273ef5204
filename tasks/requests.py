"""The Celery entry point: a frontend that speaks Celery sends `planshift.request_change`, or
`planshift.request_cancellation`, to the queue `requests`.

Same rules and same effects as the HTTP API. Nobody waits for an answer here, so a request that cannot be taken in
becomes a refused change, or, if it names no service of ours, a rejected message that operators see.
"""

from __future__ import annotations

from typing import Any, Literal

from celery import shared_task
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import ChangeError
from domain.money import Money
from engine.accounts.providers import UnknownProvider, required_provider
from engine.accounts.services import UnknownService
from engine.ending_requests import CreditChanged, EndingOpen, EndingRequest, ServiceOver, request_ending
from engine.jobs.idempotency import KeyReused, RequestInFlight
from engine.request import (
    ChangeOpen,
    ChangeRequest,
    PriceChanged,
    UnknownQuote,
    record_refused,
    request_change,
)
from models.database import transaction
from models.plan_change import RejectedMessage
from models.provider import Provider, business_now
from tasks.story import enqueue


class MoneyMessage(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    amount: int = Field(ge=0, le=10**12)
    currency: str = Field(pattern="^[A-Z]{3}$")


class ChangeMessage(BaseModel):
    """The keyword arguments of the message."""

    model_config = ConfigDict(extra="forbid", strict=True)

    provider: str
    service: str
    plan: str
    cycle: str
    idempotency_key: str = Field(min_length=1, max_length=255)
    quantity: int | None = Field(default=None, ge=1, le=1_000_000)
    quote: str | None = None
    accept_total: MoneyMessage | None = None

    def request(self) -> ChangeRequest:
        accepted = self.accept_total
        return ChangeRequest(
            service=self.service,
            plan=self.plan,
            cycle=self.cycle,
            quantity=self.quantity,
            quote=self.quote,
            accept_total=Money(accepted.amount, accepted.currency) if accepted else None,
        )


class CancellationMessage(BaseModel):
    """The keyword arguments of a message that ends a service."""

    model_config = ConfigDict(extra="forbid", strict=True)

    provider: str
    service: str
    idempotency_key: str = Field(min_length=1, max_length=255)
    at: Literal["period_end", "now"] = "period_end"
    accept_credit: MoneyMessage | None = None

    def request(self) -> EndingRequest:
        accepted = self.accept_credit
        return EndingRequest(
            self.service, self.at, Money(accepted.amount, accepted.currency) if accepted is not None else None
        )


@shared_task(name="planshift.request_change")
def request_by_message(*args: Any, **kwargs: Any) -> str | None:
    try:
        message = ChangeMessage.model_validate(kwargs)
        change_id = _take_in(message)
    except RequestInFlight:
        return None  # the same request is being taken in by another worker
    except (ValidationError, UnknownProvider, UnknownService, KeyReused) as error:
        _reject({"args": list(args), "kwargs": kwargs}, error)
        return None
    enqueue(change_id)
    return change_id


@shared_task(name="planshift.request_cancellation")
def request_cancellation_by_message(*args: Any, **kwargs: Any) -> str | None:
    try:
        message = CancellationMessage.model_validate(kwargs)
        ending_id = _end(message)
    except RequestInFlight:
        return None
    except (ValidationError, UnknownProvider, UnknownService, KeyReused, *_CANNOT_END) as error:
        _reject({"args": list(args), "kwargs": kwargs}, error)
        return None
    enqueue(ending_id)
    return ending_id


# There is no ending to write a refusal on.
_CANNOT_END = (ServiceOver, EndingOpen, CreditChanged)


def _end(message: CancellationMessage) -> str:
    with transaction() as session:
        provider = required_provider(session, message.provider)
        now = business_now(session, Provider, provider.id)
        ending, _ = request_ending(session, now, provider, message.idempotency_key, message.request(), "celery")
        return ending.id


def _take_in(message: ChangeMessage) -> str:
    try:
        return _request(message, refusal=None)
    except (ChangeError, ChangeOpen, PriceChanged, UnknownQuote) as error:
        return _request(message, refusal=error)


def _request(message: ChangeMessage, refusal: ChangeError | ChangeOpen | PriceChanged | UnknownQuote | None) -> str:
    with transaction() as session:
        provider = required_provider(session, message.provider)
        now = business_now(session, Provider, provider.id)
        request, key = message.request(), message.idempotency_key
        if refusal is not None:
            return record_refused(session, now, provider, key, request, "celery", refusal).id
        change, _ = request_change(session, now, provider, key, request, "celery")
        return change.id


def _reject(message: dict[str, Any], error: Exception) -> None:
    """Kept whole up to a bound, never retried: the sender repeats with the same key if it wants to."""
    text = repr(message)
    with transaction() as session:
        session.add(RejectedMessage(message={"message": text[:10_000]}, reason=str(error)[:2_000]))
