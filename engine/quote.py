"""The catalogue's rule and the price are frozen: pay now, change at renewal, ask staff, or refuse with the reason."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from domain.errors import ChangeError
from domain.lifecycle import Event, Status
from domain.money import Money
from domain.pricing.explain import Formatter
from domain.pricing.quote_values import Quote
from domain.pricing.settled import stands_until
from domain.refusals import refusal_text
from engine.expiry import supersede_scheduled
from engine.ledger import postings
from engine.notifications import notices
from engine.offers import Approval, error_details, mismatch, payable_until, price_for, promised_total, quote_change
from engine.review import ask_staff
from models.invoice import StoredQuote
from models.moves import move
from models.plan_change import PlanChange, lock_change
from models.provider import catalog_of


def quote(session: Session, now: datetime, change_id: str) -> Status:
    """requested → quoted | scheduled | awaiting_review | refused.

    The price is as of the accepted quote, else as of the moment the request was received: the time a message spent
    in a queue changes no amount.
    """
    change = lock_change(session, change_id)
    if change.status != Status.REQUESTED:
        return Status(change.status)
    accepted = session.get(StoredQuote, change.accepted_quote_id) if change.accepted_quote_id else None
    try:
        priced = _price(session, change, accepted)
    except ChangeError as error:
        return _not_possible(session, now, change, error)
    promised = promised_total(change.accepted_total(), accepted)
    if promised is not None and _is_broken(promised, priced.total_due_today, change):
        return _offer_again(session, now, change, mismatch(promised, priced, change.customer.locale))
    change.kind = priced.kind
    change.quote = priced.as_json()
    change.effective_at = priced.effective_at
    if priced.timing == "now":
        return _promise(session, now, change, priced)
    if priced.timing == "at_renewal":
        return _schedule(session, now, change)
    ask_staff(session, now, change, Event.QUOTE)
    return Status.AWAITING_REVIEW


def refuse(
    session: Session, now: datetime, change: PlanChange, code: str, sentence: str, error: ChangeError | None = None
) -> Status:
    """requested → refused, with the reason that the customer reads."""
    change.reason, change.reason_text = code, sentence
    if error is not None:
        change.reason_details = error_details(error)
    move(session, change, Event.QUOTE, Status.REFUSED, now, reason=code)
    notices.write(session, change, "refused")
    return Status.REFUSED


def _offer_again(session: Session, now: datetime, change: PlanChange, sentence: str) -> Status:
    """requested → refused, with the price of today attached."""
    target = change.target_plan, change.target_cycle, change.target_quantity
    try:
        change.reason_details = {"quote": quote_change(session, now, change.service, *target).id}
    except ChangeError as error:
        return _not_possible(session, now, change, error)
    return refuse(session, now, change, "price_changed", sentence)


def _not_possible(session: Session, now: datetime, change: PlanChange, error: ChangeError) -> Status:
    sentence = refusal_text(error, catalog_of(session, change.provider), change.customer.locale)
    return refuse(session, now, change, error.code, sentence, error)


def _price(session: Session, change: PlanChange, accepted: StoredQuote | None) -> Quote:
    """As of the accepted quote or the request; what staff approved, as of the moment that they did."""
    target = change.target_plan, change.target_cycle, change.target_quantity
    if change.approved_at is not None:
        approval = Approval(change.approved_unit_minor)
        return price_for(session, change.approved_at, change.service, *target, approval=approval)
    return price_for(session, change.received_at, change.service, *target, accepted)


def _is_broken(promised: Money, due: Money, change: PlanChange) -> bool:
    """Whether the price is not the accepted one. What staff took days to approve may have become less, never more."""
    return due > promised if change.approved_at is not None else due != promised


def _promise(session: Session, now: datetime, change: PlanChange, priced: Quote) -> Status:
    catalog = catalog_of(session, change.provider)
    until = payable_until(catalog, change.service, priced, now)
    formatter = Formatter(catalog, change.customer.locale, change.service.currency)
    day_ends = stands_until(catalog.policies, priced, catalog.timezone)
    if day_ends is not None and day_ends <= now:
        day = formatter.date(day_ends - timedelta(microseconds=1))
        return _offer_again(session, now, change, formatter.translate("refused_day_over", date=day))
    if until <= now:
        ends = min(change.service.period_end, priced.new_period.end)
        text = formatter.translate("refused_renewal_imminent", date=formatter.date(ends))
        return refuse(session, now, change, "renewal_imminent", text)
    change.payable_until = until
    move(session, change, Event.QUOTE, Status.QUOTED, now)
    postings.reserve_credit(session, change, priced.credit_applied, now)
    return Status.QUOTED


def _schedule(session: Session, now: datetime, change: PlanChange) -> Status:
    supersede_scheduled(session, now, change)
    change.effective_at = change.service.period_end
    move(session, change, Event.QUOTE, Status.SCHEDULED, now)
    notices.write(session, change, "scheduled")
    return Status.SCHEDULED
