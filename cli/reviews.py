"""planshift changes approve and reject: what staff decide about changes that the catalogue leaves to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.amounts import money_of
from cli.once import Decided, Key, decide, of_row

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from models.provider import Provider

ChangeId = Annotated[str, typer.Argument(help="The plan change's id.")]
Actor = Annotated[str, typer.Option(help="Your name, for the history.")]


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift changes approve chg_01jd… --actor ana --reason 'server is ready'")(approve)
    app.command(epilog="Example: planshift changes reject chg_01jd… --actor ana --reason 'No space in this rack.'")(
        reject
    )


def approve(
    change_id: ChangeId,
    actor: Actor,
    reason: Annotated[str, typer.Option(help="The reason, for the history.")],
    unit_price: Annotated[
        str | None,
        typer.Option(help="What a unit costs this service, as '200.00 USD'; the list price or less."),
    ] = None,
    key: Key = None,
) -> None:
    """Let a change that awaits review go on, at the price that the customer accepted or a lower one."""
    from engine.review import approve_change
    from models.audit import Attribution
    from models.plan_change import PlanChange

    def act(session: Session, _: Provider, now: datetime) -> Decided:
        price = money_of(unit_price) if unit_price else None
        status = approve_change(session, now, change_id, Attribution(actor, reason), price)
        return Decided(f"{change_id} is {status.value}.", (change_id,))

    decide(of_row(PlanChange, change_id), key, ("approve", change_id, unit_price, actor, reason), act)


def reject(
    change_id: ChangeId,
    actor: Actor,
    reason: Annotated[str, typer.Option(help="What the customer reads.")],
    key: Key = None,
) -> None:
    """Refuse a change that awaits review."""
    from engine.review import reject_change
    from models.audit import Attribution
    from models.plan_change import PlanChange

    def act(session: Session, _: Provider, now: datetime) -> Decided:
        status = reject_change(session, now, change_id, Attribution(actor, reason))
        return Decided(f"{change_id} is {status.value}.")

    decide(of_row(PlanChange, change_id), key, ("reject", change_id, actor, reason), act)
