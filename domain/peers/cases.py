"""Change cases that other billers have priced, priced as Planshift prices in production: checked before anybody
migrates.

A case becomes a catalogue of two plans, a service with what was billed for it, and a change; nothing of it is computed
here. It says everything by its keys; no case is known by its name, its system or what it expects.
"""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.catalog import Catalog, Plan, Seller, TaxPolicy, TaxRate
from domain.money import Money, Rounding, divide_rounded
from domain.peers.modes import CASE_MODES, PEER_PRESETS
from domain.peers.terms import BadCase, CaseDates, CaseTerms, Unsupported, minor, read_dates, read_terms
from domain.periods import Period, anchor_of, local_days
from domain.pricing.bill import billed, net_of
from domain.pricing.billed import BilledItem
from domain.pricing.modes import Anchor, ChangeDay, Fraction, Proration, RoundingPlace
from domain.pricing.period_terms import PeriodTerms, discounted
from domain.pricing.priced import Priced, price
from domain.pricing.terms import Buyer, ServiceTerms, Target
from domain.tax import TaxableLine, tax_on, taxation_of

_BY_THE_DAY = (Fraction.DAYS, Fraction.FIXED_30, Fraction.NOMINAL)
_NOT_HERE = {
    "coupon": "a coupon that is shared out over a credit",
    "trial_end": "a trial within the period",
    "paid_for_this_fee": "a credit that is split by what was paid",
    "used_total": "a credit that is split by what was used",
}


def compute_case(case: dict[str, Any]) -> dict[str, str]:
    """The figures of the case by the names that cases files use, as decimal strings in major units.

    Raises BadCase, ValueError with the key that is wrong; Unsupported where it wants what we do not have.
    """
    axes = _axes(case)
    for key, wanted in _NOT_HERE.items():
        if case.get(key) is not None:
            raise Unsupported(wanted)
    currency = str(case["currency"])
    old = read_terms(case.get("old"), currency, "a sign-up is not a change")
    new = read_terms(case.get("new"), currency, "a termination is not a change")
    dates, only_units = read_dates(case, old), str(case.get("mode", "")).endswith("quantity_delta")
    proration = _proration(axes, case, dates, old)
    catalog = _catalog(case, currency, (old, new), dates, proration)
    service = replace(_service(case, catalog, currency, old, dates), discount=new.discount)
    target = Target("old" if only_units else "new", f"m{new.months}", new.quantity)
    credit = Money(minor(case.get("account_credit_before", "0"), currency), currency)
    return _figures(price(catalog, service, Buyer("ZZ"), target, dates.change_at, credit), currency)


def _axes(case: dict[str, Any]) -> Proration:
    """The axes of the case's mode, or of the preset that it names."""
    mode = str(case.get("mode") or "")
    axes = CASE_MODES.get(mode, None if mode else PEER_PRESETS.get(str(case.get("preset"))))
    if axes is None:
        raise BadCase(f"mode {mode!r} is not one of {', '.join(sorted(CASE_MODES))}")
    return axes


