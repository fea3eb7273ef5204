"""Mail that arrives: whom it is from, what a server's no means, and what becomes of an address that is none."""

from __future__ import annotations

import os
from email.utils import parsedate_to_datetime
from threading import Timer

import pytest
from sqlalchemy import select, update

from domain.catalog import WebPages
from domain.periods import instant_text
from engine.host_reports import put_customer
from engine.notifications import mail, notices, smtp
from engine.notifications.bill_links import invoice_of
from engine.operators.dead_letter_retry import retry_dead_letter
from engine.operators.dead_letters import DeadLetter, dead_letters
from engine.operators.mails import NotSentYet, send_again
from local.stack import Stack
from models.audit import Attribution, OperatorAction
from models.customer import Customer
from models.database import transaction
from models.outbox import OutboxMessage
from models.plan_change import lock_change
from models.provider import UnknownRow
from settings import Settings, settings
from tasks.run import external_step
from tests.conftest import environment
from tests.support.play import NOON_17_JULY, Play

CUSTOMER: dict[str, object] = {"name": "株式会社 例", "country": "JP", "locale": "en", "address": [], "tax_id": None}


def written(play: Play, address: str | None = None) -> str:
    """A message to the customer at this address, which stood there before addresses were checked."""
    if address is not None:
        with transaction() as session:
            of_ours = Customer.provider_id == play.provider(session).id
            session.execute(update(Customer).where(of_ours).values(email=address))
    change_id = play.until_awaiting_payment("start")
    with transaction() as session:
        return session.scalars(select(OutboxMessage.id).where(OutboxMessage.subject == change_id)).one()


def waiting(play: Play) -> list[DeadLetter]:
    with transaction() as session:
        return dead_letters(session, play.provider(session).id)


def is_tried_again(message_id: str) -> bool:
    with transaction() as session:
        message = session.get_one(OutboxMessage, message_id)
        assert message.sent_at is None
        return message.next_attempt_at is not None


@pytest.mark.parametrize(
    ("login_url", "before"),
    [
        (None, "{public}/portal/bills/{bill}"),
        ("https://shop.example/login", "https://shop.example/login?return_to=%2Fportal%2Fchanges%2F{change}"),
        ("https://shop.example/?go=in", "https://shop.example/?go=in&return_to=%2Fportal%2Fchanges%2F{change}"),
    ],
)
def test_a_mail_leads_by_the_providers_own_sign_in(servers: Stack, login_url: str | None, before: str) -> None:
    play = Play.of(servers, catalog={"web": WebPages(login_url=login_url)})
    with transaction() as session:
        message = session.get_one(OutboxMessage, written(play))
        link = message.values["link"]
        bill = link.rpartition("/")[2]
        assert link == before.format(public=settings().public_url, change=message.subject, bill=bill)
        if login_url is None:
            assert invoice_of(bill) == play.invoice(message.subject).id
        plain = mail.compose(message).get_body(("plain",))
        assert plain is not None
        assert f": {link}\n" in plain.get_content()


def test_sender_and_answers_are_the_providers_own(servers: Stack) -> None:
    named = {"sender": "billing@bücher.example", "reply_to": "help@dns.example"}
    play = Play.of(servers, catalog={"mail": named, "name": "Zonas y más"})
    with transaction() as session:
        message = session.get_one(OutboxMessage, written(play))
        composed = mail.compose(message)
        assert parsedate_to_datetime(composed["Date"]) == message.created_at.replace(microsecond=0)
    assert str(composed["From"]) == "Zonas y más <billing@xn--bcher-kva.example>"
    assert str(composed["Reply-To"]) == "help@dns.example"
    assert composed["Message-ID"].endswith("@xn--bcher-kva.example>")
    assert composed["Subject"] == "Please pay ¥373 for your change to Start"


def test_without_a_sender_of_its_own_the_installations_counts(servers: Stack) -> None:
    play = Play.of(servers)
    with transaction() as session:
        composed = mail.compose(session.get_one(OutboxMessage, written(play)))
    assert composed["From"].addresses[0].addr_spec == "billing@planshift.invalid"
    assert str(composed["Reply-To"]) == "billing@dns.example"


