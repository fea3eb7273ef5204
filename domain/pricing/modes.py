"""How a change is prorated: independent axes, and the named presets. Contradictions are refused when loaded."""

from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from domain.money import Rounding


class Fraction(StrEnum):
    """Which part of a period's price a change moves."""

    DAYS = "days"  # whole local days left of the days in the period
    SECONDS = "seconds"  # seconds left of the seconds in the period
    FIXED_30 = "fixed_30"  # days left of 30 for each month
    NOMINAL = "nominal"  # days left of 30 for each month, of 365 for each year
    WHOLE = "whole"  # the full price difference at any time
    ZERO = "zero"  # nothing now; the new price from the renewal on


# The price of a change depends on the day only where its period is divided.
BY_TIME = frozenset({Fraction.DAYS, Fraction.SECONDS, Fraction.FIXED_30, Fraction.NOMINAL})


class Anchor(StrEnum):
    """What happens to the renewal date."""

    KEEP = "keep"  # the day of renewal stays; another cycle is counted from the running period's start
    KEEP_END = "keep_end"  # the renewal date itself stays; another cycle's price is scaled to the running period
    RESET = "reset"  # a new period starts now and is charged in full
    REALIGN = "realign"  # the new period is the one that holds now and starts on a fixed day of the month


class CreditBecomes(StrEnum):
    """Where money goes when the total is negative."""

    ACCOUNT_CREDIT = "account_credit"
    REFUND = "refund"
    NOTHING = "nothing"


class ChangeDay(StrEnum):
    """Which plan pays for the calendar day of the change."""

    NEW = "new"
    OLD = "old"


class RoundingPlace(StrEnum):
    """Where rounding happens."""

    LINE = "line"
    NET = "net"
    TOTAL = "total"
    DAY_RATE = "day_rate"


class PriceDifference(StrEnum):
    """What the full price difference is taken from."""

    PRICES = "prices"  # the difference of the two plans' prices
    BILLED = "billed"  # the new price less all that was billed for the running period


_BY_THE_DAY = (Fraction.DAYS, Fraction.FIXED_30, Fraction.NOMINAL)


class Proration(BaseModel):
    """One way to price a change; None leaves rounding and the day of the change to the provider's policies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fraction: Fraction
    credit: StrictBool = True
    anchor: Anchor = Anchor.KEEP
    credit_becomes: CreditBecomes = CreditBecomes.ACCOUNT_CREDIT
    change_day: ChangeDay | None = None
    rounding: Rounding | None = None
    place: RoundingPlace | None = None
    ratio_decimals: StrictInt | None = Field(default=None, ge=1, le=18)
    realign_day: StrictInt | None = Field(default=None, ge=1, le=31)
    difference: PriceDifference = PriceDifference.PRICES
    # What happens to the renewal date where the cycle changes; the anchor's own way by default.
    other_cycle: Literal[Anchor.KEEP, Anchor.KEEP_END, Anchor.RESET] | None = None

    def between(self, old_months: int, new_months: int) -> Self:
        """The axes for a change from one cycle to another."""
        return self if self.other_cycle is None or old_months == new_months else self._across_cycles

    @cached_property
    def _across_cycles(self) -> Self:
        return self.model_copy(update={"anchor": self.other_cycle, "realign_day": None, "other_cycle": None})

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        for wrong, sentence in self._contradictions():
            if wrong:
                raise ValueError(sentence)
        return self

    def _contradictions(self) -> tuple[tuple[bool, str], ...]:
        zero, whole = self.fraction is Fraction.ZERO, self.fraction is Fraction.WHOLE
        by_the_day = self.fraction in _BY_THE_DAY
        return (
            (zero and self.credit, "fraction zero moves no money now, so credit must be false"),
            (zero and self.anchor is not Anchor.KEEP, "fraction zero moves no money now, so anchor must be keep"),
            (whole and not self.credit, "fraction whole is the full price difference, so credit must be true"),
            (
                whole and self.anchor is not Anchor.KEEP,
                "fraction whole gives back the whole old price, so a new period would be free: anchor must be keep",
            ),
            (
                not self.credit and self.credit_becomes is not CreditBecomes.NOTHING,
                'without credit there is nothing to give back: credit_becomes must be "nothing"',
            ),
            (
                (self.anchor is Anchor.REALIGN) is (self.realign_day is None),
                "realign_day is needed with anchor realign, and only with it",
            ),
            (not by_the_day and self.change_day is not None, "change_day means something only for fractions of days"),
            (
                not by_the_day and self.place is RoundingPlace.DAY_RATE,
                "rounding the day rate means something only for fractions of days",
            ),
            (
                (whole or zero) and self.ratio_decimals is not None,
                "ratio_decimals means something only where a period is divided",
            ),
            (
                (whole or zero) and self.other_cycle is not None,
                "other_cycle means something only where a period is divided",
            ),
            (
                not whole and self.difference is not PriceDifference.PRICES,
                "difference means something only for fraction whole",
            ),
            (
                self.place is RoundingPlace.DAY_RATE and self.ratio_decimals is not None,
                "round the day rate or the ratio, not both",
            ),
        )


def _preset(fraction: Fraction, **axes: Any) -> Proration:
    return Proration(fraction=fraction, **axes)


_NO_CREDIT = {"credit": False, "credit_becomes": CreditBecomes.NOTHING}

PRESETS: dict[str, Proration] = {
    "by_day": _preset(Fraction.DAYS),
    "by_second": _preset(Fraction.SECONDS),
    "by_fixed_30": _preset(Fraction.FIXED_30),
    "by_nominal": _preset(Fraction.NOMINAL, place=RoundingPlace.NET),
    "full_difference": _preset(Fraction.WHOLE),
    "none": _preset(Fraction.ZERO, **_NO_CREDIT),
    "reset_with_credit": _preset(Fraction.DAYS, anchor=Anchor.RESET),
    "reset_no_credit": _preset(Fraction.DAYS, anchor=Anchor.RESET, **_NO_CREDIT),
}
