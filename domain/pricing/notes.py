"""Why a total is what it is: the question customers ask most when a change costs nothing, or less than they thought."""

from domain.catalog import Outcome
from domain.pricing.explain import Speaker
from domain.pricing.modes import Anchor, CreditBecomes, Fraction
from domain.pricing.priced import Priced
from domain.tax import treatment


def notes_of(speaker: Speaker, priced: Priced) -> tuple[str, ...]:
    """Sentences under the lines, the most important first."""
    notes = [*_today(speaker, priced), *_credit(speaker, priced), *_dates(speaker, priced)]
    kind = treatment(priced.catalog, priced.buyer)
    if kind != "taxed":
        notes.append(speaker.say(kind))
    if priced.timing is Outcome.MANUAL_REVIEW:
        notes.append(speaker.say("review_note"))
    return tuple(notes)


def _today(speaker: Speaker, priced: Priced) -> list[str]:
    """Why nothing is due, why credit pays, where a negative total goes."""
    total, date = priced.total, speaker.date(priced.service.period.end)
    if priced.figures is None:
        return [speaker.say("at_renewal", date=date, amount=speaker.money(priced.renewal_total))]
    if total < 0:
        key = "negative_credit"
        if priced.refund:
            key = "negative_split" if priced.credit_created else "negative_refund"
        return [speaker.say(key, amount=speaker.money(-total), refund=speaker.money(priced.refund))]
    if priced.credit_applied:
        key = "zero_credit" if priced.credit_applied == total else "some_credit"
        return [speaker.say(key, total=speaker.money(total), applied=speaker.money(priced.credit_applied))]
    return [] if total else [_why_zero(speaker, priced)]


def _why_zero(speaker: Speaker, priced: Priced) -> str:
    figures, proration = priced.figures, priced.decision.proration
    items = figures.items if figures else ()
    for item in items:
        if item.kind == "waived":
            return speaker.say("zero_small", amount=speaker.money(-item.amount))
        if item.kind == "forfeited":
            return speaker.say("zero_lost")
    if proration is not None and proration.fraction is Fraction.ZERO:
        date = speaker.date(priced.period.end)
        return speaker.say("zero_mode", amount=speaker.money(priced.renewal_total), date=date)
    if items and all(item.share is not None and item.share.part == 0 for item in items):
        return speaker.say("zero_last_day")
    return speaker.say("zero_same")


def _credit(speaker: Speaker, priced: Priced) -> list[str]:
    """Why the credit is smaller than the unused time."""
    for item in priced.figures.items if priced.figures else ():
        if item.uncapped is not None:
            key = "capped_note" if item.amount else "unpaid_note"
            return [speaker.say(key, paid=speaker.money(-item.amount))]
    proration = priced.decision.proration
    kept = proration is None or proration.credit or proration.fraction is Fraction.ZERO
    return [] if priced.figures is None or kept else [speaker.say("no_credit_note")]


def _dates(speaker: Speaker, priced: Priced) -> list[str]:
    """What happens to the renewal date, where it matters."""
    proration = priced.decision.proration
    if priced.figures is None or proration is None:
        return []
    date = speaker.date(priced.period.end)
    if proration.anchor is Anchor.RESET:
        return [speaker.say("reset_note", date=date)]
    if proration.fraction is Fraction.WHOLE and proration.credit_becomes is not CreditBecomes.NOTHING:
        return [speaker.say("whole_note", date=date)]
    return []
