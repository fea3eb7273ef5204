"""planshift refunds: refunds that failed in the end."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(help="Decide about refunds that failed.", no_args_is_help=True)

RefundId = Annotated[str, typer.Argument(help="The refund's id, ref_….")]
Actor = Annotated[str, typer.Option(help="Your name, for the record.")]
Reason = Annotated[str, typer.Option(help="The reason, for the record.")]


class Answer(StrEnum):
    """What becomes of the money."""

    CREDIT = "credit"
    AGAIN = "again"
    SENT = "sent"


_SAID = {
    Answer.CREDIT: "is account credit again",
    Answer.AGAIN: "is refunded again",
    Answer.SENT: "was transferred by hand",
}


@app.command(epilog="Example: planshift refunds decide ref_01jd… credit --actor ana --reason 'agreed by phone'")
def decide(
    refund_id: RefundId,
    choice: Annotated[
        Answer, typer.Argument(help="credit: account credit. again: refunded once more. sent: you have transferred it.")
    ],
    actor: Actor,
    reason: Reason,
) -> None:
    """Answer a refund that failed, where the catalogue asks a person."""
    from engine.operators.failed_refunds import UnknownRefund, decide_refund
    from models.audit import Attribution
    from models.database import transaction
    from models.payment import Refund
    from models.provider import Provider, business_now
    from tasks.story import enqueue_task

    with transaction() as session:
        found = session.get(Refund, refund_id)
        if found is None:
            raise UnknownRefund(refund_id)
        amount, provider = found.to_decide, session.get_one(Provider, found.provider_id)
        now = business_now(session, Provider, provider.id)
        refund = decide_refund(session, now, provider, refund_id, choice.value, Attribution(actor, reason))
    if choice is Answer.AGAIN:
        enqueue_task("payments.refund", refund_id=refund.id)
    typer.echo(f"{refund_id}: {amount} {_SAID[choice]}{f', as {refund.id}' if choice is Answer.AGAIN else ''}.")


@app.command(epilog="Example: planshift refunds failed ref_01jd… --actor ana --reason 'account closed, line 31/7'")
def failed(refund_id: RefundId, actor: Actor, reason: Reason) -> None:
    """Record that a transfer which was made by hand came back."""
    from engine.operators.failed_refunds import UnknownRefund, report_failed
    from models.audit import Attribution
    from models.database import transaction
    from models.payment import Refund
    from models.provider import Provider, business_now

    with transaction() as session:
        found = session.get(Refund, refund_id)
        if found is None:
            raise UnknownRefund(refund_id)
        provider = session.get_one(Provider, found.provider_id)
        now = business_now(session, Provider, provider.id)
        refund = report_failed(session, now, provider, refund_id, Attribution(actor, reason))
    typer.echo(f"{refund_id}: {refund.amount} came back.")
