"""The Celery entry point: a frontend that speaks Celery sends `planshift.request_change`, or
`planshift.request_cancellation`, to the queue `requests`.

Same rules and same effects as the HTTP API. Nobody waits for an answer here, so a request that cannot be taken in
becomes a refused change, or, if it names no service of ours, a rejected message that operators see.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from celery import shared_task
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from domain.errors import ChangeError
from domain.money import Money
from domain.texts import check_line
from engine.accounts.providers import UnknownProvider, required_provider
from engine.accounts.services import UnknownService
from engine.ending_requests import CreditChanged, EndingOpen, EndingRequest, ServiceOver, request_ending
from engine.jobs.idempotency import KeyReused, RequestInFlight
from engine.jobs.summary import NextWork, next_work
from engine.request import (
    ChangeOpen,
    ChangeRequest,
    PriceChanged,
    UnknownQuote,
    record_refused,
    request_change,
)
from models.database import DATABASE_AWAY, transaction
from models.provider import Provider, business_now
from models.rejected import keep_rejected
from tasks.story import publish_next

Line = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(check_line)]


class MoneyMessage(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    amount: int = Field(ge=0, le=10**12)
    currency: str = Field(pattern="^[A-Z]{3}$")


class ChangeMessage(BaseModel):
    """The keyword arguments of the message."""

    model_config = ConfigDict(extra="forbid", strict=True)

    provider: Line
    service: Line
    plan: Line
    cycle: Line
    idempotency_key: Line
    quantity: int | None = Field(default=None, ge=1, le=1_000_000)
    quote: Line | None = None
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

    provider: Line
    service: Line
    idempotency_key: Line
    at: Literal["period_end", "now"] = "period_end"
    accept_credit: MoneyMessage | None = None

    def request(self) -> EndingRequest:
        accepted = self.accept_credit
        return EndingRequest(
            self.service, self.at, Money(accepted.amount, accepted.currency) if accepted is not None else None
        )


@shared_task(name="planshift.request_change")
def request_by_message(*args: Any, **kwargs: Any) -> str | None:
    return _published(_kept_if_refused(args, kwargs, lambda: _take_in(ChangeMessage.model_validate(kwargs))))


@shared_task(name="planshift.request_cancellation")
def request_cancellation_by_message(*args: Any, **kwargs: Any) -> str | None:
    return _published(_kept_if_refused(args, kwargs, lambda: _end(CancellationMessage.model_validate(kwargs))))


def _published(following: NextWork | None) -> str | None:
    if following is None:
        return None
    publish_next(following)
    return following.row_id


def _kept_if_refused(args: tuple[Any, ...], kwargs: dict[str, Any], take_in: Callable[[], NextWork]) -> NextWork | None:
    """A message that cannot be taken in is kept; what we did not expect is raised, too. While the database is away
    nothing can be kept: the sender repeats with the same key."""
    try:
        return take_in()
    except RequestInFlight:
        return None  # the same request is being taken in by another worker
    except DATABASE_AWAY:
        raise
    except Exception as error:
        with transaction() as session:
            keep_rejected(session, {"args": list(args), "kwargs": kwargs}, error)
        if not isinstance(error, _REFUSALS):
            raise
        return None


# There is no ending to write a refusal on.
_CANNOT_END = (ServiceOver, EndingOpen, CreditChanged)
_REFUSALS = (ValidationError, UnknownProvider, UnknownService, KeyReused, *_CANNOT_END)


def _end(message: CancellationMessage) -> NextWork:
    with transaction() as session:
        provider = required_provider(session, message.provider)
        now = business_now(session, Provider, provider.id)
        ending, _ = request_ending(session, now, provider, message.idempotency_key, message.request(), "celery")
        return next_work(session, ending.id)


def _take_in(message: ChangeMessage) -> NextWork:
    try:
        return _request(message, refusal=None)
    except (ChangeError, ChangeOpen, PriceChanged, UnknownQuote) as error:
        return _request(message, refusal=error)


def _request(
    message: ChangeMessage, refusal: ChangeError | ChangeOpen | PriceChanged | UnknownQuote | None
) -> NextWork:
    with transaction() as session:
        provider = required_provider(session, message.provider)
        now = business_now(session, Provider, provider.id)
        request, key = message.request(), message.idempotency_key
        if refusal is not None:
            change = record_refused(session, now, provider, key, request, "celery", refusal)
        else:
            change, _ = request_change(session, now, provider, key, request, "celery")
        return next_work(session, change.id)
