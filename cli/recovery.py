"""planshift changes retry and compensate: what operators do about a change that is stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.once import Decided, Key, decide, of_row

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from models.provider import Provider

ChangeId = Annotated[str, typer.Argument(help="The plan change's id.")]
Actor = Annotated[str, typer.Option(help="Your name, for the history.")]
Reason = Annotated[str, typer.Option(help="The reason, for the history.")]


class NotCompensated(Exception):
    """The change stays stuck; says why."""


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift changes retry chg_01jd… --actor ana --reason 'host is back'")(retry)
    app.command(epilog="Example: planshift changes compensate chg_01jd… --actor ana --reason 'rack is full'")(
        compensate
    )


def retry(change_id: ChangeId, actor: Actor, reason: Reason, key: Key = None) -> None:
    """Try a stuck change again: the host is read first, and gets the order again if it does not show the new plan. A
    change that was given up before it was paid is enqueued again."""
    from engine.operators.recovery import retry as try_again
    from models.audit import Attribution
    from models.plan_change import PlanChange

    def act(session: Session, _: Provider, now: datetime) -> Decided:
        status = try_again(session, now, change_id, Attribution(actor, reason))
        return Decided(f"{change_id} is {status.value}.", (change_id,))

    decide(of_row(PlanChange, change_id), key, ("retry", change_id, actor, reason), act)


def compensate(change_id: ChangeId, actor: Actor, reason: Reason, key: Key = None) -> None:
    """Take a stuck change back: the host keeps the old plan, the money becomes credit, a credit note is printed."""
    from domain.lifecycle import Status
    from engine.operators.recovery import compensation
    from models.audit import Attribution
    from models.plan_change import PlanChange
    from tasks.run import external_step
    from tasks.story import enqueue_task

    # What is compensated is not compensated again, with a key or without.
    reached = external_step(compensation(Attribution(actor, reason)), PlanChange, change_id)

    def act(session: Session, _: Provider, now: datetime) -> Decided:
        if reached is not Status.COMPENSATED:
            text = session.get_one(PlanChange, change_id).reason_text
            raise NotCompensated(f"{change_id} stays stuck. {text or 'Another call is under way. Ask again shortly.'}")
        return Decided(f"{change_id} is compensated.")

    decide(of_row(PlanChange, change_id), key, ("compensate", change_id, actor, reason), act)
    enqueue_task("plan_change.notify", change_id=change_id)
