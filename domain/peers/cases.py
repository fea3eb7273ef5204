"""What Planshift computes for a change that another biller has priced: checked before anybody migrates.

A case says everything by its keys (mode, rounding, dates, prices); no case is known here by its name or numbers.
"""

from datetime import timedelta
from typing import Any

from domain.money import Rounding
from domain.peers.figures import CaseRule, PricedCase, figures_of
from domain.peers.modes import CASE_MODES, DEDUCTS_EARLIER_CREDITS, PEER_PRESETS
from domain.peers.terms import BadCase, CaseDates, CaseTerms, first_unused_day, read_dates, read_terms
from domain.periods import Period, local_days
from domain.pricing.modes import Anchor, ChangeDay, Fraction, RoundingPlace
from domain.pricing.proration import ALL_OF_IT, NONE_OF_IT, Share, thirty_day_months


def rule_of(case: dict[str, Any]) -> CaseRule:
    """The rule that a case's keys describe: its mode, or the preset of the biller it names. Raises BadCase."""
    biller = str(case.get("preset") or case.get("id")).split("-")[0].replace("killbill", "kill_bill")
    habits, mode = PEER_PRESETS.get(biller), str(case.get("mode") or "")
    axes = CASE_MODES.get(mode, None if mode else habits)
    if axes is None:
        raise BadCase(f"mode {mode!r} is not one of {', '.join(sorted(CASE_MODES))}")
    fraction = axes.fraction
    if axes.anchor is Anchor.RESET and case.get("granularity") == "second":
        fraction = Fraction.SECONDS
    place = case.get("round_at") or axes.place or (habits and habits.place) or RoundingPlace.LINE
    return CaseRule(
        fraction=fraction,
        credit=axes.credit,
        reset=axes.anchor is Anchor.RESET,
        delta=mode.endswith("quantity_delta") or place == "net_delta",
        change_day=ChangeDay(case.get("change_day_counts_for") or axes.change_day or ChangeDay.NEW),
        rounding=Rounding(case.get("rounding") or axes.rounding or (habits and habits.rounding) or Rounding.HALF_UP),
        place=str(place),
        ratio_decimals=case.get("ratio_decimals", habits and habits.ratio_decimals),
        credit_becomes=axes.credit_becomes,
        deducts_credits=bool(DEDUCTS_EARLIER_CREDITS & {mode, biller}),
    )


def compute_case(case: dict[str, Any]) -> dict[str, Any]:
    """Every figure of the case, or those that its `expected` names, as decimal strings in major units.

    Raises BadCase, ValueError with the key that is wrong.
    """
    rule, currency = rule_of(case), str(case["currency"])
    old, new = read_terms(case.get("old"), currency), read_terms(case.get("new"), currency)
    dates = read_dates(case, old, new)
    shares = _share(case, rule, dates, old, True), _share(case, rule, dates, new, False)
    priced = PricedCase(case, rule, currency, old, new, dates, *shares)
    figures = figures_of(priced)
    wanted = case.get("expected")
    return {key: figures[key] for key in wanted if key in figures} if wanted else figures


def _share(
    case: dict[str, Any], rule: CaseRule, dates: CaseDates | None, terms: CaseTerms | None, is_old: bool
) -> Share:
    """The part of a period that these terms are credited or charged for."""
    if terms is None or rule.fraction is Fraction.ZERO:
        return NONE_OF_IT
    if rule.fraction is Fraction.WHOLE or (rule.reset and not is_old):
        return ALL_OF_IT
    if dates is None or case.get("days_remaining") is not None:
        whole = int(case.get("nominal_days") or case.get("fixed_days") or terms.nominal_days)
        return _inside(int(case["days_remaining"]), whole, "day")
    period = dates.period if is_old else dates.after
    if rule.fraction is Fraction.SECONDS:
        tick = timedelta(microseconds=1)
        return _inside((period.end - dates.change_at) // tick, (period.end - period.start) // tick, "second")
    return _days(case, rule, dates, terms, period)


def _days(case: dict[str, Any], rule: CaseRule, dates: CaseDates, terms: CaseTerms, period: Period) -> Share:
    skipped = first_unused_day(dates, case.get("trial_end"), rule.change_day is ChangeDay.OLD)
    days = local_days(dates.change_at, period.end, dates.tz) - skipped
    if rule.fraction is Fraction.DAYS:
        return _inside(days, local_days(period.start, period.end, dates.tz), "day")
    if rule.fraction is Fraction.FIXED_30:
        fixed = int(case.get("fixed_days") or 30)
        days = thirty_day_months(dates.change_at, period.end, dates.tz, fixed) - skipped
        return _inside(days, fixed * max(1, terms.months), "day")
    return _inside(days, int(case.get("nominal_days") or terms.nominal_days), "day")


def _inside(part: int, whole: int, unit: str) -> Share:
    whole = max(1, whole)
    return Share(min(max(part, 0), whole), whole, unit)