def _proration(axes: Proration, case: dict[str, Any], dates: CaseDates, old: CaseTerms) -> Proration:
    """Those axes, with what the case's own keys say."""
    nominal = 365 * (old.months // 12) if old.months % 12 == 0 else 30 * old.months
    if (case.get("nominal_days") or nominal) != nominal or (case.get("fixed_days") or 30) != 30:
        raise Unsupported("months of another nominal length than 30 days, or years than 365")
    values = axes.model_dump()
    anchor = case.get("anchor")
    if anchor == "reset" or axes.anchor is Anchor.RESET:
        values["anchor"] = Anchor.RESET
        if case.get("granularity") == "second":
            values["fraction"] = Fraction.SECONDS
    elif anchor in ("realign", "keep_day_of_month"):
        values |= {"anchor": Anchor.REALIGN, "realign_day": dates.new_period_day or _day(dates)}
    for key in ("rounding", "ratio_decimals"):
        values[key] = case.get(key, values[key])
    place = case.get("round_at")
    if place is not None:
        values["place"] = RoundingPlace.NET if place == "net_delta" else RoundingPlace(place)
    if values["fraction"] in _BY_THE_DAY:
        values["change_day"] = ChangeDay(case.get("change_day_counts_for") or values["change_day"] or ChangeDay.NEW)
    return Proration.model_validate(values)


def _day(dates: CaseDates) -> int:
    return anchor_of(dates.period, dates.tz).day


def _catalog(
    case: dict[str, Any], currency: str, terms: tuple[CaseTerms, CaseTerms], dates: CaseDates, proration: Proration
) -> Catalog:
    """Two plans, and one rule for every change between them."""
    tax = case.get("tax") or {}
    rates = (TaxRate(code="tax", percent=str(tax["rate"]), label={"en": "Tax"}),) if tax else ()
    plans = []
    for rank, (name, one) in enumerate(zip(("old", "new"), terms, strict=True)):
        fees = {currency: one.setup_fee} if one.setup_fee else {}
        cycle, prices = f"m{one.months}", {currency: one.unit}
        plans.append(
            Plan(id=name, name=name, category="any", product="any", rank=rank, prices={cycle: prices}, setup_fees=fees)
        )
    return Catalog.model_validate(
        {
            "provider": "peer",
            "name": "Peer",
            "timezone": dates.tz,
            "currencies": (currency,),
            "seller": Seller(name="Peer", country="ZZ"),
            "tax": TaxPolicy(prices="inclusive" if tax.get("inclusive") else "exclusive", rates=rates),
            "cycles": {f"m{one.months}": {"months": one.months, "label": {"en": "cycle"}} for one in terms},
            "plans": plans,
            "rules": [{"outcome": "now", "proration": proration.model_dump()}],
        }
    )


def _service(case: dict[str, Any], catalog: Catalog, currency: str, old: CaseTerms, dates: CaseDates) -> ServiceTerms:
    anchor = anchor_of(dates.period, dates.tz)
    unit = Money(old.unit, currency)
    item = _item(case, catalog, currency, old, dates)
    return ServiceTerms(
        "old",
        f"m{old.months}",
        currency,
        old.quantity,
        unit,
        dates.period,
        anchor.day,
        (item,),
        anchor.at,
    )


def _item(case: dict[str, Any], catalog: Catalog, currency: str, old: CaseTerms, dates: CaseDates) -> BilledItem:
    """The old plan's bill: of the whole period, or of the part that the amount says; less what was credited of it."""
    plan = catalog.plans[0]
    full = discounted(old.unit * old.quantity, old.discount, currency)
    terms = PeriodTerms(plan, f"m{old.months}", old.months, old.quantity, old.unit, old.discount, full)
    amount, covers, mode = divide_rounded(*full, Rounding.HALF_UP), dates.period, None
    if case.get("old_amount_billed") is not None:
        wanted = minor(case["old_amount_billed"], currency)
        covers, mode = _part_billed(dates, amount, wanted), Fraction.DAYS
        amount = wanted
    taxation = taxation_of(catalog, Buyer("ZZ"), plan.product)
    _, (tax,) = tax_on(catalog.tax, [TaxableLine(amount, taxation)])
    amounts = net_of(amount, tax, taxation), tax
    day = ChangeDay.NEW if mode else None
    item = replace(billed(terms, taxation, amounts, (covers, dates.period), (mode, day)), id="itm_old")
    return replace(item, net_left=item.net_left - minor(case.get("previous_credits", "0"), currency))


def _part_billed(dates: CaseDates, full: int, wanted: int) -> Period:
    """The last days of the period that cost so much. Raises Unsupported where none do."""
    zone, period = ZoneInfo(dates.tz), dates.period
    whole, first = local_days(period.start, period.end, dates.tz), period.start.astimezone(zone)
    for used in range(whole):
        if divide_rounded(full * (whole - used), whole, Rounding.HALF_UP) == wanted:
            return Period((first + timedelta(days=used)).astimezone(UTC), period.end)
    raise Unsupported("a bill of another amount than a part of the period costs")


def _figures(priced: Priced, currency: str) -> dict[str, str]:
    figures = priced.figures
    assert figures is not None, "the only rule of a case takes effect now"
    amounts = {kind: 0 for kind in ("credit", "charge", "fee")}
    for line in figures.lines:
        amounts[line.kind] = amounts.get(line.kind, 0) + line.amount
    tax = sum(one.amount for one in figures.taxes)
    figures_minor = {
        "credit": -amounts["credit"],
        "charge": amounts["charge"],
        "net": sum(line.amount for line in figures.lines),
        "setup_fee": amounts["fee"],
        "tax": tax,
        "total": figures.total,
        "account_credit": priced.credit_created + priced.refund,
        "account_credit_used": priced.credit_applied,
        "due": max(0, figures.total) - priced.credit_applied,
        "credit_net": sum(one.net for one in figures.taken),
        "credit_gross_of_tax": sum(one.net + one.tax for one in figures.taken),
        "discount": _discount_given(priced),
        "next_renewal": priced.renewal_total,
    }
    end = priced.period.end.astimezone(ZoneInfo(priced.catalog.timezone)).date().isoformat()
    text = {name: Money(amount, currency).major() for name, amount in figures_minor.items()}
    return text | {"new_period_end": end, "new_renewal_without_credit": end}


def _discount_given(priced: Priced) -> int:
    """What the discount takes off the charge."""
    for line in priced.figures.lines if priced.figures else ():
        if line.kind == "charge" and line.terms is not None and line.share is not None:
            share, gross = line.share, line.terms.unit * line.terms.quantity
            return divide_rounded(gross * share.part, share.whole, Rounding.HALF_UP) - line.amount
    return 0
