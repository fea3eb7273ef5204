"""A renewal's invoice reaches its customer: the mail with its page, the reminders, the word that it is past due."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from domain.money import Money
from engine import dunning
from engine.invoicing.printing import print_invoice
from engine.notifications.bill_links import invoice_of
from engine.payments import checkout
from local.stack import Stack
from models.database import transaction
from models.invoice import Invoice
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt
from models.provider import Provider
from tasks import renewals
from tasks.run import external_step
from tests.support import loopback
from tests.support.cost import empty_queues
from tests.support.play import AUGUST, SEPTEMBER, Play

DAY = timedelta(days=1)
PERIODS = [datetime(2027, month, day, 15, tzinfo=UTC) for month, day in ((7, 31), (8, 31), (9, 30), (10, 31), (11, 30))]


@pytest.fixture
def play(servers: Stack) -> Play:
    return Play.of(servers, plan="basic")


def renewed(play: Play, at: datetime) -> str:
    """Rolls the period at this moment, prints the invoice; its id."""
    play.set_clock(at)
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    external_step(print_invoice, Invoice, invoice_id)
    return invoice_id


def scan(play: Play, at: datetime) -> None:
    play.set_clock(at)
    with transaction() as session:
        dunning.remind_unpaid(session)
        dunning.mark_past_due(session)


def mails(play: Play, *invoice_ids: str) -> list[dict[str, Any]]:
    """What reached the customer about these invoices, oldest first."""
    for invoice_id in invoice_ids:
        play.deliver_mails(invoice_id)
    to = {"to": f"zone@{play.slug}.invalid"}
    came: list[dict[str, Any]] = loopback.get(f"{play.stack.addresses.mail}/mails", params=to).json()
    return came[::-1]


def pay(play: Play, invoice_id: str, amount: int) -> None:
    external_step(checkout.request_invoice_payment, Invoice, invoice_id)
    with transaction() as session:
        attempt = session.scalars(select(PaymentAttempt.id).where(PaymentAttempt.invoice_id == invoice_id)).one()
    play.process(play.report(attempt, Money(amount, "JPY")))


def test_each_of_five_renewals_is_mailed_once_with_its_page(play: Play) -> None:
    for period, at in enumerate(PERIODS, start=1):
        invoice_id = renewed(play, at)
        external_step(print_invoice, Invoice, invoice_id)  # a repetition prints and mails nothing more
        pay(play, invoice_id, 550)
        came = mails(play, invoice_id)
        assert len(came) == period
        assert came[-1]["subject"] == f"Invoice DNS-2027-{period:06} for zone: ¥550"
        assert came[-1]["attachments"] == [f"DNS-2027-{period:06}.pdf"]
        [token] = re.findall(r"/portal/bills/(\S+)", came[-1]["text"])
        assert invoice_of(token) == invoice_id
        assert "To pay: ¥550, until" in came[-1]["text"]


def test_reminders_and_the_word_before_it_is_past_due(play: Play) -> None:
    # Due seven days after 1 August in Tokyo: a word on the 6th, past due after the 8th, another word on the 11th.
    invoice_id = renewed(play, AUGUST)
    subjects = ["Invoice DNS-2027-000001 for zone: ¥550"]
    for day, subject in (
        (4, None),
        (5, "Soon due: invoice DNS-2027-000001 for zone, ¥550"),
        (6, None),
        (8, "Invoice DNS-2027-000001 for zone is past due"),
        (9, None),
        (10, "Still unpaid: invoice DNS-2027-000001 for zone, ¥550"),
        (40, None),
    ):
        scan(play, AUGUST + day * DAY)
        subjects += [subject] if subject else []
        assert [mail["subject"] for mail in mails(play, invoice_id)] == subjects, f"{day} days after"
    with transaction() as session:
        assert play.service(session).status == "past_due"
    pay(play, invoice_id, 550)
    with transaction() as session:
        assert play.service(session).status == "active"


def test_days_that_were_missed_are_one_reminder_that_is_true_today(play: Play) -> None:
    """Nobody scanned from 1 to 21 August: no "soon due" of a day that is long over."""
    invoice_id = renewed(play, AUGUST)
    for day in (20, 21):
        scan(play, AUGUST + day * DAY)
    assert sorted(mail["subject"] for mail in mails(play, invoice_id)) == [
        "Invoice DNS-2027-000001 for zone is past due",
        "Invoice DNS-2027-000001 for zone: ¥550",
        "Still unpaid: invoice DNS-2027-000001 for zone, ¥550",
    ]


def test_nobody_is_reminded_of_what_is_paid_or_on_its_way(play: Play) -> None:
    invoice_id = renewed(play, AUGUST)
    external_step(checkout.request_invoice_payment, Invoice, invoice_id)
    with transaction() as session:
        attempt_id = session.scalars(select(PaymentAttempt.id).where(PaymentAttempt.invoice_id == invoice_id)).one()
    play.process(play.report(attempt_id, Money(550, "JPY"), "payment.pending"))
    scan(play, AUGUST + 9 * DAY)
    assert len(mails(play, invoice_id)) == 1
    with transaction() as session:
        assert play.service(session).status == "active"
    play.process(play.report(attempt_id, Money(550, "JPY")))
    scan(play, AUGUST + 12 * DAY)
    assert len(mails(play, invoice_id)) == 1


@pytest.mark.parametrize(("days", "reminded"), [([], 0), ([-20], 0), ([0, 1, 2], 3)])
def test_the_catalogue_names_the_days(servers: Stack, days: list[int], reminded: int) -> None:
    """A day before the bill itself reminds of nothing: due in seven days, twenty before that."""
    play = Play.of(servers, plan="basic", catalog={"policies": {"reminder_days": days}})
    invoice_id = renewed(play, AUGUST)
    for day in range(1, 15):
        scan(play, AUGUST + day * DAY)
    with transaction() as session:
        query = select(OutboxMessage.occasion).where(OutboxMessage.subject == invoice_id)
        occasions = session.scalars(query.where(OutboxMessage.event == "renewal_reminder")).all()
    assert sorted(occasions) == list(range(1, reminded + 1))


@pytest.mark.parametrize(
    ("policy", "off", "totals"), [("invoice", "100", [0]), ("silent", "100", []), ("silent", "50", [275])]
)
def test_a_provider_says_whether_a_renewal_of_nothing_makes_an_invoice(
    servers: Stack, policy: str, off: str, totals: list[int]
) -> None:
    """One that costs something, such as 500 less a half and 10 % of that, makes one in any case."""
    play = Play.of(
        servers,
        plan="basic",
        catalog={"policies": {"zero_renewals": policy}, "discounts": {"friends": {"percent": off}}},
        discount="friends",
    )
    play.set_clock(AUGUST)
    renewed = play.renew()
    with transaction() as session:
        found = session.scalars(select(Invoice)).all()
        mine = [invoice for invoice in found if invoice.service_id == play.service(session).id]
        assert [invoice.total_minor for invoice in mine] == totals
        assert play.service(session).period_start == AUGUST
        assert play.service(session).period_end == SEPTEMBER
    if renewed.invoice_id and totals == [0]:
        external_step(print_invoice, Invoice, renewed.invoice_id)
        assert "There is nothing to pay." in mails(play, renewed.invoice_id)[-1]["text"]


@pytest.mark.parametrize(
    ("failing", "status"), [(("remind_unpaid",), "past_due"), (("remind_unpaid", "mark_past_due"), "active")]
)
def test_bills_that_cannot_be_looked_at_keep_no_renewal_waiting(
    play: Play,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failing: tuple[str, ...],
    status: str,
) -> None:
    """Looks run into their time-outs: what is due is enqueued all the same. Where the bill is seen to be past due, its
    service is not."""

    def slow(_session: object) -> int:
        raise OperationalError("SELECT", {}, TimeoutError("canceling statement due to statement timeout"))

    renewed(play, AUGUST)
    with transaction() as session:
        before = play.service(session).enqueued_at
    play.set_clock(SEPTEMBER)
    empty_queues()
    with monkeypatch.context() as slowly:
        for look in failing:
            slowly.setattr(dunning, look, slow)
        renewals.scan()
    with transaction() as session:
        service = play.service(session)
        assert (service.status, service.enqueued_at != before) == (status, status == "active")
    assert "canceling statement" in caplog.text


def test_a_provider_with_many_bills_shares_only_with_those_that_have_some(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a batch of two, one provider with two bills gets both, however many others have none."""
    Play.of(play.stack)
    for at in PERIODS[:2]:
        renewed(play, at)
    monkeypatch.setattr(dunning, "BATCH", 2)
    play.set_clock(PERIODS[1] + 20 * DAY)
    with transaction() as session:
        others = select(Provider.id).where(Provider.slug != play.slug)
        quiet = update(Invoice).where(Invoice.provider_id.in_(others))
        session.execute(quiet.values(remind_at=None, past_due_at=None))
        assert [look(session) for look in (dunning.remind_unpaid, dunning.mark_past_due)] == [2, 2]
        session.rollback()


def test_a_scan_goes_on_while_some_bills_are_left(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """One provider has three bills, another has one: its share of a batch of two leaves room, and is no end."""
    other = Play.of(play.stack, plan="basic")
    for one, periods in ((play, PERIODS[:3]), (other, PERIODS[:1])):
        for at in periods:
            renewed(one, at)
        one.set_clock(PERIODS[2] + 20 * DAY)
    monkeypatch.setattr(dunning, "BATCH", 2)
    with transaction() as session:
        strangers = select(Provider.id).where(Provider.slug.not_in([play.slug, other.slug]))
        quiet = update(Invoice).where(Invoice.provider_id.in_(strangers))
        session.execute(quiet.values(remind_at=None, past_due_at=None))
    empty_queues()
    renewals.scan()
    with transaction() as session:
        left = select(Invoice.id).join(Provider).where(Provider.slug.in_([play.slug, other.slug]))
        assert session.scalars(left.where(Invoice.past_due_at.is_not(None))).all() == []
