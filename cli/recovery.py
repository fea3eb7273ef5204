"""planshift changes retry and compensate: what operators do about a change that is stuck."""

from __future__ import annotations

from typing import Annotated

import typer

ChangeId = Annotated[str, typer.Argument(help="The plan change's id.")]
Who = Annotated[str, typer.Option(help="Your name, for the history.")]
Why = Annotated[str, typer.Option(help="The reason, for the history.")]


class NotCompensated(Exception):
    """The change stays stuck; says why."""


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift changes retry chg_01jd… --who ana --why 'host is back'")(retry)
    app.command(epilog="Example: planshift changes compensate chg_01jd… --who ana --why 'rack is full'")(compensate)


def retry(change_id: ChangeId, who: Who, why: Why) -> None:
    """Try a stuck change again: the host is read first, and told again if it does not show the new plan. A change that
    was given up before it was paid is rung for again."""
    from engine.operators.recovery import By
    from engine.operators.recovery import retry as try_again
    from models.database import transaction
    from models.plan_change import PlanChange
    from models.provider import business_now
    from tasks.story import ring

    with transaction() as session:
        status = try_again(session, business_now(session, PlanChange, change_id), change_id, By(who, why))
    ring(change_id)
    typer.echo(f"{change_id} is {status.value}.")


def compensate(change_id: ChangeId, who: Who, why: Why) -> None:
    """Take a stuck change back: the host keeps the old plan, the money becomes credit, a credit note is printed."""
    from domain.lifecycle import Status
    from engine.operators.recovery import By, compensation
    from models.database import transaction
    from models.plan_change import PlanChange
    from tasks.run import outside
    from tasks.story import ring_step

    if outside(compensation(By(who, why)), PlanChange, change_id) is not Status.COMPENSATED:
        with transaction() as session:
            reason = session.get_one(PlanChange, change_id).reason_text
        raise NotCompensated(f"{change_id} stays stuck. {reason or 'Another call is under way. Ask again shortly.'}")
    ring_step("plan_change.notify", change_id=change_id)
    typer.echo(f"{change_id} is compensated.")
