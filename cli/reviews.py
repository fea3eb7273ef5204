"""planshift changes approve and reject: what staff decide about changes that the catalogue leaves to them."""

from __future__ import annotations

from typing import Annotated

import typer

ChangeId = Annotated[str, typer.Argument(help="The plan change's id.")]
Actor = Annotated[str, typer.Option(help="Your name, for the history.")]


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift changes approve chg_01jd… --actor ana --reason 'server is ready'")(approve)
    app.command(epilog="Example: planshift changes reject chg_01jd… --actor ana --reason 'No space in this rack.'")(
        reject
    )


def approve(
    change_id: ChangeId, actor: Actor, reason: Annotated[str, typer.Option(help="The reason, for the history.")]
) -> None:
    """Let a change that awaits review go on, at the price that the customer accepted."""
    from engine.review import approve_change
    from models.audit import Attribution
    from models.database import transaction
    from models.plan_change import PlanChange
    from models.provider import business_now
    from tasks.story import enqueue

    with transaction() as session:
        status = approve_change(
            session, business_now(session, PlanChange, change_id), change_id, Attribution(actor, reason)
        )
    enqueue(change_id)
    typer.echo(f"{change_id} is {status.value}.")


def reject(
    change_id: ChangeId, actor: Actor, reason: Annotated[str, typer.Option(help="What the customer reads.")]
) -> None:
    """Refuse a change that awaits review."""
    from engine.review import reject_change
    from models.audit import Attribution
    from models.database import transaction
    from models.plan_change import PlanChange
    from models.provider import business_now

    with transaction() as session:
        status = reject_change(
            session, business_now(session, PlanChange, change_id), change_id, Attribution(actor, reason)
        )
    typer.echo(f"{change_id} is {status.value}.")
