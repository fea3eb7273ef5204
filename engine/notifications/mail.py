"""Mail from the outbox: at least once, always with the same Message-ID, so that a reader sees it once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage

from sqlalchemy.orm import Session

from domain.addresses import BadMailAddress, on_the_wire
from engine.jobs.external_call import ExternalStep, retry_at, take_lease
from engine.notifications.letter import letter_of
from engine.notifications.smtp import DeliveryError, send
from models import storage
from models.outbox import FOR_STAFF, OutboxMessage
from models.provider import lock_row_and_clock, locked_row
from settings import settings


@dataclass(frozen=True, slots=True)
class MailCall:
    """A mail to send; `attached` is the digest of a document and the name of its file."""

    message_id: str
    fence: int
    mail: EmailMessage
    attached: tuple[str, str] | None


def begin_delivery(session: Session, now: datetime, message_id: str) -> MailCall | None:
    """The mail to send; None if it is sent, or in another worker's hands."""
    message = locked_row(session, OutboxMessage, message_id)
    if message.sent_at is not None:
        return None
    fence = take_lease(message)
    if fence is None:
        return None
    try:
        mail = compose(message)
    except BadMailAddress as error:
        message.lease_until = message.next_attempt_at = None
        message.last_error = str(error)
        session.flush()
        return None
    attached = message.values.get("attached")
    return MailCall(message.id, fence, mail, (attached["sha256"], attached["name"]) if attached else None)


def perform_delivery(call: MailCall) -> DeliveryError | None:
    """Hands the mail to the SMTP server; returns what went wrong, if anything."""
    if call.attached is not None:
        sha256, name = call.attached
        call.mail.add_attachment(storage.get(sha256), maintype="application", subtype="pdf", filename=name)
    return send(call.mail)


def finish_delivery(session: Session, now: datetime, call: MailCall, error: DeliveryError | None) -> None:
    """Sent, to be tried again after a pause, or, after a definite no, a dead letter; nothing, if somebody else has
    taken over."""
    message = locked_row(session, OutboxMessage, call.message_id)
    if message.fence != call.fence:
        return
    message.lease_until = None
    if error is None:
        message.sent_at = now
        message.unschedule()
    else:
        message.last_error = error.text
        message.next_attempt_at = None if error.permanent else retry_at(session, message.attempts)
    session.flush()


def compose(message: OutboxMessage) -> EmailMessage:
    """The mail of an outbox row, as plain text and HTML. Raises BadMailAddress."""
    letter = letter_of(message.event, message.locale, message.values, message.event in FOR_STAFF)
    sender = on_the_wire(message.values.get("sender") or settings().mail_from)
    mail = EmailMessage()
    mail["From"] = Address(" ".join(message.values["provider"].split()), addr_spec=sender)
    mail["To"] = on_the_wire(message.recipient)
    if reply_to := message.values.get("reply_to"):
        mail["Reply-To"] = on_the_wire(reply_to)
    mail["Date"] = message.created_at
    mail["Subject"] = letter.subject
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text)
    mail.add_alternative(letter.html, subtype="html")
    mail["Content-Language"] = letter.language  # last: whatever is content by now goes into the first part
    return mail


deliver = ExternalStep(begin_delivery, perform_delivery, finish_delivery, MailCall, opens=lock_row_and_clock)
