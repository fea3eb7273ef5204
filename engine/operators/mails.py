"""A mail is sent once more, because somebody says that it did not arrive."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from domain.periods import instant_text
from engine.jobs.retention import ContentsDeleted
from engine.notifications.notices import address_again
from models.audit import Attribution, record_action
from models.outbox import OutboxMessage
from models.provider import Provider, UnknownRow


class NotSentYet(Exception):
    """It is on its way, or was given up and is tried again as a dead letter."""

    def __init__(self, message: OutboxMessage) -> None:
        super().__init__(f"{message.id} was not sent yet: it is tried by itself, or as what was given up.")


def send_again(
    session: Session, now: datetime, provider: Provider, message_id: str, attribution: Attribution
) -> OutboxMessage:
    """The same mail, with the same Message-ID, to where its reader is reached now. The outbox delivers it.

    Raises UnknownRow, NotSentYet, ContentsDeleted.
    """
    message = session.get(OutboxMessage, message_id, with_for_update={"of": OutboxMessage})
    if message is None or message.provider_id != provider.id:
        raise UnknownRow(message_id)
    if message.sent_at is None:
        raise NotSentYet(message)
    if not message.recipient:
        raise ContentsDeleted(message.id)
    before = {"sent_at": instant_text(message.sent_at), "recipient": message.recipient}
    record_action(session, provider.id, now, "mail.resend", message.id, attribution, **before)
    address_again(session, message)
    message.sent_at = None
    message.schedule_now()
    session.flush()
    return message
