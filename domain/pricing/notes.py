"""Why a total is what it is: the question customers ask most when a change costs nothing, or less than they thought."""

from domain.catalog import Outcome
from domain.pricing.explain import Formatter
from domain.pricing.modes import Anchor, CreditBecomes, Fraction
from domain.pricing.priced import Priced
from domain.tax import treatment


def notes_of(formatter: Formatter, priced: Priced) -> tuple[str, ...]:
    """Sentences under the lines, the most important first."""
    notes = [*_today(formatter, priced), *_credit(formatter, priced), *_dates(formatter, priced)]
    kind = treatment(priced.catalog, priced.buyer)
    if kind != "taxed":
        notes.append(formatter.translate(kind))
    if priced.timing is Outcome.MANUAL_REVIEW:
        notes.append(formatter.translate("review_note"))
    return tuple(notes)


def _today(formatter: Formatter, priced: Priced) -> list[str]:
    """Why nothing is due, why credit pays, where a negative total goes."""
    total, date = priced.total, formatter.date(priced.service.period.end)
    if priced.figures is None:
        return [formatter.translate("at_renewal", date=date, amount=formatter.money(priced.renewal_total))]
    if total < 0:
        key = "negative_credit"
        if priced.refund:
            key = "negative_split" if priced.credit_created else "negative_refund"
        return [formatter.translate(key, amount=formatter.money(-total), refund=formatter.money(priced.refund))]
    if priced.credit_applied:
        key = "zero_credit" if priced.credit_applied == total else "some_credit"
        return [formatter.translate(key, total=formatter.money(total), applied=formatter.money(priced.credit_applied))]
    return [] if total else [_why_zero(formatter, priced)]


def _why_zero(formatter: Formatter, priced: Priced) -> str:
    figures, proration = priced.figures, priced.decision.proration
    items = figures.lines if figures else ()
    for item in items:
        if item.kind == "waived":
            return formatter.translate("zero_small", amount=formatter.money(-item.amount))
        if item.kind == "forfeited":
            return formatter.translate("zero_lost")
    if proration is not None and proration.fraction is Fraction.ZERO:
        date = formatter.date(priced.period.end)
        return formatter.translate("zero_mode", amount=formatter.money(priced.renewal_total), date=date)
    if items and all(item.share is not None and item.share.part == 0 for item in items):
        return formatter.translate("zero_last_day")
    return formatter.translate("zero_same")


def _credit(formatter: Formatter, priced: Priced) -> list[str]:
    """Why there is no credit, or none is left to give."""
    figures, proration = priced.figures, priced.decision.proration
    if figures is None or proration is None or proration.fraction is Fraction.ZERO:
        return []
    if not proration.credit:
        return [formatter.translate("no_credit_note")]
    spent = priced.old.full[0] and not any(item.price_left for item in priced.service.items)
    return [formatter.translate("nothing_left_note")] if spent else []


def _dates(formatter: Formatter, priced: Priced) -> list[str]:
    """What happens to the renewal date, where it matters."""
    proration = priced.decision.proration
    if priced.figures is None or proration is None:
        return []
    date = formatter.date(priced.period.end)
    if proration.between(priced.old.months, priced.new.months).anchor is Anchor.RESET:
        return [formatter.translate("reset_note", date=date)]
    if proration.fraction is Fraction.WHOLE and proration.credit_becomes is not CreditBecomes.NOTHING:
        return [formatter.translate("whole_note", date=date)]
    return []
