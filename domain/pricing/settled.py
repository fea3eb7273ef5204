"""What a change is settled for: what was accepted, or less where it was paid on a later day than it was priced for.

A price that depends on the day is asked as a ceiling. Paid on the same local day it stands; paid on a later one, the
change is priced again as of the payment, from the inputs that were accepted and never for more.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.catalog import Catalog, Policies
from domain.errors import ChangeError
from domain.periods import end_of_day, instant_text, parse_instant
from domain.pricing.explain import Formatter
from domain.pricing.modes import BY_TIME
from domain.pricing.priced import Priced, price
from domain.pricing.quote import quote_of
from domain.pricing.quote_values import Quote, digest_of_quote
from domain.pricing.terms import Buyer, ServiceTerms, Target


def by_time(quote: Quote) -> bool:
    """Whether the price depends on the day that it is made for."""
    return quote.timing == "now" and quote.proration.get("fraction") in BY_TIME


def stands_until(policies: Policies, quote: Quote, tz: str) -> datetime | None:
    """The end of the day that an offer is made for, where its price is that of the request; None where none ends it."""
    if policies.priced_at != "request" or not by_time(quote):
        return None
    return end_of_day(quote.effective_at, tz)


def settled_quote(accepted: Quote, paid_at: datetime) -> Quote:
    """What `accepted` is settled for when its money came at `paid_at` (aware): itself, unless that was a later day.

    The catalogue, buyer, service and approval are those that were accepted, the credit is what was reserved. What was
    not to be paid stands; so does a quote from before billed items were kept, and one whose charge is less than what
    it would have to be lowered by.
    """
    inputs = accepted.inputs
    if not by_time(accepted) or accepted.total.amount <= 0 or "items" not in inputs.get("service", {}):
        return accepted
    catalog = Catalog.from_json(inputs["catalog"])
    if catalog.policies.priced_at != "payment" or not _is_later_day(catalog, inputs["now"], paid_at):
        return accepted
    credit, ceiling = accepted.credit_applied, accepted.total
    buyer = Buyer(**inputs["buyer"])
    try:
        priced = price(
            catalog,
            ServiceTerms.from_json(inputs["service"]),
            buyer,
            Target(**inputs["target"]),
            paid_at,
            credit,
            inputs["override"],
            ceiling,
        )
    except ChangeError:
        return accepted
    if _charged(priced) < 0:
        return accepted
    quote = quote_of(priced, inputs_as_of(accepted.as_json(), instant_text(priced.now)))
    quote = replace(
        quote, notes=(_note(Formatter(catalog, buyer.locale, quote.currency), accepted, quote), *quote.notes)
    )
    return replace(quote, digest=digest_of_quote(quote))


def inputs_as_of(accepted: dict[str, Any], now: str) -> dict[str, Any]:
    """The inputs of an accepted quote (as JSON), priced again as of an instant for no more than its total."""
    inputs: dict[str, Any] = accepted["inputs"]
    return inputs | {
        "now": now,
        "account_credit": accepted["credit_applied"],
        "ceiling": accepted["total"],
        "accepted": accepted["digest"],
    }


def _is_later_day(catalog: Catalog, priced_at: str, paid_at: datetime) -> bool:
    zone = ZoneInfo(catalog.timezone)
    return paid_at.astimezone(zone).date() > parse_instant(priced_at).astimezone(zone).date()


def _charged(priced: Priced) -> int:
    """What is left of the charge for time after it was lowered."""
    lines = priced.figures.lines if priced.figures else []
    return sum(line.amount for line in lines if line.kind in ("charge", "ceiling"))


def _note(formatter: Formatter, accepted: Quote, settled: Quote) -> str:
    """Why the invoice is not what the proforma was."""
    dates = {"asked": formatter.date(accepted.effective_at), "paid": formatter.date(settled.effective_at)}
    less = accepted.total.amount - settled.total.amount
    asked = formatter.money(accepted.total.amount)
    if less == 0:
        return formatter.translate("settled_same", **dates, accepted=asked)
    return formatter.translate("settled_less", **dates, accepted=asked, less=formatter.money(less))
