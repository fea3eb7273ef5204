"""What would otherwise wait in silence, from the rows alone: `planshift doctor`, /metrics and the log say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain.lifecycle import Status
from engine.jobs.external_call import machine_time
from models.base import WrongSecretKey
from models.heartbeat import Heartbeat
from models.inbox import InboxEvent, RefusedWebhook
from models.outbox import OutboxMessage
from models.pending_work import MACHINE_NOW
from models.plan_change import IN_HAND, PlanChange
from models.provider import Connection, Provider

# Signs of life come every few seconds; whoever gave none for so long is not alive.
SILENT_AFTER = timedelta(seconds=30)
# The first failure may be a hiccup; the third is not.
FAILED_OFTEN = 3
# A refused webhook is told so long, unless one was believed since.
REFUSED_FOR = timedelta(hours=1)


class Trouble(NamedTuple):
    """`kind` and `subject` are a metric's labels; the sentence says what to do."""

    kind: str
    subject: str
    sentence: str


def troubles(session: Session, queues: Iterable[str]) -> list[Trouble]:
    """All that is wrong now. `queues` are those that need a worker."""
    found = [*_secret_key(session)]
    # Without its secrets a connection cannot be read, and so nothing of it is said.
    checks = (_stuck, _calls_that_fail, _mail, _refused_webhooks)
    return [*found, *_silent(session, queues), *(one for check in checks for one in check(session))]


def _secret_key(session: Session) -> Iterator[Trouble]:
    try:
        session.scalars(select(Connection.secrets).limit(1)).first()
    except WrongSecretKey as error:
        yield Trouble("secret_key", "", str(error))


def _silent(session: Session, queues: Iterable[str]) -> Iterator[Trouble]:
    query = select(Heartbeat.name, Heartbeat.at, Heartbeat.at > MACHINE_NOW - SILENT_AFTER)
    signs = {name: (at, is_fresh) for name, at, is_fresh in session.execute(query)}
    alive = {name for name, (_, is_fresh) in signs.items() if is_fresh}
    if "sweep" not in alive:
        last = f"The last was at {signs['sweep'][0].isoformat()}" if "sweep" in signs else "There was none yet"
        sentence = f"No sweep runs: lost messages are not enqueued again. {last}. Start beat, workers."
        yield Trouble("sweep", "beat", sentence)
    for queue in queues:
        if f"queue:{queue}" not in alive:
            yield Trouble(
                "no_worker", queue, f"No worker takes from {queue}. Start `planshift worker --queues {queue}`."
            )


def _stuck(session: Session) -> Iterator[Trouble]:
    query = select(Provider.slug, func.count()).join(PlanChange, PlanChange.provider_id == Provider.id)
    for slug, count in session.execute(query.where(PlanChange.status == Status.STUCK).group_by(Provider.slug)):
        yield Trouble("stuck", slug, f"{count} changes are stuck. See `planshift changes list --stuck`.")


def _calls_that_fail(session: Session) -> Iterator[Trouble]:
    """A host or a gateway that answers with errors, or not at all."""
    query = (
        select(Provider.slug, func.count(), func.max(PlanChange.last_error))
        .join(PlanChange, PlanChange.provider_id == Provider.id)
        .where(
            text(IN_HAND),
            PlanChange.status.in_((Status.PAID, Status.APPLYING, Status.INVOICED)),
            PlanChange.last_error.is_not(None),
            PlanChange.attempts >= FAILED_OFTEN,
        )
    )
    for slug, count, error in session.execute(query.group_by(Provider.slug)):
        yield Trouble("failing", slug, f"{count} changes fail again and again; one of them: {error:.200}")


def _mail(session: Session) -> Iterator[Trouble]:
    waiting = select(func.count(), func.max(OutboxMessage.last_error)).where(
        OutboxMessage.sent_at.is_(None),
        OutboxMessage.last_error.is_not(None),
        OutboxMessage.attempts >= FAILED_OFTEN,
        OutboxMessage.next_attempt_at.is_not(None),
    )
    count, error = session.execute(waiting).one()
    if count:
        yield Trouble("mail", "", f"{count} mails cannot be sent; one of them: {error:.200}")


def _refused_webhooks(session: Session) -> Iterator[Trouble]:
    """Refused, and none believed since: a wrong secret looks like that, and a forger alone does, too."""
    long_ago = machine_time(session) - REFUSED_FOR
    believed = (
        select(InboxEvent.id)
        .where(
            InboxEvent.connection_id == RefusedWebhook.connection_id,
            InboxEvent.source == "webhook",
            InboxEvent.recorded_at > long_ago,
            InboxEvent.recorded_at > RefusedWebhook.refused_at,
        )
        .correlate(RefusedWebhook)
    )
    query = (
        select(Provider.slug, Connection.adapter, func.max(RefusedWebhook.reason))
        .join(Connection, Connection.id == RefusedWebhook.connection_id)
        .join(Provider, Provider.id == Connection.provider_id)
        .where(RefusedWebhook.refused_at > long_ago, ~believed.exists())
        .group_by(Provider.slug, Connection.adapter)
    )
    for slug, adapter, reason in session.execute(query):
        sentence = f"Webhooks of {adapter} are refused, and none was believed since: {reason:.200} Is the secret right?"
        yield Trouble("webhooks_refused", slug, sentence)
