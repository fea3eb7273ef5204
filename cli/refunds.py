"""planshift refunds: refunds that failed in the end."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.once import Decided, Key, of_row
from cli.once import decide as decide_once

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.provider import Provider

app = typer.Typer()

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
    key: Key = None,
) -> None:
    """Answer a refund that failed, where the catalogue asks a person."""
    from engine.operators.failed_refunds import decide_refund
    from models.audit import Attribution
    from models.payment import Refund

    def act(session: Session, provider: Provider, now: datetime) -> Decided:
        amount = session.get_one(Refund, refund_id).to_decide
        refund = decide_refund(session, now, provider, refund_id, choice.value, Attribution(actor, reason))
        if choice is Answer.AGAIN:
            return Decided(f"{refund_id}: {amount} {_SAID[choice]}, as {refund.id}.", (refund.id,))
        return Decided(f"{refund_id}: {amount} {_SAID[choice]}.")

    decide_once(of_row(Refund, refund_id), key, ("decide", refund_id, choice, actor, reason), act)


@app.command(epilog="Example: planshift refunds failed ref_01jd… --actor ana --reason 'account closed, line 31/7'")
def failed(refund_id: RefundId, actor: Actor, reason: Reason, key: Key = None) -> None:
    """Record that a transfer which was made by hand came back."""
    from engine.operators.failed_refunds import report_failed
    from models.audit import Attribution
    from models.payment import Refund

    def act(session: Session, provider: Provider, now: datetime) -> Decided:
        refund = report_failed(session, now, provider, refund_id, Attribution(actor, reason))
        return Decided(f"{refund_id}: {refund.amount} came back.")

    decide_once(of_row(Refund, refund_id), key, ("failed", refund_id, actor, reason), act)
