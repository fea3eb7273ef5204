"""The price of an ending: what a customer gets back who ends a service before its period does, and what he loses.

Every item that is open is worth what was billed for the time after the ending, by its own mode; one that was billed
whole is divided as the policy `ending_credit` says, and the day of the ending belongs to whom `change_day` says.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.catalog import Catalog
from domain.money import Money
from domain.pricing.adjust import taxed
from domain.pricing.bill import taken_by
from domain.pricing.billed import TakeBack
from domain.pricing.explain import Formatter, line_of, tax_lines
from domain.pricing.frame import Frame, frame_of
from domain.pricing.modes import Fraction, Proration
from domain.pricing.moved import credits_of
from domain.pricing.period_terms import old_terms
from domain.pricing.quote_values import PlanTerms, QuoteLine
from domain.pricing.renewals import plan_terms
from domain.pricing.terms import Buyer, ServiceTerms
from domain.pricing.totals import total_of

_FRACTIONS = {"by_day": Fraction.DAYS, "by_second": Fraction.SECONDS, "nothing": Fraction.DAYS}


@dataclass(frozen=True, slots=True)
class EndingPrice:
    """What ending a service at an instant gives and takes: credit = net + tax, all zero or more; `lost` is what the
    unused time is worth and nobody gets. `lines` are those of the credit note, credits negative, taxes last; `taken`
    closes every open item."""

    terms: PlanTerms
    lines: tuple[QuoteLine, ...]
    net: Money
    tax: Money
    credit: Money
    lost: Money
    taken: tuple[TakeBack, ...]
    notes: tuple[str, ...]

    def public_json(self) -> dict[str, Any]:
        """As the API shows it before anybody confirms."""
        return {
            "lines": [line.as_json() for line in self.lines],
            "credit": self.credit.as_json(),
            "lost": self.lost.as_json(),
        }


def price_ending(catalog: Catalog, service: ServiceTerms, buyer: Buyer, now: datetime) -> EndingPrice:
    """Ending at `now` (aware), by the catalogue's policy. Raises UnknownPlan, UnknownCycle."""
    policy = catalog.policies.ending_credit
    terms = old_terms(catalog, service)
    proration = Proration(fraction=_FRACTIONS[policy])
    frame = frame_of(catalog, service, buyer, (terms, terms), proration, now)._replace(only_units=False)
    worth, lines, taken = _given_back(frame)
    currency = service.currency
    nothing = policy == "nothing"
    if nothing:
        lines, taken = (), tuple(one._replace(net=0, tax=0, line=None) for one in taken)
    tax = -sum(line.amount.amount for line in lines if line.kind == "tax")
    credit = 0 if nothing else worth
    formatter = Formatter(catalog, buyer.locale, currency)
    return EndingPrice(
        terms=plan_terms(terms, currency),
        lines=lines,
        net=Money(credit - tax, currency),
        tax=Money(tax, currency),
        credit=Money(credit, currency),
        lost=Money(worth if nothing else 0, currency),
        taken=taken,
        notes=(formatter.translate("ending_note", date=formatter.date(now)),) if credit else (),
    )


def _given_back(frame: Frame) -> tuple[int, tuple[QuoteLine, ...], tuple[TakeBack, ...]]:
    """What the unused time of all open items is worth with its tax, as lines and as take-backs."""
    closings = [(item, item.units_left) for item in frame.service.items if item.is_open(frame.now)]
    priced = credits_of(frame, closings)
    taxes, parts = taxed(frame, priced)
    formatter = Formatter(frame.catalog, frame.buyer.locale, frame.service.currency)
    lines = (*(line_of(formatter, line) for line in priced), *tax_lines(formatter, taxes))
    worth = -total_of([line.amount for line in priced], taxes)
    return worth, lines, taken_by(frame, closings, priced, parts)
