"""What a customer may choose, what it would cost, and what they agreed to pay. Nothing is promised but the price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from domain.catalog import Catalog, Plan, in_language
from domain.errors import ChangeError, Forbidden, OpenInvoice, ServiceEnding
from domain.money import Money
from domain.periods import instant_text
from domain.pricing.explain import money_text
from domain.pricing.quote import price_change
from domain.pricing.quote_values import Quote
from domain.pricing.settled import stands_until
from domain.pricing.terms import Target
from domain.refusals import refusal_text
from domain.words import sentence
from engine.accounts.services import buyer_of, terms_of
from engine.payments.credit_refunds import refundable_for
from engine.payments.owed import open_bill
from engine.payments.payable import check_payable, means_of, with_payable_credit
from models.customer import Service
from models.invoice import StoredQuote
from models.provider import catalog_of, catalog_version

OFFER_ENDS_BEFORE_PERIOD = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Option:
    """One plan in one cycle: its price, and whether the service may change to it; if not, `reason` is the code, the
    sentence and the details. `forbidden` by a rule, the plan is had only by ending the service and ordering anew."""

    plan: Plan
    cycle: str
    price: Money
    quote: Quote | None
    reason: tuple[str, str, dict[str, Any]] | None
    forbidden: bool = False

    @property
    def manual_request(self) -> bool:
        """Not offered at the press of a button, but staff will look at a request."""
        return self.quote is not None and self.quote.timing == "manual_review"

    @property
    def available(self) -> bool:
        return self.quote is not None and not self.manual_request


@dataclass(frozen=True, slots=True)
class Approval:
    """Staff's yes to a change; `unit_minor` is the price of one unit that they agreed to, None the catalogue's."""

    unit_minor: int | None = None


def price_for(
    session: Session,
    now: datetime,
    service: Service,
    plan: str,
    cycle: str,
    quantity: int | None = None,
    accepted: StoredQuote | None = None,
    approval: Approval | None = None,
) -> Quote:
    """The one price, for entry points and pipeline: as of an accepted quote's moment and catalogue, else as of now.

    A quantity of None keeps the service's. With an `approval` staff have agreed to a change that the catalogue leaves
    to them. Raises ChangeError: OpenInvoice, too, where it would take effect while a bill is open, and
    AmountNotPayable where the gateway would not take what is due.
    """
    catalog = catalog_version(session, accepted.catalog_id) if accepted else catalog_of(session, service.provider)
    target = Target(plan, cycle, quantity, approval.unit_minor if approval else None)
    return _Pricing(session, catalog, service).price(
        target, accepted.priced_at if accepted else now, override=approval is not None
    )


class _Pricing:
    """What the price of any change of a service depends on, read once."""

    def __init__(self, session: Session, catalog: Catalog, service: Service) -> None:
        self._session, self.catalog, self.service = session, catalog, service
        self._terms = terms_of(session, service, refundable_for(session, catalog, service))
        self._rule, self._credit = means_of(session, service)

    def price(self, target: Target, at: datetime, override: bool = False) -> Quote:
        """Raises ChangeError."""

        def price(credit: Money) -> Quote:
            buyer = buyer_of(self.service.customer)
            return price_change(self.catalog, self._terms, buyer, target, at, credit, override=override)

        quote = with_payable_credit(self._rule, self._credit, price)
        self._check_not_ending(quote)
        if quote.timing == "now" and self._open_bill is not None:
            raise self._open_bill
        check_payable(self._rule, quote.total_due_today)
        return quote

    @cached_property
    def _open_bill(self) -> OpenInvoice | None:
        return open_bill(self._session, self.service)

    def _check_not_ending(self, quote: Quote) -> None:
        """A change now leaves an ending at the period's end as it is; a change that would come with the renewal never
        does. Raises ServiceEnding."""
        ending = self.service.open_ending
        if ending is not None and (ending.at == "now" or quote.timing == "at_renewal"):
            when = instant_text(ending.ends_at)
            raise ServiceEnding(
                f"service {self.service.ref} ends at {when}; take that back, then change its plan", ending=ending.id
            )


def quote_change(
    session: Session, now: datetime, service: Service, plan: str, cycle: str, quantity: int | None = None
) -> StoredQuote:
    """Prices a change and stores the quote as it will be shown. Raises ChangeError."""
    quote = price_for(session, now, service, plan, cycle, quantity)
    stored = StoredQuote(
        provider_id=service.provider_id,
        service_id=service.id,
        catalog_id=service.provider.catalog_id,
        priced_at=now,
        expires_at=quote.expires_at,
        document=quote.as_json(),
    )
    session.add(stored)
    session.flush()
    return stored


def payable_until(catalog: Catalog, service: Service, quote: Quote, now: datetime) -> datetime:
    """Until when an offer made now can be paid: the policy's days, but never past a period that it was prorated for,
    nor past the day where its price is that of the day."""
    by_policy = now + timedelta(days=catalog.policies.payable_days)
    periods_end = min(service.period_end, quote.new_period.end) - OFFER_ENDS_BEFORE_PERIOD
    day_ends = stands_until(catalog.policies, quote, catalog.timezone)
    return min(by_policy, periods_end, day_ends or by_policy)


def options_for(session: Session, now: datetime, service: Service) -> dict[str, list[Option]]:
    """By category, in the catalogue's order: every plan and cycle that is sold in the service's currency."""
    catalog = catalog_of(session, service.provider)
    pricing = _Pricing(session, catalog, service)
    options: dict[str, list[Option]] = {}
    for plan in catalog.plans:
        if not plan.sold:
            continue
        for cycle in catalog.cycles:
            price = catalog.price(plan.id, cycle, service.currency)
            if price is not None:
                options.setdefault(plan.category, []).append(_option(pricing, now, plan, cycle, price))
    return options


def category_name(catalog: Catalog, category: str, locale: str) -> str:
    """The category as customers read it."""
    return in_language(catalog.categories[category], locale) if category in catalog.categories else category


def _option(pricing: _Pricing, now: datetime, plan: Plan, cycle: str, price: Money) -> Option:
    locale = pricing.service.customer.locale
    try:
        quote = pricing.price(Target(plan.id, cycle, None), now)
    except ChangeError as error:
        text = refusal_text(error, pricing.catalog, locale)
        reason = error.code, text, error_details(error)
        return Option(plan, cycle, price, None, reason, forbidden=isinstance(error, Forbidden))
    if quote.timing == "manual_review":
        text = sentence(locale, "option_manual_review")
        return Option(plan, cycle, price, quote, ("manual_review", text, {}))
    return Option(plan, cycle, price, quote, None)


def error_details(error: ChangeError) -> dict[str, Any]:
    """What a program may read of a refusal: over_limit lists what to reduce and by how much."""
    return dict(getattr(error, "details", {}))


def promised_total(accept_total: Money | None, accepted: StoredQuote | None) -> Money | None:
    """The total due today that the customer agreed to."""
    if accepted is not None:
        return Quote.from_json(accepted.document).total_due_today
    return accept_total


def mismatch(promised: Money, quote: Quote, locale: str) -> str:
    """The sentence that names both totals, in the customer's language."""
    due = money_text(quote.total_due_today, locale)
    return sentence(locale, "refused_total_changed", due=due, promised=money_text(promised, locale))