def test_staff_read_who_asks_and_in_which_words(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.request("start", note="We move on Friday.\nPlease be quick.")
    with transaction() as session:
        notices.write(session, lock_change(session, change_id), "review_requested")
        about = OutboxMessage.subject == change_id, OutboxMessage.event == "review_requested"
        message = session.scalars(select(OutboxMessage).where(*about)).one()
        text = _plain(message)
        assert f"Customer: {message.customer.name}\nService: {play.service_ref}\n" in text
        assert f"\nDecide here: {settings().public_url}/staff/changes/{change_id}\n" in text
        assert "The customer's note:\n  We move on Friday.\n  Please be quick.\n" in text
        message.values = {name: value for name, value in message.values.items() if name != "note"}
        assert "note" not in _plain(message)


def _plain(message: OutboxMessage) -> str:
    body = mail.compose(message).get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return text


@pytest.mark.parametrize(
    ("address", "again", "said"),
    [
        ("refuse-451@dns.invalid", True, ""),
        ("refuse-550@dns.invalid", False, "550"),
        ("refuse-552@dns.invalid", False, "552"),
        ("a,b@dns.invalid", False, "a,b@dns.invalid"),
        ("x@[1", False, "x@[1"),
    ],
)
def test_a_definite_no_ends_at_once_and_staff_see_whom_it_is_about(
    servers: Stack, address: str, again: bool, said: str
) -> None:
    play = Play.of(servers)
    message_id = written(play, address)
    with transaction() as session:
        change_id = session.get_one(OutboxMessage, message_id).subject
    play.deliver_mails(change_id)
    assert is_tried_again(message_id) is again
    letters = [(letter.id, letter.customer) for letter in waiting(play)]
    assert letters == ([] if again else [(message_id, "Example")])
    assert all(said in (letter.error or "") for letter in waiting(play))


@pytest.mark.parametrize(("user", "password", "is_sent"), [("", "p", True), ("u", "", True), ("u", "p", False)])
def test_only_a_user_with_a_password_signs_in(servers: Stack, user: str, password: str, is_sent: bool) -> None:
    """The server of these tests knows no sign-in, so it takes mail from whoever does not try."""
    play = Play.of(servers)
    message_id = written(play)
    signed_in = {"PLANSHIFT_SMTP_USER": user, "PLANSHIFT_SMTP_PASSWORD": password}
    with environment(dict(os.environ) | signed_in):
        external_step(mail.deliver, OutboxMessage, message_id)
    with transaction() as session:
        message = session.get_one(OutboxMessage, message_id)
        assert (message.sent_at is not None) is is_sent
        assert (message.last_error or "").startswith("SMTPNotSupportedError") is not is_sent


def test_a_delivery_that_ended_leaves_no_deadline_behind(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one that runs hold up a worker that stops."""
    deadlines: list[Timer] = []

    class Seen(Timer):
        def start(self) -> None:
            deadlines.append(self)
            super().start()

    monkeypatch.setattr(smtp, "Timer", Seen)
    external_step(mail.deliver, OutboxMessage, written(Play.of(servers)))
    [deadline] = deadlines
    deadline.join(5)
    assert (deadline.is_alive(), deadline.daemon) == (False, True)


def test_once_the_address_is_right_the_mail_is_sent_there(servers: Stack) -> None:
    play = Play.of(servers)
    message_id = written(play, "refuse-550@dns.invalid")
    with transaction() as session:
        change_id = session.get_one(OutboxMessage, message_id).subject
    play.deliver_mails(change_id)
    with transaction() as session:
        right = f"right@{play.slug}.invalid"
        put_customer(session, play.provider(session), "customer", CUSTOMER | {"email": right})
        retry_dead_letter(session, NOON_17_JULY, message_id, Attribution("ana", "the address is right now"))
    play.deliver_mails(change_id)
    with transaction() as session:
        message = session.get_one(OutboxMessage, message_id)
        assert (message.recipient, message.sent_at is not None) == (right, True)
    assert waiting(play) == []


def test_what_did_not_arrive_is_sent_once_more_to_where_its_reader_is_now(servers: Stack) -> None:
    play = Play.of(servers)
    message_id = written(play)
    with pytest.raises(NotSentYet, match=message_id):
        once_more(play, message_id)
    external_step(mail.deliver, OutboxMessage, message_id)
    with transaction() as session:
        put_customer(session, play.provider(session), "customer", CUSTOMER | {"email": f"new@{play.slug}.invalid"})
    once_more(play, message_id)
    with transaction() as session:
        message = session.get_one(OutboxMessage, message_id)
        assert (message.recipient, message.sent_at) == (f"new@{play.slug}.invalid", None)
        [resent] = session.scalars(select(OperatorAction).where(OperatorAction.subject == message_id)).all()
        assert (resent.action, resent.actor) == ("mail.resend", "ana")
        assert resent.details == {"sent_at": instant_text(NOON_17_JULY), "recipient": f"zone@{play.slug}.invalid"}
    external_step(mail.deliver, OutboxMessage, message_id)
    with transaction() as session:
        assert session.get_one(OutboxMessage, message_id).sent_at is not None


def test_only_a_provider_of_its_own_has_a_mail_sent_once_more(servers: Stack) -> None:
    play, other = Play.of(servers), Play.of(servers)
    message_id = written(play)
    for provider, asked in ((other, message_id), (play, "msg_unknown")):
        with pytest.raises(UnknownRow, match=asked):
            once_more(provider, asked)


def once_more(play: Play, message_id: str) -> None:
    with transaction() as session:
        send_again(session, NOON_17_JULY, play.provider(session), message_id, Attribution("ana", "it is not there"))


@pytest.mark.parametrize("text", ["a,b@example.com", "billing", "x@[1", "Ana <ana@example.com>", "a@b\r\nBcc: c@d"])
def test_a_sender_that_does_not_parse_stops_the_process(text: str) -> None:
    with pytest.raises(ValueError, match=r"(?s)mail_from.*is no mail address"):
        Settings(mail_from=text)
