"""A mail is written in its reader's language, as plain text and HTML, in the provider's name and colour."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import engine.notifications
from domain.contrast import contrast, ink_on
from engine.notifications.gallery import write_gallery
from engine.notifications.letter import letter_of
from engine.notifications.mail import compose
from models.outbox import FOR_STAFF, OutboxMessage

EVENTS = {path.stem for path in (Path(engine.notifications.__file__).parent / "mails").glob("*.txt")} - FOR_STAFF

# Every value that a template may name, with no letter of ours in it.
VALUES: dict[str, Any] = {
    "provider": "例", "colour": "#0b5394", "customer": "山田 花子", "service": "例1", "plan": "例2", "from_plan": "例3",
    "to_plan": "例4", "total": "¥373", "due": "¥550", "credit": "¥1", "lost": "¥2", "saved": "¥3", "amount": "¥4",
    "to_decide": "¥5", "renewal_price": "¥6", "number": "1", "payable_until": "7/24", "effective_on": "8/1",
    "due_on": "8/8", "owed": "¥7", "left": "¥8",
    "ends_on": "8/1", "problem": "例5", "reason": "例6", "why": "service_ended", "link": "https://pay.example/1",
    "is_due": True, "is_late": True, "at_once": False, "sender": None, "reply_to": "help@pay.example",
}  # fmt: skip
OTHERWISE = {"is_due": False, "is_late": False, "at_once": True, "credit": None, "to_decide": None, "why": None}

# What the gallery shows beside the common case of an event.
IN_OTHER_WORDS = {
    "canceled-service-ended", "ending_scheduled-at-once", "money_returned-invoice", "paid_from_credit-invoice",
    "payment_declined-invoice", "payment_did_not_come-invoice", "plan_changed-later", "refund_failed-to-decide",
    "refund_failed_for_staff-to-decide", "refund_failed_for_staff-at-gateway", "renewal_invoice-paid",
    "refused-for-a-reason", "renewal_reminder-late", "service_ended-nothing-back",
}  # fmt: skip

LACKING: dict[str, dict[str, Any]] = {
    "payment_did_not_come": {"to_plan": None},
    "paid_from_credit": {"to_plan": None, "left": None},
    "refund_failed": {"number": None},
}


@pytest.mark.parametrize(("event", "locale"), list(product(sorted(EVENTS), ["ja-JP", "hi"])))
def test_no_english_is_in_a_mail(event: str, locale: str) -> None:
    for values in (VALUES, VALUES | OTHERWISE, VALUES | OTHERWISE | LACKING.get(event, {})):
        letter = letter_of(event, locale, values, for_staff=False)
        said = f"{letter.subject}\n{letter.text}".replace(values["link"], "")
        assert not re.findall(r"[A-Za-z]{2,}", said), said
        assert letter.paragraphs[0].lines == ["山田 花子 様" if locale == "ja-JP" else "प्रिय 山田 花子 जी,"]
        assert [paragraph.label for paragraph in letter.paragraphs].count(None) == len(letter.paragraphs) - 1


def test_the_gallery_shows_every_mail_in_every_language(tmp_path: Path) -> None:
    written = {path.name: path.read_text() for path in write_gallery(tmp_path)}
    for event, language in product(sorted(EVENTS), ("en", "es", "ja", "hi")):
        assert f"{event}-{language}.html" in written
        assert f"{event}-{language}.txt" in written
    assert {name.removesuffix("-en.txt") for name in written} >= FOR_STAFF
    shown = {name.removesuffix("-en.txt"): text for name, text in written.items() if name.endswith("-en.txt")}
    otherwise = {name for name in shown if "-" in name}
    assert otherwise == IN_OTHER_WORDS
    assert [name for name in otherwise if shown[name] == shown[name.partition("-")[0]]] == []
    assert "Your bank or the payment service has declined" in written["payment_declined-invoice-en.txt"]
    assert [name for name, text in written.items() if name.endswith(".txt") and "{" in text] == []


def composed(locale: str = "ja", **values: Any) -> EmailMessage:
    """As it is read by whoever gets its bytes."""
    message = OutboxMessage(
        id="msg_1", event="payment_requested", locale=locale, values=VALUES | values, recipient="hanako@pay.example",
        created_at=datetime(2027, 7, 17, 3, tzinfo=UTC),
    )  # fmt: skip
    read = message_from_bytes(compose(message).as_bytes(policy=SMTP), policy=default)
    assert isinstance(read, EmailMessage)
    return read


def parts(mail: EmailMessage) -> tuple[str, str]:
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None and html is not None  # noqa: PT018
    return plain.get_content(), html.get_content()


def test_both_forms_say_the_same_and_names_are_encoded_right() -> None:
    mail = composed(provider="Zonas y más")
    assert (mail["From"].addresses[0].display_name, mail["Content-Language"]) == ("Zonas y más", "ja")
    assert (mail["Subject"], mail["Date"].datetime.year) == ("例4への変更: ¥373のお支払いをお願いします", 2027)
    text, html = parts(mail)
    assert "山田 花子 様" in text
    assert "お支払い額: ¥373（期限: 7/24）" in text
    assert "内容を確認して支払う: https://pay.example/1" in text
    assert 'href="https://pay.example/1"' in html
    assert "background:#0b5394;color:#ffffff" in html
    assert all(line in html for line in text.splitlines() if line and "https" not in line)


def test_a_message_from_before_mails_had_a_colour_has_one_all_the_same() -> None:
    _, html = parts(composed(colour=None))
    assert "background:#1f4e79;color:#ffffff" in html


def test_a_name_is_text_and_never_markup() -> None:
    text, html = parts(composed(customer="<b>Ana</b>", service="{to_plan}"))
    assert "<b>Ana</b>" in text
    assert "{to_plan}" in text
    assert "<b>" not in html
    assert "&lt;b&gt;Ana" in html


@pytest.mark.parametrize("colour", ["#000000", "#ffffff", "#ffcc00", "#0b5394", "#38761d", "#777777", "#ff0000"])
def test_what_stands_on_the_providers_colour_can_be_read(colour: str) -> None:
    assert contrast(ink_on(colour), colour) >= 4.5
