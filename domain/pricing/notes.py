"""Why a total is what it is: the question customers ask most when a change costs nothing, or less than they thought."""

from domain.catalog import Outcome
from domain.pricing.explain import Formatter
from domain.pricing.modes import Anchor, CreditBecomes, Fraction, Proration
from domain.pricing.priced import Priced
from domain.pricing.totals import Figures
from domain.tax import treatment


def notes_of(formatter: Formatter, priced: Priced) -> tuple[str, ...]:
    """Sentences under the lines, the most important first."""
    notes, proration = _today(formatter, priced), priced.decision.proration
    if proration is not None and proration.fraction is not Fraction.ZERO:
        notes += [*_credit(formatter, priced, proration), *_dates(formatter, priced, proration)]
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
    return [] if total else [_why_zero(formatter, priced, priced.figures)]


def _why_zero(formatter: Formatter, priced: Priced, figures: Figures) -> str:
    kinds = {line.kind for line in figures.lines}
    if "waived" in kinds:
        return formatter.translate("zero_small", amount=formatter.money(figures.total_without("waived")))
    if "forfeited" in kinds:
        return formatter.translate("zero_lost")
    if "unchanged" in kinds:
        date = formatter.date(priced.period.end)
        return formatter.translate("zero_mode", amount=formatter.money(priced.renewal_total), date=date)
    newest = [line.share for line in figures.lines if line.share is not None][-1]
    if newest.part == 0:
        return formatter.translate("zero_last_second" if newest.unit == "second" else "zero_last_day")
    return _why_equal(formatter, priced, figures)


def _why_equal(formatter: Formatter, priced: Priced, figures: Figures) -> str:
    """Charges and credits come to nothing: because they are nothing, are equal, or differ by less than is rounded."""
    charged = figures.total_without("credit")
    dearer = priced.new.full[0] * priced.old.full[1] - priced.old.full[0] * priced.new.full[1]
    # Periods of one length are compared, so that their prices are all that counts.
    if not dearer and priced.old.months == priced.new.months and figures.frame.kept:
        return formatter.translate("zero_same")
    if not priced.new.full[0] and not charged:
        return formatter.translate("zero_free", plan=priced.new.plan.name)
    if dearer < 0 and figures.frame.proration.fraction is Fraction.WHOLE and not charged:
        return formatter.translate("zero_cheaper")
    if not charged or charged != -figures.total_without("charge", "fee", "rounding"):
        return formatter.translate("zero_rounded")
    return formatter.translate("zero_equal", amount=formatter.money(charged))


def _credit(formatter: Formatter, priced: Priced, proration: Proration) -> list[str]:
    """Why there is no credit, or none is left to give."""
    if not proration.credit:
        return [formatter.translate("no_credit_note")]
    spent = priced.old.full[0] and not any(item.price_left for item in priced.service.items)
    return [formatter.translate("nothing_left_note")] if spent else []


def _dates(formatter: Formatter, priced: Priced, proration: Proration) -> list[str]:
    """What happens to the renewal date where it matters, and what is due then."""
    first, date = formatter.date(priced.period.start), formatter.date(priced.period.end)
    values = {"first": first, "date": date, "amount": formatter.money(priced.renewal_total)}
    anchor = proration.between(priced.old.months, priced.new.months).anchor
    if anchor is Anchor.RESET:
        return [formatter.translate("reset_note", **values)]
    if anchor is Anchor.REALIGN:
        return [formatter.translate("realign_note", **values)]
    if priced.old.months != priced.new.months:
        return [formatter.translate("keep_end_note" if anchor is Anchor.KEEP_END else "other_cycle_note", **values)]
    pays = priced.total > 0 and proration.credit_becomes is not CreditBecomes.NOTHING
    return [formatter.translate("whole_note", **values)] if proration.fraction is Fraction.WHOLE and pays else []
