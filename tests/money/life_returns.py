"""What gateways take back in a life on servers: parts and whole payments, refunded, disputed or failed late."""

from __future__ import annotations

from datetime import timedelta

from engine.operators.returned_money import decide_returned
from models.database import transaction
from tests.money.life import LifeOnServers
from tests.money.life_books import Paid
from tests.support.ending_play import EndingPlay
from tests.support.money_play import DECISION


class LifeWithReturns(LifeOnServers):
    """`paid` are payments that may go back; those of older changes, whose bills can no more be reversed, too."""

    play: EndingPlay

    def open_books(self) -> None:
        super().open_books()
        self.paid, self.older = list[Paid](), list[Paid]()
        self.disputed, self.gone = list[Paid](), list[Paid]()

    def whole_payment(self, paid: Paid) -> None:
        self.paid.append(paid)

    def nothing_to_reverse(self) -> None:
        if "payment" in self.last:
            self.older.append(self.last["payment"])
        super().nothing_to_reverse()

    def a_part_of_a_renewal_goes_back(self, of: int) -> None:
        """It is money and no time: what the next credit pays first."""
        if not self.paid:
            return
        paid = self.paid.pop(0)
        part = paid.amount // of
        self.play.process(self.play.report_refund(paid.attempt, part, of=paid.amount))
        self.went_back(paid, part)

    def a_renewals_payment_goes_back(self, how: str) -> None:
        if self.paid:
            self.goes_back(self.paid.pop(0), how)

    def the_last_changes_payment_goes_back(self, how: str) -> None:
        if "payment" in self.last:
            self.goes_back(self.last["payment"], how)

    def an_older_changes_payment_goes_back(self, how: str) -> None:
        if self.older:
            self.goes_back(self.older.pop(0), how)

    def goes_back(self, paid: Paid, how: str) -> None:
        """All of it, and once. What is disputed is decided later."""
        if paid in self.gone:
            return
        self.gone.append(paid)
        self.went_back(paid, paid.amount)
        if how == "disputed":
            self.play.process(self.play.report_dispute(paid.attempt, "opened", paid.amount))
            self.disputed.append(paid)
            return
        if how == "failed late":
            report = self.play.report_late_failure(paid.attempt, paid.amount)
        else:
            report = self.play.report_refund(paid.attempt, paid.amount, of=paid.amount)
        self.decided(paid, self.play.process(report))

    def went_back(self, paid: Paid, amount: int) -> None:
        self.came -= amount
        if amount:
            self.returned[paid.invoice] = self.returned.get(paid.invoice, 0) + amount

    def a_dispute_is_won(self) -> None:
        """The money is there again; where credit has paid for it meanwhile, it is credit."""
        if not self.disputed:
            return
        paid = self.disputed.pop(0)
        self.play.process(self.play.report_dispute(paid.attempt, "won", paid.amount))
        self.came += paid.amount
        self.credit += paid.amount - self.returned.pop(paid.invoice, 0)

    def a_dispute_is_lost(self) -> None:
        if self.disputed:
            paid = self.disputed.pop(0)
            self.decided(paid, self.play.process(self.play.report_dispute(paid.attempt, "lost", paid.amount)))

    def decided(self, paid: Paid, back: str | None) -> None:
        """What was too much is taken from his credit; the rest is lost, or the plan is, or he is out of service."""
        claim = self.returned.pop(paid.invoice, 0)
        taken = min(max(0, claim - paid.needed), self.credit)
        self.credit -= taken
        if taken == claim:
            assert back is None
            return
        self.returned[paid.invoice] = claim - taken
        policy = self.policies.money_returned
        if policy == "keep":
            self.lost += self.returned.pop(paid.invoice)
        elif policy == "reverse" and self.last.get("payment") == paid:
            self.reversed(paid, back)
        else:
            self.suspended(paid)

    def reversed(self, paid: Paid, back: str | None) -> None:
        """Its bill is undone, and he has what he had before it."""
        assert back is not None
        assert self.play.steps("apply", back) == "applied"
        self.invoice(self.play.invoice(back).id)
        self.give(self.last["bill"].total_minor, answers=paid.invoice)
        _, self.account, self.running = self.last["before"]
        self.last, self.scheduled = {}, None
        self.look()
        assert self.service.period == self.running.period
        self.pass_on(timedelta())  # what was had back may be over

    def suspended(self, paid: Paid) -> None:
        """Staff say that a change's money is lost, and the host has the service run again."""
        assert self.play.status() == "suspended"
        if paid.change is not None:
            with transaction() as session:
                lost = decide_returned(session, self.clock, paid.change, "keep", DECISION)
            assert lost.amount == self.returned.pop(paid.invoice)
            self.lost += lost.amount
        self.reported("active")

    def reported(self, status: str) -> None:
        """By the host, which tells the period that it told at first."""
        first, now = self.first_period, self.service
        self.play.report_status(
            status, period_start=first.start, period_end=first.end, cycle=now.cycle, quantity=now.quantity
        )
