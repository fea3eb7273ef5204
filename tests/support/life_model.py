"""What a customer has to have been billed, in fractions. The model knows no item, no take-back and no line.

It keeps what he holds: so many units, what was paid for them, gross, and the time that this was for. Its calendar is
its own, in local time: Tokyo, where no clock changes.
"""

from calendar import monthrange
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction as Exact

from domain.periods import Period
from domain.pricing.modes import Fraction
from domain.pricing.terms import Buyer

MONTHS = {"monthly": 1, "quarterly": 3, "annual": 12}
PRICES = {
    "basic": {"monthly": 500, "quarterly": 1400, "annual": 5000},
    "start": {"monthly": 1200, "quarterly": 3500, "annual": 12000},
    "business": {"monthly": 3000, "quarterly": 8800, "annual": 30000},
}
BUYERS = [Buyer("JP"), Buyer("US"), Buyer("JP", tax_exempt=True)]


def local(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None) + timedelta(hours=9)


def instant(moment: datetime) -> datetime:
    return (moment - timedelta(hours=9)).replace(tzinfo=UTC)


def tax_factor(inclusive: bool, buyer: Buyer) -> Exact:
    """What a price comes to for this buyer: 10 % in Japan, on top or within; one who is exempt pays none of it."""
    if buyer == BUYERS[0]:
        return Exact(1) if inclusive else Exact(11, 10)
    return Exact(10, 11) if inclusive and buyer.country == "JP" else Exact(1)


def on_day(day: int, at: datetime, months: int = 0) -> datetime:
    """This day, or the last, of the month that is so many after that of `at`, at its time of day."""
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1, day=min(day, monthrange(year, month + 1)[1]))


@dataclass(frozen=True)
class Span:
    """[start, end) of so many months, in local time."""

    start: datetime
    end: datetime
    months: int

    def later(self, days: int) -> "Span":
        late = timedelta(days=days)
        return Span(self.start + late, self.end + late, self.months)

    def left(self, fraction: Fraction, now: datetime, spent: int = 0) -> Exact:
        """The part of it that is still to come; `spent` is the day itself, where it is the old plan's."""
        now = max(now, self.start)
        if fraction is Fraction.SECONDS:
            return max(
                Exact(0), Exact((self.end - now).total_seconds()) / Exact((self.end - self.start).total_seconds())
            )
        days = (self.end.date() - now.date()).days - spent
        if fraction is Fraction.DAYS:
            return max(Exact(0), Exact(days, (self.end.date() - self.start.date()).days))
        if fraction is Fraction.NOMINAL:
            whole = 365 * self.months // 12 if self.months % 12 == 0 else 30 * self.months
        elif now.date() <= self.start.date():
            return Exact(1)
        else:
            whole = 30 * self.months
            days = 30 * (12 * (self.end.year - now.year) + self.end.month - now.month) + self.end.day - now.day
        return min(Exact(1), max(Exact(0), Exact(days, whole)))


@dataclass(frozen=True)
class Running:
    """What runs: from `start` to the end of the full period `whole`, on whose day it renews; it lies `late` days later
    than it was billed for."""

    start: datetime
    whole: Span
    day: int
    late: int = 0

    @property
    def period(self) -> Period:
        return Period(instant(self.start), instant(self.whole.end))

    def after(self, months: int) -> "Running":
        """The next one: a full period, or the time up to the day of renewal."""
        end = self.whole.end
        until = on_day(self.day, end, months)
        if on_day(self.day, end) != end:
            until = on_day(self.day, end) if on_day(self.day, end) > end else on_day(self.day, end, 1)
        return Running(end, Span(on_day(self.day, until, -months), until, months), self.day)

    def anew(self, now: datetime, months: int) -> "Running":
        """A full period that begins now."""
        return Running(now, Span(now, on_day(now.day, now, months), months), now.day)

    def from_day(self, day: int, now: datetime, months: int, step: int) -> "Running":
        """The full period that holds this moment: one begins on this day every `step` months of the one that runs."""
        starts = [on_day(day, self.whole.start, step * count) for count in range(-13, 14)]
        start = max(one for one in starts if one <= now)
        return Running(start, Span(start, on_day(day, start, months), months), day)

    def later(self, days: int) -> "Running":
        """What was left of it when the service went out is left of it when it is back, so many days later."""
        whole = self.whole.later(days)
        return Running(self.start + timedelta(days=days), whole, whole.end.day, self.late + days)

    def part(self) -> Exact:
        """How much of the full period it is, by its days."""
        return self.whole.left(Fraction.DAYS, self.start)

    def left(self, fraction: Fraction, now: datetime, spent: int) -> Exact:
        """What is still to come of the full period, counted where it lay."""
        return self.whole.later(-self.late).left(fraction, now - timedelta(days=self.late), spent)


@dataclass(frozen=True)
class Held:
    """Units with a share of `whole` that ends with it, and what was paid for that, `tax` times the price of the list;
    all of it as it lay before the service was out, from which on it lies so many days later."""

    units: int
    paid: Exact
    whole: Span
    share: Exact
    tax: Exact
    late: int = 0


@dataclass
class Account:
    """What he holds, newest last, and the price of what he had before it."""

    fraction: Fraction
    spent: int
    had: Exact = Exact(0)
    held: list[Held] = field(default_factory=list)

    @property
    def billed(self) -> Exact:
        return self.had + sum((one.paid for one in self.held), Exact(0))

    def give_up(self, units: int, now: datetime) -> Exact:
        """The newest units go; what of them was not had is worth so much."""
        worth, kept = Exact(0), list[Held]()
        for one in reversed(self.held):
            gone = min(units, one.units)
            units -= gone
            paid = one.paid * gone / one.units
            unused = self._unused(one, now) * paid
            worth, self.had = worth + unused, self.had + paid - unused
            if gone < one.units:
                kept.insert(0, replace(one, units=one.units - gone, paid=one.paid - paid))
        self.held = kept
        return worth

    def had_later(self, days: int) -> None:
        """The time that he did not have, he has so many days later."""
        self.held = [replace(one, late=one.late + days) for one in self.held]

    def _unused(self, one: Held, now: datetime) -> Exact:
        left = one.whole.left(self.fraction, now - timedelta(days=one.late), self.spent)
        return left / one.share if one.share else Exact(0)
