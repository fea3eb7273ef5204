"""A service that ends, or is out of service for a time, in a life on servers."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction as Exact

from tests.money.life_returns import LifeWithReturns
from tests.support.life_model import Running, Span, local


class WholeLife(LifeWithReturns):
    """All that can happen to a service."""

    def it_ends_at_once(self, days: int) -> None:
        """With credit for what is unused, or without; days later it is ordered anew."""
        ending_id = self.play.end("now")
        assert self.play.ending(ending_id).status == "ending"
        held, credit = self.account.held, self.play.ending(ending_id).credit_minor or 0
        worth = self.account.give_up(self.service.quantity, local(self.now))
        if credit:
            note = self.invoice(self.play.credit_note_of(ending_id).id)
            assert note.total_minor == -credit
            self.give(credit)
        else:
            self.account.had += worth
            self.unpaid_bill_is_void(sum((one.paid for one in held), Exact(0)))
        self.ordered_anew(days)

    def unpaid_bill_is_void(self, paid: Exact) -> None:
        """Of the period in which it ended, where nothing came for it; what credit had paid of it comes back."""
        bill = self.running_bill
        if bill is None or bill not in self.open or self.open[bill] < self.due[bill]:
            return
        note = self.play.note_on(bill)
        assert note is not None
        self.give(-self.invoice(note.id).total_minor, answers=bill)
        self.account.had -= paid

    def it_ends_with_its_period(self, days: int) -> None:
        """What was scheduled ends with it; days later it is ordered anew."""
        ending_id = self.play.end("period_end")
        self.now = self.running.period.end
        self.set_clock(self.now)
        assert self.play.renew().invoice_id is None
        assert self.play.run_ending(ending_id) == "ending"
        self.ordered_anew(days)

    def it_is_kept_after_all(self) -> None:
        self.play.end("period_end")
        assert self.play.keep() == "withdrawn"

    def ordered_anew(self, days: int) -> None:
        """A period begins on that day, and its renewal bills it."""
        self.reported("canceled")
        self.scheduled = None
        self.nothing_to_reverse()
        self.now += timedelta(days=days)
        self.begins_anew()

    def begins_anew(self) -> None:
        self.set_clock(self.now)
        self.reported("active")
        here = local(self.now)
        self.running = Running(here, Span(here, here, 0), here.day)
        self.renew()

    def it_is_out_of_service(self, hours: int) -> None:
        """What was left of the period is left of it when it is back, or it goes on to its end; where it is over by
        then, the next begins on that day."""
        out, end = local(self.now).date(), local(self.running.period.end).date()
        self.reported("suspended")
        self.now += timedelta(hours=hours)
        self.set_clock(self.now)
        back = local(self.now).date()
        if self.policies.resume == "extend_period" and back > out:
            self.reported("active")
            self.nothing_to_reverse()
            self.running = self.running.later((back - out).days)
            self.account.had_later((back - out).days)
            self.look()
            assert self.service.period == self.running.period
        elif back <= end:
            self.reported("active")
        else:
            self.begins_anew()
            return
        self.pass_on(timedelta())
