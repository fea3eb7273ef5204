"""The life of one service on real servers, event by event, told to the model: renewals, changes and their payment."""

from __future__ import annotations

import random
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from domain.catalog import Outcome, Rule
from domain.errors import ChangeError, OpenInvoice
from domain.pricing.modes import Fraction
from domain.pricing.quote_values import Quote
from domain.pricing.terms import Buyer
from engine.accounts.services import terms_of
from local.stack import Stack
from models.database import transaction
from models.invoice import Invoice
from tests.money.life_books import Books, Paid
from tests.support.ending_play import EndingPlay
from tests.support.life_customer import OFF, midnight
from tests.support.life_model import MONTHS, PRICES, Running, Span, local
from tests.support.money_play import yen

CYCLES = ["monthly", "monthly", "monthly", "quarterly", "annual"]
STARTS = [(7, 18), (7, 31), (8, 1), (11, 30), (1, 31, 2028), (2, 29, 2028)]
TO_BASIC = Rule(to_plan="basic", direction="downgrade", cycle="same", outcome=Outcome.AT_RENEWAL)
LATER = Rule(cycle="other", outcome=Outcome.AT_RENEWAL)


class LifeOnServers(Books):
    """Beside what he holds, the model knows his money."""

    def __init__(self, stack: Stack, rng: random.Random) -> None:
        """The host billed the first period, whole or up to the day of renewal."""
        plan, cycle, day = rng.choice(list(PRICES)), rng.choice(CYCLES), rng.choice([1, 15, 29, 31])
        off, ends = rng.choice(OFF), rng.randint(0, 120)
        self.chosen = rng
        self.enter(midnight(*rng.choice(STARTS)), rng.random() < 0.5, off, ends)
        here = local(self.now)
        self.running = Running(here, Span(here, here, 0), day)
        self.begin_period(MONTHS[cycle])
        self.scheduled: tuple[str, str] | None = None
        self.running_bill: str | None = None
        self.last: dict[str, Any] = {}
        self.play = EndingPlay.of(
            stack,
            plan=plan,
            catalog=self.changes_of_the_sample(),
            cycle=cycle,
            period_start=self.running.period.start,
            period_end=self.running.period.end,
            anchor_day=day,
            discount="his" if off else None,
        )
        self.clock = self.now
        self.set_clock(self.now)
        self.look()
        self.first_period = self.running.period
        self.hold_period()
        self.open_books()

    def changes_of_the_sample(self) -> dict[str, Any]:
        """A change to Basic of the same cycle waits for the renewal, as one to another cycle does for some; every
        other one is billed at once."""
        waits = (TO_BASIC, LATER) if not self.changes_cycle or self.chosen.random() < 0.3 else (TO_BASIC,)
        [at_once] = self.catalog.rules
        if not self.changes_cycle or self.proration.fraction is Fraction.ZERO:
            waits, at_once = (TO_BASIC, LATER), at_once.model_copy(update={"cycle": "same"})
        divided = self.proration.credit and self.proration.fraction in (Fraction.DAYS, Fraction.SECONDS)
        chosen = {
            "money_returned": self.chosen.choice(["reverse", "reverse", "suspend", "keep"]),
            "resume": self.chosen.choice(["restart_period", "extend_period"]),
        }
        self.policies = self.catalog.policies.model_copy(
            update=chosen if divided else chosen | {"ending_credit": "nothing"}
        )
        changed = {name: getattr(self.catalog, name) for name in ("plans", "cycles", "tax")}
        discounts = {"his": self.discount} if self.discount else {}
        return {**changed, "policies": self.policies, "rules": (*waits, at_once), "discounts": discounts}

    def look(self) -> None:
        with transaction() as session:
            self.service = terms_of(session, self.play.service(session))

    def pass_on(self, time: timedelta) -> None:
        self.now += time
        while self.now >= self.running.period.end:
            self.renew()
        self.set_clock(self.now)

    def set_clock(self, at: datetime) -> None:
        """A period that is missed is caught up late."""
        self.clock = max(self.clock, at)
        self.play.set_clock(self.clock)

    def renew(self) -> None:
        """At the price of the list or as it was promised; credit pays what it can."""
        _, cycle = self.scheduled or (self.service.plan, self.service.cycle)
        self.begin_period(MONTHS[cycle])
        self.set_clock(self.running.period.start)
        renewed = self.play.renew()
        assert (renewed.change_id is None) is (self.scheduled is None)
        if renewed.change_id:
            assert self.play.step("apply", renewed.change_id) == "applied"
        self.scheduled = None
        self.nothing_to_reverse()
        self.look()
        assert self.service.period == self.running.period
        assert renewed.invoice_id is not None
        self.hold_period()
        invoice = self.invoice(renewed.invoice_id)
        assert invoice.credit_applied_minor == self.credit_used(self.credit, invoice.total_minor)
        self.owe(invoice)
        self.running_bill = invoice.id

    def nothing_to_reverse(self) -> None:
        """The last change is one of the period before, or another has followed it."""
        self.last = {}

    def he_pays_what_is_open(self, whole: bool) -> None:
        """The oldest, late or in time; or a part of it, and the rest later on the same day."""
        if not self.open:
            return
        invoice_id, due = next(iter(self.open.items()))
        attempt_id = self.play.request_renewal(invoice_id)
        self.pay(attempt_id, due, whole, self.now)
        del self.open[invoice_id]
        if whole:
            self.whole_payment(Paid(attempt_id, due, invoice_id, due))

    def whole_payment(self, paid: Paid) -> None:
        """It may go back."""

    def pay(self, attempt_id: str, due: int, whole: bool, at: datetime) -> None:
        first = due if whole else due // 2
        if first:
            self.play.process(self.play.report(attempt_id, yen(first), at=at.isoformat()))
        if first < due:
            self.play.process(self.play.report_second(attempt_id, due - first, at=at.isoformat()))
        self.came += due

    def the_customer_moves(self, buyer: Buyer) -> None:
        self.buyer = buyer
        with transaction() as session:
            customer = self.play.service(session).customer
            customer.country, customer.tax_exempt = buyer.country, buyer.tax_exempt

    def the_plan_changes(self, plan: str, cycle: str, units: int, pays: str, hours: int) -> None:
        """Paid at once, in two parts or so many hours later; too late or never."""
        try:
            change_id = self.play.request(plan, cycle, quantity=min(units, self.most_units))
        except OpenInvoice:
            assert self.open, "changes are refused while a bill is open, and only then"
            return
        except ChangeError:
            return
        status = self.play.step("quote", change_id)
        if status == "scheduled":
            self.scheduled = plan, cycle
        elif status == "quoted":
            assert not self.open
            self.offered(change_id, pays, hours)

    def offered(self, change_id: str, pays: str, hours: int) -> None:
        status = self.play.steps("issue print request_payment", change_id)
        change, invoice = self.play.change(change_id), self.play.invoice(change_id)
        assert invoice.credit_applied_minor == self.credit_used(self.credit, invoice.total_minor)
        paid, attempt_id = self.now, ""
        if status == "awaiting_payment":
            attempt_id, due = self.play.attempts(change_id)[-1].id, invoice.due_minor
            assert change.payable_until is not None
            if pays in ("too late", "never"):
                self.expired(change_id, attempt_id, change.payable_until, due if pays == "too late" else 0)
                return
            if pays == "days later":
                paid = min(self.now + timedelta(hours=hours), change.payable_until - timedelta(minutes=1))
            self.set_clock(paid)
            self.pay(attempt_id, due, pays != "in parts", paid)
        bill = self.settled(change_id, invoice, paid)
        if attempt_id and pays != "in parts":
            needed = max(0, bill.total_minor - invoice.credit_applied_minor)
            self.last["payment"] = Paid(attempt_id, invoice.due_minor, bill.id, needed, change_id)

    def expired(self, change_id: str, attempt_id: str, until: datetime, came: int) -> None:
        """Nothing was billed; money that comes too late is credit."""
        self.now = until
        self.set_clock(until)
        self.play.step("expire", change_id)
        self.play.process(self.play.report(attempt_id, yen(0), "payment.canceled", at=until.isoformat()))
        self.play.step("expire", change_id)
        assert self.play.change(change_id).status == "expired"
        if came:
            late = (until + timedelta(seconds=1)).isoformat()
            self.play.process(self.play.report(attempt_id, yen(came), at=late))
            self.came += came
            self.credit += came

    def settled(self, change_id: str, asked: Invoice, paid: datetime) -> Invoice:
        """Billed as of the day on which it is paid, at most what was asked; what is over is credit."""
        before = self.service, deepcopy(self.account), self.running
        assert self.play.steps("settle apply", change_id) == "applied"
        change, invoice = self.play.change(change_id), self.invoice(asked.id)
        assert invoice.total_minor <= asked.total_minor
        self.credit -= asked.credit_applied_minor
        self.credit += max(0, asked.total_minor) - max(0, invoice.total_minor)  # paid too much is no credit note
        self.give(max(0, -invoice.total_minor))
        ceiling = None
        if change.settled_quote is not None:
            self.now, ceiling = Quote.from_json(change.settled_quote).effective_at, asked.total_minor
        self.look()
        self.running = self.runs_after(MONTHS[before[0].cycle], MONTHS[self.service.cycle])
        assert self.service.period == self.running.period
        self.sentence(before[0], before[2], invoice.total_minor, ceiling)
        self.scheduled, self.now = None, paid
        self.nothing_to_reverse()
        self.last = {"before": before, "bill": invoice}
        return invoice
