"""What a customer has to have been billed, in fractions. The model knows no item, no take-back and no line.

It keeps what he holds: so many units, what was paid for them, gross, and the time that this was for.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction as Exact

from domain.periods import Period
from domain.pricing.modes import Fraction
from domain.pricing.terms import Buyer

PRICES = {"basic": 500, "start": 1200, "business": 3000}
BUYERS = [Buyer("JP"), Buyer("US"), Buyer("JP", tax_exempt=True)]


def local(moment: datetime) -> datetime:
    """Tokyo, where no clock changes."""
    return moment.replace(tzinfo=None) + timedelta(hours=9)


def tax_factor(inclusive: bool, buyer: Buyer) -> Exact:
    """What a price comes to for this buyer: 10 % in Japan, on top or within; one who is exempt pays none of it."""
    if buyer == BUYERS[0]:
        return Exact(1) if inclusive else Exact(11, 10)
    return Exact(10, 11) if inclusive and buyer.country == "JP" else Exact(1)


def share(fraction: Fraction, period: Period, moment: datetime) -> Exact:
    """The part of the period that is still to come."""
    start, end, now = local(period.start), local(period.end), local(max(moment, period.start))
    if fraction is Fraction.SECONDS:
        return max(Exact(0), Exact((end - now).total_seconds()) / Exact((end - start).total_seconds()))
    if fraction is Fraction.DAYS:
        return max(Exact(0), Exact((end.date() - now.date()).days, (end.date() - start.date()).days))
    if now.date() <= start.date():
        return Exact(1)
    months, left = _months(start, end), _months(now, end)
    return min(Exact(1), max(Exact(0), Exact(30 * left + end.day - now.day, 30 * months)))


def _months(start: datetime, end: datetime) -> int:
    return (end.year - start.year) * 12 + end.month - start.month


@dataclass(frozen=True)
class Held:
    """Units with the time from `since` to the period's end, and what was paid for that; all of it as it lay before the
    service was out, from which on it lies so many days later."""

    units: int
    paid: Exact
    period: Period
    since: datetime
    late: int = 0


@dataclass
class Account:
    """What he holds, newest last, and the price of what he had before it."""

    fraction: Fraction
    had: Exact = Exact(0)
    held: list[Held] = field(default_factory=list)

    @property
    def billed(self) -> Exact:
        return self.had + sum((one.paid for one in self.held), Exact(0))

    def give_up(self, units: int, now: datetime, fraction: Fraction | None = None) -> Exact:
        """The newest units go; what of them was not had is worth so much."""
        worth, kept = Exact(0), list[Held]()
        for one in reversed(self.held):
            gone = min(units, one.units)
            units -= gone
            paid = one.paid * gone / one.units
            unused = self._unused(one, now, fraction or self.fraction) * paid
            worth, self.had = worth + unused, self.had + paid - unused
            if gone < one.units:
                kept.insert(0, replace(one, units=one.units - gone, paid=one.paid - paid))
        self.held = kept
        return worth

    def had_later(self, days: int) -> None:
        """The time that he did not have, he has so many days later."""
        self.held = [replace(one, late=one.late + days) for one in self.held]

    def _unused(self, one: Held, now: datetime, fraction: Fraction) -> Exact:
        billed = share(fraction, one.period, one.since)
        return share(fraction, one.period, now - timedelta(days=one.late)) / billed if billed else Exact(0)
