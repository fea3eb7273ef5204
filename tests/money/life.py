"""The life of one service on real servers, event by event, told to the model."""

from __future__ import annotations

import random
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from domain.catalog import Outcome, Rule
from domain.errors import ChangeError, OpenInvoice
from domain.pricing.modes import Fraction, Proration
from domain.pricing.quote_values import Quote
from domain.pricing.terms import Buyer
from engine.accounts.services import terms_of
from engine.invoicing.documents import document_values
from local.stack import Stack
from models.database import transaction
from models.invoice import Invoice
from pdf.values import checked
from tests.support.life_customer import OFF, WithCredit, midnight
from tests.support.life_model import MONTHS, PRICES, Running, Span, local
from tests.support.money_play import MoneyPlay, yen

CYCLES = ["monthly", "monthly", "monthly", "quarterly", "annual"]
TO_BASIC = Rule(to_plan="basic", direction="downgrade", cycle="same", outcome=Outcome.AT_RENEWAL)


class LifeOnServers(WithCredit):
    """Beside what he holds, the model knows his money: what came and what is credit, open or was taken back."""

    proration = Proration(fraction=Fraction.DAYS)

    def __init__(self, stack: Stack, rng: random.Random) -> None:
        """The host billed the first period, whole or up to the day of renewal."""
        plan, cycle, day = rng.choice(list(PRICES)), rng.choice(CYCLES), rng.choice([1, 15, 31])
        off, ends = rng.choice(OFF), rng.randint(0, 120)
        self.enter(midnight(*rng.choice([(7, 18), (7, 31), (8, 1)])), rng.random() < 0.5, off, ends)
        here = local(self.now)
        self.running = Running(here, Span(here, here, 0), day)
        self.begin_period(MONTHS[cycle])
        self.came = self.credit = self.returned = self.invoiced = 0
        self.open, self.paid = dict[str, int](), dict[str, tuple[str, int]]()
        self.scheduled: tuple[str, str] | None = None
        self.last: dict[str, Any] = {}
        self.play = MoneyPlay.of(
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
        self.hold_period()
        self.imported = sum(net + tax for _, _, net, tax in self.play.items())
        self.billed(self.imported, 1)

    def changes_of_the_sample(self) -> dict[str, Any]:
        """A change to Basic of the same cycle waits for the renewal, every other one is billed at once."""
        changed = {name: getattr(self.catalog, name) for name in ("plans", "cycles", "tax", "policies")}
        discounts = {"his": self.discount} if self.discount else {}
        return {**changed, "rules": (TO_BASIC, *self.catalog.rules), "discounts": discounts}

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
        self.scheduled, self.last = None, {}
        self.look()
        assert self.service.period == self.running.period
        assert renewed.invoice_id is not None
        self.hold_period()
        invoice = self.invoice(renewed.invoice_id)
        assert invoice.credit_applied_minor == min(self.credit, invoice.total_minor)
        self.credit -= invoice.credit_applied_minor
        if invoice.due_minor:
            self.open[invoice.id] = invoice.due_minor

    def invoice(self, invoice_id: str) -> Invoice:
        """One that counts from now on; its page can be printed."""
        with transaction() as session:
            invoice = session.get_one(Invoice, invoice_id)
            assert invoice.document_kind is not None
            checked(document_values(invoice, invoice.document_kind))
            self.billed(invoice.total_minor, len(invoice.content["lines"]))
            self.invoiced += invoice.total_minor
            return invoice

    def he_pays_a_renewal(self, whole: bool) -> None:
        """The oldest, late or in time; or a part of it, and the rest later on the same day."""
        if not self.open:
            return
        invoice_id, due = next(iter(self.open.items()))
        attempt_id = self.play.request_renewal(invoice_id)
        self.pay(attempt_id, due, whole, self.now)
        del self.open[invoice_id]
        if whole:
            self.paid[invoice_id] = attempt_id, due

    def pay(self, attempt_id: str, due: int, whole: bool, at: datetime) -> None:
        first = due if whole else due // 2
        if first:
            self.play.process(self.play.report(attempt_id, yen(first), at=at.isoformat()))
        if first < due:
            self.play.process(self.play.report_second(attempt_id, due - first, at=at.isoformat()))
        self.came += due

    def the_gateway_takes_a_part_of_a_renewal_back(self, of: int) -> None:
        """It is money and no time: what the next credit pays first."""
        if not self.paid:
            return
        attempt_id, amount = self.paid.pop(next(iter(self.paid)))
        self.play.process(self.play.report_refund(attempt_id, amount // of, of=amount))
        self.came -= amount // of
        self.returned += amount // of

    def the_customer_moves(self, buyer: Buyer) -> None:
        self.buyer = buyer
        with transaction() as session:
            customer = self.play.service(session).customer
            customer.country, customer.tax_exempt = buyer.country, buyer.tax_exempt

    def the_plan_changes(self, plan: str, cycle: str, units: int, pays: str, hours: int) -> None:
        """Paid at once, in two parts or so many hours later; too late or never."""
        try:
            change_id = self.play.request(plan, cycle, quantity=units)
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
        assert invoice.credit_applied_minor == min(self.credit, max(0, invoice.total_minor))
        paid = self.now
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
        self.settled(change_id, invoice, paid)
        attempts = self.play.attempts(change_id)
        self.last["payment"] = (attempts[-1].id, invoice.due_minor) if attempts and pays == "whole" else ("", None)

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

    def settled(self, change_id: str, asked: Invoice, paid: datetime) -> None:
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
        self.last = {"before": before, "bill": invoice}

    def give(self, credit: int) -> None:
        """A credit note's: what gateways took back is paid first, and only the rest can be spent."""
        claim = min(credit, self.returned)
        self.returned -= claim
        self.credit += credit - claim

    def the_gateway_takes_a_change_back(self) -> None:
        """All of its money: its bill is undone, and he has what he had before it."""
        if not self.last or self.last["bill"].total_minor != self.last["payment"][1]:
            return
        attempt_id, amount = self.last["payment"]
        back = self.play.process(self.play.report_refund(attempt_id, amount, of=amount))
        assert back is not None
        assert self.play.steps("apply", back) == "applied"
        self.invoice(self.play.invoice(back).id)
        self.came -= amount
        _, self.account, self.running = self.last["before"]
        self.last = {}
        self.look()
        assert self.service.period == self.running.period
        self.pass_on(timedelta())  # what was had back may be over

    def agree(self) -> None:
        """The books say what the model says."""
        assert self.agrees()
        books = self.play.ledger()
        sold = sum(books.pop(account) for account in list(books) if account.startswith(("sales", "tax:")))
        assert sold == -self.invoiced
        money = {"clearing:standard": self.came, "credit": -self.credit, "returned": self.returned}
        money["receivable"] = sum(self.open.values())
        assert books == {account: amount for account, amount in money.items() if amount}
        assert self.credit <= self.came + self.imported, "nobody has more than he paid"
        assert sum(item.units_left for item in self.service.items if item.is_open(self.now)) == self.service.quantity
