"""The presets that bill as other programs do, and which axes each mode of a cases file means.

Sources: Kill Bill's InvoiceDateUtils (ratio to nine decimals, 30-day months) and KillBillMoney; Polar's and Meteroid's
proration tests; Lago's credit-note tests; Paymenter's ServiceUpgrade (difference by nominal days); Flexprice's
calculator; the proration pages of Stripe and Recurly; the WHMCS upgrade pages (renewal date kept, price scaled to it).
"""

from typing import Any

from domain.money import Rounding
from domain.pricing.modes import Anchor, ChangeDay, CreditBecomes, Fraction, Proration, RoundingPlace

_LOST: dict[str, Any] = {"credit": False, "credit_becomes": CreditBecomes.NOTHING}

PEER_PRESETS: dict[str, Proration] = {
    "whmcs": Proration(
        fraction=Fraction.DAYS, anchor=Anchor.KEEP_END, rounding=Rounding.HALF_UP, place=RoundingPlace.LINE
    ),
    "kill_bill": Proration(
        fraction=Fraction.DAYS,
        change_day=ChangeDay.NEW,
        ratio_decimals=9,
        rounding=Rounding.HALF_UP,
        place=RoundingPlace.LINE,
    ),
    "lago": Proration(
        fraction=Fraction.DAYS, change_day=ChangeDay.NEW, rounding=Rounding.HALF_UP, place=RoundingPlace.LINE
    ),
    "polar": Proration(
        fraction=Fraction.SECONDS, rounding=Rounding.HALF_EVEN, place=RoundingPlace.LINE, other_cycle=Anchor.RESET
    ),
    "stripe": Proration(
        fraction=Fraction.SECONDS, rounding=Rounding.HALF_UP, place=RoundingPlace.LINE, other_cycle=Anchor.RESET
    ),
    "recurly": Proration(
        fraction=Fraction.SECONDS, rounding=Rounding.HALF_UP, place=RoundingPlace.LINE, other_cycle=Anchor.RESET
    ),
    "paymenter": Proration(fraction=Fraction.NOMINAL, rounding=Rounding.HALF_UP, place=RoundingPlace.NET),
    "meteroid": Proration(
        fraction=Fraction.DAYS, change_day=ChangeDay.NEW, rounding=Rounding.HALF_UP, place=RoundingPlace.LINE
    ),
    "flexprice": Proration(
        fraction=Fraction.DAYS, change_day=ChangeDay.NEW, rounding=Rounding.HALF_UP, place=RoundingPlace.LINE
    ),
}

CASE_MODES: dict[str, Proration] = {
    "prorate_second": Proration(fraction=Fraction.SECONDS),
    "prorate_second_cross_interval": Proration(fraction=Fraction.SECONDS),
    "prorate_second_quantity_delta": Proration(
        fraction=Fraction.SECONDS, rounding=Rounding.DOWN, place=RoundingPlace.NET
    ),
    "prorate_day": Proration(fraction=Fraction.DAYS),
    "prorate_day_quantity_delta": Proration(fraction=Fraction.DAYS, place=RoundingPlace.NET),
    "prorate_day_cross_interval": Proration(fraction=Fraction.DAYS),
    "prorate_day_fixed30": Proration(fraction=Fraction.FIXED_30),
    "difference_nominal_days": Proration(fraction=Fraction.NOMINAL, place=RoundingPlace.NET),
    "reset_anchor_with_credit": Proration(fraction=Fraction.DAYS, anchor=Anchor.RESET),
    "reset_anchor_no_credit": Proration(fraction=Fraction.DAYS, anchor=Anchor.RESET, **_LOST),
    "full_difference": Proration(fraction=Fraction.WHOLE),
    "none": Proration(fraction=Fraction.ZERO, **_LOST),
    "credit_unused_day": Proration(fraction=Fraction.DAYS, change_day=ChangeDay.OLD, place=RoundingPlace.TOTAL),
    "credit_unused_day_refund_split": Proration(
        fraction=Fraction.DAYS, change_day=ChangeDay.OLD, place=RoundingPlace.TOTAL, credit_becomes=CreditBecomes.REFUND
    ),
    "credit_unused_second": Proration(fraction=Fraction.SECONDS, place=RoundingPlace.TOTAL),
}
