"""Mail from the outbox: at least once, always with the same Message-ID, so that a reader sees it once."""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.jobs.external_call import ExternalStep, retry_at, take_lease
from models import storage
from models.outbox import OutboxMessage
from settings import settings

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "mails"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # plain text
)


@dataclass(frozen=True, slots=True)
class MailCall:
    """A mail to send; `attached` is the digest of a document and the name of its file."""

    message_id: str
    fence: int
    mail: EmailMessage
    attached: tuple[str, str] | None


def begin_delivery(session: Session, now: datetime, message_id: str) -> MailCall | None:
    """The mail to send; None if it is sent, or in another worker's hands."""
    message = _lock_message(session, message_id)
    if message.sent_at is not None:
        return None
    fence = take_lease(session, message)
    if fence is None:
        return None
    attached = message.values.get("attached")
    return MailCall(message.id, fence, compose(message), (attached["sha256"], attached["name"]) if attached else None)


def perform_delivery(call: MailCall) -> str | None:
    """Hands the mail to the SMTP server; returns what went wrong, if anything."""
    config = settings()
    try:
        if call.attached is not None:
            sha256, name = call.attached
            call.mail.add_attachment(storage.get(sha256), maintype="application", subtype="pdf", filename=name)
        with smtplib.SMTP(config.smtp_host, config.smtp_port, timeout=config.smtp_timeout_seconds) as server:
            if config.smtp_starttls:
                server.starttls()
            if config.smtp_user and config.smtp_password:
                server.login(config.smtp_user, config.smtp_password.get_secret_value())
            server.send_message(call.mail)
    except (OSError, smtplib.SMTPException) as error:
        return f"{type(error).__name__}: {error}"
    return None


def finish_delivery(session: Session, now: datetime, call: MailCall, error: str | None) -> None:
    """Sent, or to be tried again after a pause; nothing, if somebody else has taken over."""
    message = _lock_message(session, call.message_id)
    if message.fence != call.fence:
        return
    message.lease_until = None
    if error is None:
        message.sent_at = now
        message.unschedule()
    else:
        message.last_error = error
        message.next_attempt_at = retry_at(session, message.attempts)
    session.flush()


def compose(message: OutboxMessage) -> EmailMessage:
    """The mail of an outbox row. The first line of a template is the subject."""
    text = _TEMPLATES.get_template(f"{message.event}.txt").render(message.values)
    subject, _, body = text.partition("\n")
    sender = settings().mail_from
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = message.recipient
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(body.lstrip("\n"))
    return mail


def _lock_message(session: Session, message_id: str) -> OutboxMessage:
    return session.execute(
        select(OutboxMessage)
        .where(OutboxMessage.id == message_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


deliver = ExternalStep(begin_delivery, perform_delivery, finish_delivery, MailCall)
